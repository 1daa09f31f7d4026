"""A user's own tracklets: any folder with images in it, at any depth, is one tracklet.

If a folder's frames are named as in MARS (`0025C1T0002F016.jpg`: person, camera, tracklet, frame),
it may hold several tracklets, which are separated.
"""

import dataclasses
import itertools
import os
import pathlib
import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from cosam_jax.data import links, listing
from cosam_jax.data.companion_looks import folders_of_companions
from cosam_jax.data.left_out import LINKS, OTHER, LeftOut, set_aside
from cosam_jax.data.telling import Telling
from cosam_jax.data.tracklets import FilePaths, TrackletTable
from cosam_jax.data.whole_scenes import warn_of_wide_tracklets
from cosam_jax.errors import InputError
from cosam_jax.runtime.user_paths import user_path

UNKNOWN = -1
"""The identity or camera of a tracklet if it is not known."""
_MARS = re.compile(r"((?:[0-9]{4}|00-1)C([0-9])T[0-9]{4,5})F[0-9]{3,5}\.[A-Za-z]+")
_REPEATED = re.compile(r"(^|/)([^/]+)/(\2C[0-9]T[0-9]{4,5})$")
"""`0025/0025C1T0002` says the person twice."""


def read_tracklets(
  folder: str | os.PathLike, *, follow_links: bool = False, telling: Telling | None = None
) -> TrackletTable:
  """Every folder at or below `folder` that holds images, in natural order of their paths.

  A tracklet is named by its path below `folder`; `folder` itself by its own name. Frames are in
  natural order of their names. If a folder's frames are named as in MARS and belong to several
  tracklets, each of these is a tracklet of its own, with MARS's name in place of the folder's.
  Identities are `UNKNOWN`, and so are cameras unless frames are named as in MARS.

  Args:
    folder: where to look. Left out are hidden folders, those of storage systems (thumbnails,
      trash), and those of masks and the like (`companions`) if their frames are there.
    follow_links: whether links that lead out of `folder` are followed.
    telling: makes remarks on skipped entries and on pictures of whole scenes; None: prints them.

  Raises:
    InputError: there is no such folder, no image in it, or a link leads out of it without
      `follow_links`.
  """
  root = user_path(folder)
  if not root.is_dir():
    state = "is not a folder" if root.exists() else "does not exist"
    raise InputError(f"{root} {state}: give a folder of tracklets, each a folder of images")
  found: dict[pathlib.Path, list[str]] = {}
  left_out = LeftOut()
  for place, folders, files in os.walk(root, followlinks=follow_links):
    folders[:] = _entered(place, folders, left_out)
    _count_files(place, files, left_out)
    below = [path for name in folders if os.path.islink(path := os.path.join(place, name))]
    links.require_inside(root, below, follow_links)
    links.require_no_circle(place, below)
    for link in () if follow_links else below:
      left_out.add(LINKS, place, os.path.basename(link))
    # A broken link to a folder is listed as a file. Links of frames are checked on reading.
    links.require_whole_links(place, [name for name in files if not os.path.splitext(name)[1]])
    if images := [name for name in files if listing.is_image(name)]:
      found[pathlib.Path(place).relative_to(root)] = images
  places = _without_masks(root, found, left_out)
  if not places:
    instead = f" ({'; '.join(left_out.sentences())})" if left_out.sentences() else ""
    raise InputError(
      f"{root} holds no images{instead}: give a folder of tracklets, each a folder of "
      f"{', '.join(listing.IMAGE_SUFFIXES)} files, or a video"
    )
  telling = telling or Telling()
  telling.leave_out(*left_out.sentences(), prefix="")
  telling.warn(*left_out.doubts())

  every = itertools.chain.from_iterable(_tracklets(root, root / place) for place in places)
  table = listing.table_of(root, every)
  assert isinstance(table.frames, FilePaths)
  frames = dataclasses.replace(table.frames, follow_links=follow_links)
  short = [_REPEATED.sub(r"\1\3", name) for name in table.names.tolist()]
  names = np.array(short) if len(set(short)) == len(short) else table.names
  table = dataclasses.replace(table, frames=frames, names=names)
  warn_of_wide_tracklets(table, telling)
  return table


def _entered(place: str, folders: list[str], left_out: LeftOut) -> list[str]:
  """The folders that are searched."""
  entered = []
  for name in folders:
    if reason := set_aside(name):
      left_out.add(reason, place, name)
    else:
      entered.append(name)
  return entered


def _without_masks(
  root: pathlib.Path, found: Mapping[pathlib.Path, list[str]], left_out: LeftOut
) -> list[pathlib.Path]:
  """The folders of frames among those with images, in natural order."""
  folders = {place.parts: names for place, names in found.items()}
  passed = folders_of_companions(root, folders, left_out)
  kept = [place for place in found if place.parts not in passed]
  return sorted(kept, key=lambda place: listing.natural_key(str(place)))


def _count_files(place: str, files: list[str], left_out: LeftOut) -> None:
  """Counts the files of a folder that are not frames."""
  images = [name for name in files if listing.is_image(name)]
  listing.without_companions(place, images, left_out)
  for name in sorted(set(files) - set(images)):
    left_out.add(set_aside(name) or OTHER, place, name)


def tracklets_in(files: Sequence[str]) -> dict[str, int]:
  """The tracklets that MARS's names of frames tell apart: name -> camera; empty for other names."""
  matches = [match for file in files if (match := _MARS.fullmatch(file))]
  return {match[1]: int(match[2]) for match in matches} if len(matches) == len(files) else {}


def _tracklets(root: pathlib.Path, place: pathlib.Path) -> Iterator[listing.ListedTracklet]:
  """The tracklet of a folder, or the several that the names of its frames separate."""
  below = place.relative_to(root).as_posix()
  here = below == "."
  name = (root.resolve().name or "tracklet") if here else below
  files = listing.list_images(place, LeftOut())  # Skipped entries were counted before.
  parts = tracklets_in(files)

  def listed(name: str, files: list[str], camera: int) -> listing.ListedTracklet:
    return listing.ListedTracklet(
      folder="" if here else below, files=files, identity=UNKNOWN, camera=camera, name=name
    )

  if len(parts) < 2:
    yield listed(name, files, *parts.values() or (UNKNOWN,))
    return
  for part, camera in parts.items():
    own = [file for file in files if file.startswith(f"{part}F")]
    yield listed(f"{name}/{part}", own, camera)
