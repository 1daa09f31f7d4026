"""A user's own data as folders: `<split>/<identity>/<camera>/<tracklet>/` with a tracklet's images.

Splits are `train`, `query` and `gallery`. Images have an ending of `listing.IMAGE_SUFFIXES`, and
are in natural order of their names (`frame2` before `frame10`). Identities and cameras may be
numbers or names.
"""

import os
import pathlib
from collections.abc import Iterator

from cosam_jax.data import expected, listing
from cosam_jax.data.companion_looks import folders_of_companions
from cosam_jax.data.companions import names_companions
from cosam_jax.data.layouts import require_not_nested, suggest_root
from cosam_jax.data.left_out import NO_SPLIT, LeftOut, set_aside
from cosam_jax.data.numbering import numbering_by, numbers_of
from cosam_jax.data.sets.registry import PARTS
from cosam_jax.data.sets.unknown import without_unknown
from cosam_jax.data.tracklets import Tables, TrackletTable
from cosam_jax.errors import InputError, renaming

_LAYOUT = (
  f"<split>/<identity>/<camera>/<tracklet>/ with {', '.join(listing.IMAGE_SUFFIXES)} files, and "
  "the splits train, query, gallery"
)


def read_folder(data_dir: str | os.PathLike, *, name: str = "folder") -> Tables:
  """Reads a directory in the layout above.

  Raises:
    InputError: a split is missing, a folder has no folders, or a tracklet has no frames.
  """
  root = listing.require_directory(data_dir, _LAYOUT)
  for split in PARTS:
    if not (root / split).is_dir():
      found = [entry.name for entry in os.scandir(root) if entry.is_dir()]
      raise InputError(
        f"data directory {root} has no folder {split!r}, only {sorted(found) or 'nothing'}; the "
        f"layout is {_LAYOUT}{renaming(split, set(found) - set(PARTS))}"
        f"{suggest_root(root, PARTS)}"
      )
  left_out = LeftOut()
  for entry in sorted(os.listdir(root)):
    if entry not in PARTS and (root / entry).is_dir():
      left_out.add(set_aside(entry) or NO_SPLIT, root, entry)
  for split in PARTS:
    require_not_nested(root / split)
  places = {split: list(_places(root / split, left_out)) for split in PARTS}
  every = [place for split in places.values() for place in split]
  identities = numbers_of((identity for identity, _, _ in every), "identity")
  cameras = numbers_of((camera for _, camera, _ in every), "camera")
  numbering = numbering_by(identities, cameras)

  def table(split: str) -> TrackletTable:
    listed = (
      listing.ListedTracklet(
        folder=f"{split}/{identity}/{camera}/{tracklet}",
        files=listing.list_images(root / split / identity / camera / tracklet, left_out),
        identity=identities[identity],
        camera=cameras[camera],
        name=f"{identity}/{camera}/{tracklet}",
      )
      for identity, camera, tracklet in places[split]
    )
    return listing.table_of(root, listed, numbering)

  tables, warnings = without_unknown({split: table(split) for split in PARTS}, identities, cameras)
  warnings = (*warnings, *left_out.sentences(), *left_out.doubts())
  return expected.check_counts(
    Tables(name, tables["train"], tables["query"], tables["gallery"], warnings=warnings)
  )


def _places(split: pathlib.Path, left_out: LeftOut) -> Iterator[tuple[str, str, str]]:
  """(identity, camera, tracklet) for every tracklet folder of a split, in natural order."""
  for identity in listing.list_folders(split, "identities", left_out):
    for camera in listing.list_folders(split / identity, "cameras", left_out):
      place = split / identity / camera
      tracklets = listing.list_folders(place, "tracklets", left_out)
      passed: set[tuple[str, ...]] = set()
      if any(map(names_companions, tracklets)):
        images: dict[tuple[str, ...], list[str]] = {
          (one,): list(filter(listing.is_image, os.listdir(place / one))) for one in tracklets
        }
        passed = folders_of_companions(place, images, left_out, siblings=True, root=split.parent)
      for tracklet in tracklets:
        if (tracklet,) not in passed:
          yield identity, camera, tracklet
