"""A person's own data as folders: `<split>/<identity>/<camera>/<tracklet>/*.jpg|jpeg|png`.

Splits are `train`, `query` and `gallery`. Frames are in natural order of their names (`frame2`
before `frame10`). Identities and cameras may be numbers or names.
"""

import os
import pathlib
from collections.abc import Iterator

from cosam_jax.data import expected, listing
from cosam_jax.data.numbering import numbers_of
from cosam_jax.data.tracklets import JUNK, Tables, TrackletTable
from cosam_jax.errors import InputError, renaming

_LAYOUT = "<split>/<identity>/<camera>/<tracklet>/*.jpg|png with the splits train, query, gallery"


def read_folder(data_dir: str | os.PathLike, *, name: str = "folder") -> Tables:
  """Reads a directory in the layout above.

  Raises:
    InputError: a missing split, a folder without folders, or a tracklet without frames.
  """
  root = listing.require_directory(data_dir, _LAYOUT)
  for split in expected.SPLITS:
    if not (root / split).is_dir():
      found = [entry.name for entry in os.scandir(root) if entry.is_dir()]
      raise InputError(
        f"data directory {root} has no folder {split!r}, only {sorted(found) or 'nothing'}; the "
        f"layout is {_LAYOUT}{renaming(split, set(found) - set(expected.SPLITS))}"
      )
  places = {split: list(_places(root / split)) for split in expected.SPLITS}
  every = [place for split in places.values() for place in split]
  identities = numbers_of((identity for identity, _, _ in every), "identity")
  cameras = numbers_of((camera for _, camera, _ in every), "camera")

  def table(split: str) -> TrackletTable:
    listed = (
      listing.ListedTracklet(
        folder=f"{split}/{identity}/{camera}/{tracklet}",
        files=listing.list_images(root / split / identity / camera / tracklet),
        identity=identities[identity],
        camera=cameras[camera],
        name=f"{identity}/{camera}/{tracklet}",
      )
      for identity, camera, tracklet in places[split]
    )
    return listing.table_of(root, listed)

  train, query, gallery = (drop_junk(table(split), split) for split in expected.SPLITS)
  return expected.check_counts(Tables(name, train, query, gallery))


def drop_junk(table: TrackletTable, split: str) -> TrackletTable:
  """The tracklets that have an identity; InputError when a query is junk."""
  junk = table.identities == JUNK
  if split == "query" and junk.any():
    raise InputError(
      f"query tracklet {str(table.names[junk][0])!r} is junk (identity -1), but a query needs an "
      "identity; move it to the gallery or name its identity"
    )
  return table.select(~junk) if junk.any() else table


def _places(split: pathlib.Path) -> Iterator[tuple[str, str, str]]:
  """(identity, camera, tracklet) for every tracklet folder of a split, in natural order."""
  for identity in listing.list_folders(split, "identities"):
    for camera in listing.list_folders(split / identity, "cameras"):
      for tracklet in listing.list_folders(split / identity / camera, "tracklets"):
        yield identity, camera, tracklet
