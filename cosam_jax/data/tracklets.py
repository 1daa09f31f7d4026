"""The table of tracklets: spans of frames, each with an identity and a camera.

Every reader returns these tables and everything after them (clips, batches, embedding, retrieval)
reads nothing else. A million frames need no Python object each: a frame is an integer, a tracklet a
span of integers, and a path is made when it is asked for.

Notation: n tracklets in a table, f frames in a store.
"""

import contextlib
import dataclasses
import errno
import functools
import os
import pathlib
from typing import Protocol

import numpy as np

from cosam_jax.data.identities import PLAIN, Numbering, numbering_of
from cosam_jax.data.links import LEADS_OUT, is_inside, require_whole_link
from cosam_jax.data.table_columns import require_whole_names, whole_numbers
from cosam_jax.errors import InputError
from cosam_jax.runtime.outside_files import MOST_FRAME_BYTES, read_bytes, require_regular


class FrameStore(Protocol):
  """Encoded frames addressed by an integer, 0 .. len - 1."""

  def __len__(self) -> int:
    """Number of frames."""
    ...

  def name(self, frame: int) -> str:
    """A path or record name, for people and for errors."""
    ...

  def read(self, frame: int) -> bytes:
    """The encoded image; OSError when it cannot be read."""
    ...


@dataclasses.dataclass(frozen=True, eq=False)
class FilePaths:
  """Frames that are files: root / folder / name, with each folder written once.

  Attributes:
    root: directory that all paths start from.
    folders: bytes[k], folders below `root`, `/` between their parts, "" for the root itself.
    folder_ids: int32[f], the folder of each frame.
    files: bytes[f], the file name of each frame.
    follow_links: whether links that lead out of `root` are read too.
  """

  root: pathlib.Path
  folders: np.ndarray
  folder_ids: np.ndarray
  files: np.ndarray
  follow_links: bool = False

  def __len__(self) -> int:
    return len(self.files)

  def relative(self, frame: int) -> str:
    """The path below `root`, with `/` between its parts."""
    folder = os.fsdecode(bytes(self.folders[self.folder_ids[frame]]))
    file = os.fsdecode(bytes(self.files[frame]))
    return f"{folder}/{file}" if folder else file

  def path(self, frame: int) -> str:
    """The path of a frame, as `open` takes it."""
    return os.path.join(self.root, self.relative(frame))

  def name(self, frame: int) -> str:
    """The path of a frame."""
    return self.path(frame)

  def path_to_read(self, frame: int) -> str:
    """The path; OSError if it leads out of `root` or nowhere, or is not a regular file."""
    path = self.path(frame)
    if not self.follow_links:
      folder = int(self.folder_ids[frame])
      if folder not in self._inside:
        self._inside[folder] = is_inside(self.root, os.path.dirname(path))
      plain = self._inside[folder] and b"/" not in bytes(self.files[frame])
      if not plain or (os.path.islink(path) and not is_inside(self.root, path)):
        require_whole_link(path)
        raise PermissionError(errno.EPERM, LEADS_OUT, path)
    require_whole_link(path)
    with contextlib.suppress(FileNotFoundError):  # Opening it will raise this again.
      require_regular(os.stat(path), path, MOST_FRAME_BYTES)
    return path

  @functools.cached_property
  def _inside(self) -> dict[int, bool]:
    """Folders checked so far -> whether they lie in `root`."""
    return {}

  def read(self, frame: int) -> bytes:
    """The bytes of the file; OSError when it cannot be read."""
    return read_bytes(self.path_to_read(frame), MOST_FRAME_BYTES)


@dataclasses.dataclass(frozen=True, eq=False)
class JoinedFrames:
  """Several stores addressed as one; the first frame of store i is `offsets[i]`."""

  stores: tuple[FrameStore, ...]

  @property
  def offsets(self) -> np.ndarray:
    """int64[stores + 1]: the first frame of each store, then the number of frames."""
    return np.cumsum([0] + [len(store) for store in self.stores], dtype=np.int64)

  def __len__(self) -> int:
    return sum(len(store) for store in self.stores)

  def locate(self, frame: int) -> tuple[FrameStore, int]:
    """The store of a frame and the frame's number in it; IndexError past the end."""
    first = 0
    for store in self.stores:
      if first <= frame < first + len(store):
        return store, frame - first
      first += len(store)
    raise IndexError(f"frame {frame} of {len(self)}")

  def name(self, frame: int) -> str:
    """The path or record name of a frame."""
    store, inner = self.locate(int(frame))
    return store.name(inner)

  def read(self, frame: int) -> bytes:
    """The encoded image; OSError when it cannot be read."""
    store, inner = self.locate(int(frame))
    return store.read(inner)


@dataclasses.dataclass(frozen=True, eq=False)
class TrackletTable:
  """Tracklets as spans of the frames of one store.

  Attributes:
    frames: where the encoded frames lie.
    starts: int64[n], first frame of each tracklet; its frames are `starts[i]` to
      `starts[i] + lengths[i] - 1`, in the order of time.
    lengths: int64[n], frames of each tracklet, always at least 1.
    identities: int64[n], the data set's own numbers.
    cameras: int64[n], the data set's own numbers.
    names: str[n], tracklet names for people, such as `0065C1T0002` or `0001/cam1/0002`.
    numbering: the meaning of these numbers (MARS: 0 is a distractor), and the user's names.

  Raises:
    InputError: a tracklet has no frame, or its span leaves the store.
  """

  frames: FrameStore
  starts: np.ndarray
  lengths: np.ndarray
  identities: np.ndarray
  cameras: np.ndarray
  names: np.ndarray
  numbering: Numbering = PLAIN

  def __post_init__(self):
    numbers = ("starts", "lengths", "identities", "cameras")
    for field in numbers:
      object.__setattr__(self, field, whole_numbers(getattr(self, field), field))
    require_whole_names(self.names)
    object.__setattr__(self, "names", np.asarray(self.names, np.str_))
    shapes = {field: getattr(self, field).shape for field in (*numbers, "names")}
    if any(shape != (len(self.starts),) for shape in shapes.values()):
      raise ValueError(f"every column of a tracklet table needs one entry a tracklet, got {shapes}")
    empty = np.flatnonzero(self.lengths < 1)
    if len(empty):
      first = str(self.names[empty[0]])
      raise InputError(
        f"tracklet {first!r} has no frames ({len(empty)} such tracklets); remove it from the data "
        "or add its frames"
      )
    outside = np.flatnonzero((self.starts < 0) | (self.starts + self.lengths > len(self.frames)))
    if len(outside):
      i = outside[0]
      raise InputError(
        f"tracklet {str(self.names[i])!r} spans frames {self.starts[i]} to "
        f"{self.starts[i] + self.lengths[i] - 1}, but there are {len(self.frames)} frames; "
        "correct its row"
      )

  def __len__(self) -> int:
    return len(self.starts)

  @property
  def total_frames(self) -> int:
    """Frames of all tracklets together."""
    return int(self.lengths.sum(dtype=np.int64))

  @property
  def num_identities(self) -> int:
    """Number of different identities."""
    return len(np.unique(self.identities))

  def frame_ids(self, tracklet: int) -> np.ndarray:
    """int64[length], the frames of a tracklet in the order of time."""
    start = self.starts[tracklet]
    return np.arange(start, start + self.lengths[tracklet], dtype=np.int64)

  def labels(self) -> np.ndarray:
    """int32[n], identities renumbered 0 .. K-1 in ascending order, as a classifier needs them."""
    return np.unique(self.identities, return_inverse=True)[1].reshape(-1).astype(np.int32)

  def select(self, which: np.ndarray) -> "TrackletTable":
    """The tracklets at `which` (indices in the order wanted, or a boolean mask), same store."""
    which = np.asarray(which)
    if which.size == 0:
      which = which.astype(np.int64)
    return dataclasses.replace(
      self,
      starts=self.starts[which],
      lengths=self.lengths[which],
      identities=self.identities[which],
      cameras=self.cameras[which],
      names=self.names[which],
    )


def concatenate(a: TrackletTable, b: TrackletTable) -> TrackletTable:
  """The tracklets of `a`, then those of `b`; frames of two stores are addressed as one."""
  if a.frames is b.frames:
    frames, offset = a.frames, 0
  else:
    frames, offset = JoinedFrames((a.frames, b.frames)), len(a.frames)
  return TrackletTable(
    frames=frames,
    starts=np.concatenate([a.starts, b.starts + offset]),
    lengths=np.concatenate([a.lengths, b.lengths]),
    identities=np.concatenate([a.identities, b.identities]),
    cameras=np.concatenate([a.cameras, b.cameras]),
    names=np.concatenate([a.names, b.names]),
    numbering=a.numbering.joined(b.numbering),
  )


@dataclasses.dataclass(frozen=True, eq=False)
class Tables:
  """A data set as its protocol uses it.

  Attributes:
    name: the data set's name, such as `mars`.
    train: tracklets to learn from.
    query: tracklets to search for.
    gallery: tracklets to search in: the `reference` gallery, with the queries taken out and junk
      dropped. Distractors stay.
    official: the `official` gallery if it differs from `gallery` (MARS: queries left in, junk
      dropped), else None.
    warnings: sentences about the directory that are not errors, such as counts of a subset.
    manifest: whether a list of frames was read, and no directory.
  """

  name: str
  train: TrackletTable
  query: TrackletTable
  gallery: TrackletTable
  official: TrackletTable | None = None
  warnings: tuple[str, ...] = ()
  manifest: bool = False

  def __post_init__(self):
    distractor = numbering_of(self.name).distractor  # The data set decides what 0 means.
    for split in ("train", "query", "gallery", "official"):
      if (table := getattr(self, split)) is not None and distractor is not None:
        numbering = dataclasses.replace(table.numbering, distractor=distractor)
        object.__setattr__(self, split, dataclasses.replace(table, numbering=numbering))

  def gallery_with_queries(self) -> TrackletTable:
    """The `official` gallery; the gallery itself if the data set has only one."""
    return self.gallery if self.official is None else self.official

  def following_links(self) -> "Tables":
    """The same tables, which also read links that lead out of their directory."""
    stores: dict[int, FrameStore] = {}

    def follow(store: FrameStore) -> FrameStore:
      if id(store) not in stores:
        made = store
        if isinstance(store, FilePaths):
          made = dataclasses.replace(store, follow_links=True)
        elif isinstance(store, JoinedFrames):
          made = JoinedFrames(tuple(follow(inner) for inner in store.stores))
        stores[id(store)] = made
      return stores[id(store)]

    def table(old: TrackletTable) -> TrackletTable:
      return dataclasses.replace(old, frames=follow(old.frames))

    official = None if self.official is None else table(self.official)
    train, query, gallery = map(table, (self.train, self.query, self.gallery))
    return dataclasses.replace(self, train=train, query=query, gallery=gallery, official=official)
