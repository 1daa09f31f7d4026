"""Directories -> compact stores of frames: sorted listings, safe paths, missing frames."""

import dataclasses
import os
import pathlib
import re
from collections.abc import Iterable, Sequence

import numpy as np

from cosam_jax.data.companions import companions
from cosam_jax.data.identities import PLAIN, Numbering
from cosam_jax.data.left_out import (
  DEEPER,
  LOOSE,
  OTHER,
  LeftOut,
  set_aside,
)
from cosam_jax.data.links import require_inside, require_whole_links
from cosam_jax.data.table_columns import MOST_NAME_LETTERS, require_whole_names
from cosam_jax.data.tracklets import (
  FilePaths,
  FrameStore,
  JoinedFrames,
  TrackletTable,
)
from cosam_jax.errors import InputError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


def require_directory(path: str | os.PathLike, what: str) -> pathlib.Path:
  """The directory as a path; InputError, which names `what` it must hold, if it does not exist."""
  path = pathlib.Path(path)
  if not path.is_dir():
    state = "is a file, not a directory" if path.exists() else "does not exist"
    seen = "" if path.is_absolute() else f" (seen from {pathlib.Path.cwd()})"
    raise InputError(
      f"data directory {path} {state}{seen}; it must hold {what}: give the place of your copy with "
      "--data_dir"
    )
  return path


def natural_key(name: str) -> list[tuple[int, int, str]]:
  """Sort key by which `frame2` comes before `frame10`."""
  parts = re.split(r"([0-9]+)", name)
  # Digits without leading zeros sort by length, then as text, since Python refuses to make a number
  # of thousands of digits.
  return [
    (1, len(digits := part.lstrip("0")), digits) if i % 2 else (0, 0, part)
    for i, part in enumerate(parts)
    if part
  ]


def list_folders(path: pathlib.Path, contents: str, left_out: LeftOut) -> list[str]:
  """Names of the folders in `path` in natural order, without hidden ones and those of systems.

  Args:
    path: of the folder.
    contents: what the folders hold, for the error.
    left_out: counts the entries that are skipped.

  Raises:
    InputError: there are none, or one is a link that leads nowhere.
  """
  names, images = [], []
  with os.scandir(path) as entries:
    for entry in entries:
      if reason := set_aside(entry.name):
        left_out.add(reason, path, entry.name)
      elif entry.is_dir():
        names.append(entry.name)
      elif entry.is_symlink() and not entry.is_file():
        require_whole_links(path, [entry.name])
      elif is_image(entry.name):
        images.append(entry.name)
      else:
        left_out.add(OTHER, path, entry.name)
  if not names and images:
    raise InputError(
      f"folder {path} holds {len(images):,} images ({min(images, key=natural_key)}, ...), but must "
      f"hold folders of {contents}: put the images of each tracklet into a folder of its own"
    )
  if not names:
    raise InputError(f"folder {path} has no folders of {contents}; add them or remove the folder")
  for image in images:
    left_out.add(LOOSE, path, image)
  return sorted(names, key=natural_key)


def list_images(path: pathlib.Path, left_out: LeftOut) -> list[str]:
  """Names of the images in `path` in natural order.

  Args:
    path: of the folder.
    left_out: counts what is passed over: hidden files, masks and copies, folders, other formats.

  Raises:
    InputError: there is none: an empty tracklet.
  """
  names, folders, others = [], [], []
  with os.scandir(path) as entries:
    for entry in entries:
      if reason := set_aside(entry.name):
        left_out.add(reason, path, entry.name)
      elif is_image(entry.name) and not (entry.is_dir() and not entry.is_symlink()):
        names.append(entry.name)
      elif entry.is_dir():
        folders.append(entry.name)
      else:
        others.append(entry.name)
  if not names:
    raise InputError(
      f"tracklet folder {path} is empty: it has no {', '.join(IMAGE_SUFFIXES)} file"
      f"{_instead(folders, others)}; remove the folder or add its frames"
    )
  for kind, passed in ((DEEPER, folders), (OTHER, others)):
    for name in sorted(passed):
      left_out.add(kind, path, name)
  return sorted(without_companions(path, names, left_out), key=natural_key)


def without_companions(
  folder: str | os.PathLike, names: Iterable[str], left_out: LeftOut
) -> list[str]:
  """The images of a folder that are frames; masks and the like are counted."""
  names = list(names)
  kinds = companions(names)
  for name in sorted(kinds):
    left_out.add(kinds[name], folder, name)
  return [name for name in names if name not in kinds]


def _instead(folders: list[str], others: list[str]) -> str:
  """The end of a sentence about what an empty tracklet's folder holds instead of images."""
  if folders:
    return f", but the folder {min(folders, key=natural_key)!r} and so lies a level too high"
  return f", but {len(others):,} others such as {min(others)!r}" if others else ""


def is_image(name: str) -> bool:
  """Whether a file name ends as an image that can be decoded, and is not hidden."""
  return name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")


def unsafe_reason(path: str) -> str | None:
  """The reason why a listed path may not be opened below the data directory; None if it may."""
  if path.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", path):
    return "is absolute"
  if ".." in re.split(r"[/\\]", path):
    return "leaves the data directory with '..'"
  return "holds a NUL character" if "\0" in path else None


@dataclasses.dataclass(frozen=True)
class ListedTracklet:
  """One tracklet as a reader found it.

  `folder` is a path below the data directory, with `/` between its parts: one path for all `files`,
  or one for each.
  """

  folder: str | Sequence[str]
  files: Sequence[str]
  identity: int
  camera: int
  name: str


def table_of(
  root: pathlib.Path, tracklets: Iterable[ListedTracklet], numbering: Numbering = PLAIN
) -> TrackletTable:
  """Packs listed tracklets into a table; of an iterator, one tracklet is in memory at a time."""
  folders: dict[str, int] = {}
  folder_ids, files, lengths = [], [], []
  identities, cameras, names = [], [], []
  for tracklet in tracklets:
    parents = tracklet.folder
    if isinstance(parents, str):
      parents = [parents] * len(tracklet.files)
    folder_ids.append(np.array([folders.setdefault(p, len(folders)) for p in parents], np.int32))
    longest = max(map(len, [*parents, *tracklet.files]), default=0)
    if longest > MOST_NAME_LETTERS:  # The rows of a text array are as wide as its longest.
      raise InputError(
        f"a file of tracklet {tracklet.name[:60]!r} has a path of {longest:,} letters, and "
        f"at most {MOST_NAME_LETTERS:,} are allowed: correct it"
      )
    files.append(np.array([os.fsencode(file) for file in tracklet.files], np.bytes_))
    lengths.append(len(tracklet.files))
    identities.append(tracklet.identity)
    cameras.append(tracklet.camera)
    names.append(tracklet.name)
  require_whole_names(names)
  spans = np.array(lengths, np.int64)
  store = FilePaths(
    root=root,
    folders=np.array([os.fsencode(folder) for folder in folders], np.bytes_),
    folder_ids=np.concatenate(folder_ids) if files else np.zeros(0, np.int32),
    files=np.concatenate(files) if files else np.array([], np.bytes_),
  )
  return TrackletTable(
    frames=store,
    starts=np.cumsum(spans) - spans,
    lengths=spans,
    identities=np.array(identities, np.int64),
    cameras=np.array(cameras, np.int64),
    names=np.array(names, np.str_),
    numbering=numbering,
  )


def used_frames(table: TrackletTable) -> np.ndarray:
  """bool[f], which frames of the table's store belong to one of its tracklets."""
  change = np.zeros(len(table.frames) + 1, np.int64)
  np.add.at(change, table.starts, 1)
  np.add.at(change, table.starts + table.lengths, -1)
  return np.cumsum(change[:-1]) > 0


def missing_frames(store: FrameStore, used: np.ndarray) -> np.ndarray:
  """int64[m], the frames among `used` (bool[f]) that have no file, in ascending order.

  Each folder is listed once, instead of asking for each file; on network disks this takes seconds
  instead of an hour. Stores that are not files have no missing frames.
  """
  if isinstance(store, JoinedFrames):
    bounds = zip(store.stores, store.offsets[:-1], store.offsets[1:])
    return np.concatenate([missing_frames(inner, used[a:b]) + a for inner, a, b in bounds])
  wanted = np.flatnonzero(used)
  if not isinstance(store, FilePaths) or not len(wanted):
    return np.zeros(0, np.int64)
  wanted = wanted[np.argsort(store.folder_ids[wanted], kind="stable")]
  folders = store.folder_ids[wanted]
  starts = np.flatnonzero(np.diff(folders, prepend=-1))
  missing = []
  for first, last in zip(starts, [*starts[1:], len(wanted)]):
    frames = wanted[first:last]
    folder = os.path.join(os.fsencode(store.root), bytes(store.folders[folders[first]]))
    try:
      with os.scandir(folder) as entries:
        # A broken link is listed but cannot be opened. is_file follows links, at no other cost.
        present = [entry.name for entry in entries if entry.is_file()]
    except OSError:
      present = []
    here = np.isin(store.files[frames], np.array(present, np.bytes_))
    missing.append(frames[~here])
  return np.sort(np.concatenate(missing))


def require_folders_inside(tables: Sequence[TrackletTable]) -> None:
  """Refuses tables with a folder that leads out of its root; files are looked at when read."""
  stores = [table.frames for table in tables]
  for store in {
    id(one): one for many in stores for one in getattr(many, "stores", (many,))
  }.values():
    if isinstance(store, FilePaths):
      folders = (os.path.join(store.root, os.fsdecode(bytes(name))) for name in store.folders)
      require_inside(store.root, folders, allowed=store.follow_links)


def require_frames(tables: Sequence[TrackletTable], show: int = 3) -> None:
  """Raises InputError if frames are missing, with the first few, their number and the total."""
  total, count, first = 0, 0, []
  for store in {id(table.frames): table.frames for table in tables}.values():
    used = np.zeros(len(store), bool)
    for table in tables:
      if table.frames is store:
        used |= used_frames(table)
    absent = missing_frames(store, used)
    total += int(used.sum())
    count += len(absent)
    first += [store.name(int(frame)) for frame in absent[:show]]
  if count:
    more = f" and {count - show:,} more" if count > show else ""
    raise InputError(
      f"{count:,} of {total:,} frames are missing: {', '.join(first[:show])}{more}; unpack the "
      "data set again or correct data_dir"
    )
