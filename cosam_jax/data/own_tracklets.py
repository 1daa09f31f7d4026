"""Somebody's own tracklets: any folder with images in it, at any depth, is one tracklet."""

import dataclasses
import os
import pathlib

from cosam_jax.data import links, listing
from cosam_jax.data.tracklets import FilePaths, TrackletTable
from cosam_jax.errors import InputError

UNKNOWN = -1
"""Identity and camera of tracklets of which nobody said them."""


def read_tracklets(folder: str | os.PathLike, *, follow_links: bool = False) -> TrackletTable:
  """Every folder at or below `folder` that holds images, in natural order of their paths.

  A tracklet is named by its path below `folder`; `folder` itself by its own name. Frames are in
  natural order of their names. Identities and cameras are `UNKNOWN`.

  Args:
    folder: where to look; hidden folders are left out.
    follow_links: whether links that lead out of `folder` are followed.

  Raises:
    InputError: no such folder, no image in it, or a link that leads out of it and may not.
  """
  root = pathlib.Path(folder)
  if not root.is_dir():
    state = "is no folder" if root.exists() else "does not exist"
    raise InputError(f"{root} {state}: give a folder of tracklets, each a folder of images")
  found = []
  for place, folders, files in os.walk(root, followlinks=follow_links):
    folders[:] = [name for name in folders if not name.startswith(".")]
    below = [path for name in folders if os.path.islink(path := os.path.join(place, name))]
    links.require_inside(root, below, follow_links)
    links.require_no_circle(place, below)
    # Of folders; frames are looked at when they are read.
    links.require_whole_links(place, [name for name in files if not os.path.splitext(name)[1]])
    if any(listing.is_image(name) for name in files):
      found.append(pathlib.Path(place))
  if not found:
    raise InputError(
      f"{root} holds no images: give a folder of tracklets, each a folder of "
      f"{', '.join(listing.IMAGE_SUFFIXES)} files, or a video"
    )

  def listed(place: pathlib.Path) -> listing.ListedTracklet:
    below = place.relative_to(root).as_posix()
    here = below == "."
    return listing.ListedTracklet(
      folder="" if here else below,
      files=listing.list_images(place),
      identity=UNKNOWN,
      camera=UNKNOWN,
      name=(root.resolve().name or "tracklet") if here else below,
    )

  found.sort(key=lambda place: listing.natural_key(str(place.relative_to(root))))
  table = listing.table_of(root, map(listed, found))
  assert isinstance(table.frames, FilePaths)
  frames = dataclasses.replace(table.frames, follow_links=follow_links)
  return dataclasses.replace(table, frames=frames)
