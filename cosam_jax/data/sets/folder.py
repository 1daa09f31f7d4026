"""A user's own data as folders: `<split>/<identity>/<camera>/<tracklet>/` with a tracklet's images.

Splits are `train`, `query` and `gallery`. Images have an ending of `listing.IMAGE_SUFFIXES`, and
are in natural order of their names (`frame2` before `frame10`). Identities and cameras may be
numbers or names.
"""

import os
import pathlib
from collections.abc import Iterator

from cosam_jax.data import expected, listing
from cosam_jax.data.companion_looks import look_like_companions
from cosam_jax.data.companions import companion_folders, names_companions
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
_SHOWN = 3


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
  doubtful: list[str] = []
  places = {split: list(_places(root / split, left_out, doubtful)) for split in PARTS}
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
  warnings = (*warnings, *left_out.sentences(), *_kept(doubtful))
  return expected.check_counts(Tables(name, **tables, warnings=warnings))


def _places(
  split: pathlib.Path, left_out: LeftOut, doubtful: list[str]
) -> Iterator[tuple[str, str, str]]:
  """(identity, camera, tracklet) for every tracklet folder of a split, in natural order.

  `doubtful` receives the folders that have the name of masks and the like, and are tracklets.
  """
  for identity in listing.list_folders(split, "identities", left_out):
    for camera in listing.list_folders(split / identity, "cameras", left_out):
      place = split / identity / camera
      tracklets = listing.list_folders(place, "tracklets", left_out)
      named = _named_as_masks(place, tracklets)
      for tracklet in tracklets:
        kind, pairs = named.get(tracklet, ("", []))
        if kind and look_like_companions(split.parent, kind, pairs):
          left_out.add(kind, place, tracklet)
          continue
        if kind:
          doubtful.append(str(place / tracklet))
        yield identity, camera, tracklet


def _named_as_masks(
  place: pathlib.Path, tracklets: list[str]
) -> dict[str, tuple[str, list[tuple[pathlib.Path, pathlib.Path]]]]:
  """Folder -> its kind and its (image, frame), if it is named as masks of a tracklet beside it."""
  if not any(map(names_companions, tracklets)):
    return {}
  images = {
    one: sorted(filter(listing.is_image, os.listdir(place / one)), key=listing.natural_key)
    for one in tracklets
  }
  kinds = companion_folders({(one,): files for one, files in images.items()}, siblings=True)
  named = {}
  for (one,), kind in kinds.items():
    beside = {other: images[other] for other in tracklets if (other,) not in kinds}
    owner = next(
      other
      for other, files in beside.items()
      if companion_folders({(one,): images[one], (other,): files}, siblings=True)
    )
    # Both lists are in order; the owner may have frames that the companion lacks.
    stems = {os.path.splitext(file)[0]: file for file in images[owner]}
    frames = [
      stems.get(os.path.splitext(file)[0], images[owner][min(i, len(images[owner]) - 1)])
      for i, file in enumerate(images[one])
    ]
    pairs = zip(images[one], frames, strict=True)
    named[one] = kind, [(place / one / a, place / owner / b) for a, b in pairs]
  return named


def _kept(folders: list[str]) -> tuple[str, ...]:
  """A sentence about folders that are read although their names say masks or maps."""
  if not folders:
    return ()
  more = ", ..." if len(folders) > _SHOWN else ""
  return (
    f"{len(folders):,} folders have the name of masks, maps or copies of a tracklet beside them, "
    f"and are read as tracklets, since their images look like other frames: "
    f"{', '.join(folders[:_SHOWN])}{more}; move them elsewhere if they are none",
  )
