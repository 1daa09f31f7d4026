"""PRID2011: `prid_2011/multi_shot/cam_{a,b}/person_0001/*.png`, 10 random splits by seed.

Only the first 200 person numbers mean the same person in both cameras; above 200, the same number
means two people. The usual protocol keeps the 178 of the 200 with more than 27 frames in both
cameras and halves them at random: 89 to train on, 89 to test. Query is camera a (1), gallery camera
b (2).

Hirzer et al., Person Re-Identification by Descriptive and Discriminative Classification, SCIA 2011.
"""

import os
import pathlib
import re
from collections.abc import Iterator

import numpy as np

from cosam_jax.data import expected, listing
from cosam_jax.data.draws import shuffled
from cosam_jax.data.layouts import require_part
from cosam_jax.data.left_out import LeftOut
from cosam_jax.data.sets.registry import DATASETS, About
from cosam_jax.data.tracklets import Tables
from cosam_jax.errors import InputError

MORE_THAN_FRAMES = 27
SHARED_PEOPLE = 200
_CAMERAS = ("cam_a", "cam_b")
_CONTENTS = "prid_2011/multi_shot/cam_a and prid_2011/multi_shot/cam_b"
ABOUT = About(
  description="PRID2011: the 178 people with more than 27 frames in both of two cameras.",
  homepage="https://www.tugraz.at/institute/icg/research/team-bischof/lrs/downloads/prid11",
  citation="""@inproceedings{hirzer2011person,
  title={Person Re-Identification by Descriptive and Discriminative Classification},
  author={Hirzer, Martin and Beleznai, Csaba and Roth, Peter M. and Bischof, Horst},
  booktitle={Scandinavian Conference on Image Analysis},
  year={2011}
}""",
  unpacking=("Unpack prid_2011.zip; manual_dir is the folder that holds prid_2011/multi_shot."),
)


def read_prid2011(data_dir: str | os.PathLike, *, split: int = 0, seed: int = 0) -> Tables:
  """Reads one of the 10 splits that `seed` draws.

  Args:
    data_dir: directory with `prid_2011/multi_shot`, with `multi_shot`, or with `cam_a` and `cam_b`.
    split: 0 .. 9.
    seed: draws the ten splits, the same on every machine.

  Raises:
    InputError: a folder is missing or not named by a person, a tracklet is empty, the split does
      not exist, or the protocol keeps fewer than two people.
  """
  splits = DATASETS["prid2011"].num_splits
  if not 0 <= split < splits:
    raise InputError(f"split {split} of prid2011 does not exist: choose 0 to {splits - 1}")
  root = listing.require_directory(data_dir, f"PRID2011: {_CONTENTS}")
  places = [root / "prid_2011" / "multi_shot", root / "multi_shot", root]
  shots = next((place for place in places if (place / "cam_a").is_dir()), places[0])
  for camera in _CAMERAS:
    require_part(shots, camera, _CAMERAS, f"PRID2011: {_CONTENTS}")
  left_out = LeftOut()
  table = listing.table_of(root, _tracklets(root, shots, left_out))
  long = table.select(table.lengths > MORE_THAN_FRAMES)
  in_a, in_b = (np.unique(long.identities[long.cameras == camera]) for camera in (1, 2))
  people = np.intersect1d(in_a, in_b)
  if len(people) < 2:
    raise InputError(
      f"{shots} has {len(people)} people with more than {MORE_THAN_FRAMES} frames in both cameras, "
      "but a split needs two at least; unpack PRID2011 again"
    )
  test_people = people[shuffled(len(people), seed, split)[: len(people) // 2]]
  kept = long.select(np.isin(long.identities, people))
  tested = np.isin(kept.identities, test_people)
  tables = Tables(
    name="prid2011",
    train=kept.select(~tested),
    query=kept.select(tested & (kept.cameras == 1)),
    gallery=kept.select(tested & (kept.cameras == 2)),
    warnings=left_out.sentences(),
  )
  return expected.check_counts(tables)


def _tracklets(
  root: pathlib.Path, shots: pathlib.Path, left_out: LeftOut
) -> Iterator[listing.ListedTracklet]:
  """The tracklets of the people who have the same number in both cameras."""
  for camera, folder_name in enumerate(_CAMERAS, start=1):
    for person in listing.list_folders(shots / folder_name, "people", left_out):
      number = re.fullmatch(r"person_([0-9]+)", person)
      folder = shots / folder_name / person
      if number is None:
        raise InputError(f"folder {folder} must be named person_ and a number; rename or remove it")
      if int(number[1]) <= SHARED_PEOPLE:
        yield listing.ListedTracklet(
          folder=folder.relative_to(root).as_posix(),
          files=listing.list_images(folder, left_out),
          identity=int(number[1]),
          camera=camera,
          name=f"{folder_name}/{person}",
        )
