"""iLIDS-VID: 300 people, one tracklet from each of two cameras, 10 published splits.

Frames are `i-LIDS-VID/sequences/cam{1,2}/person*/cam?_person*_*.png`. Row s of `ls_set` in
`train-test people splits/train_test_splits_ilidsvid.mat` permutes the people, counted from 1 in
the sorted order of their folders; the first half of a row holds the *test* identities. Query is
camera 1, gallery is camera 2. Results are means over the 10 splits.

The published COSAM code lists the folders unsorted, so its splits depend on the file system.

Wang et al., Person Re-Identification by Video Ranking, ECCV 2014.
"""

import os
import pathlib
import re
from collections.abc import Iterator

import numpy as np

from cosam_jax.data import expected, links, listing
from cosam_jax.data.layouts import require_part
from cosam_jax.data.left_out import LeftOut
from cosam_jax.data.matlab import read_matrix
from cosam_jax.data.sets.registry import About
from cosam_jax.data.tracklets import Tables
from cosam_jax.errors import InputError

_SPLITS = pathlib.Path("train-test people splits", "train_test_splits_ilidsvid.mat")
_CONTENTS = f"i-LIDS-VID/sequences/cam1, i-LIDS-VID/sequences/cam2 and {_SPLITS}"
_FILE = re.compile(r"cam([0-9]+)_person([0-9]+)_([0-9]+)\.png", re.IGNORECASE)
ABOUT = About(
  description="iLIDS-VID: 300 people, one tracklet in each of two cameras of an airport.",
  homepage="https://xiatian-zhu.github.io/downloads_qmul_iLIDS-VID_ReID_dataset.html",
  citation="""@inproceedings{wang2014person,
  title={Person Re-Identification by Video Ranking},
  author={Wang, Taiqing and Gong, Shaogang and Zhu, Xiatian and Wang, Shengjin},
  booktitle={European Conference on Computer Vision},
  year={2014}
}""",
  unpacking=(
    "Unpack iLIDS-VID.tar; manual_dir is the folder that holds i-LIDS-VID and "
    "'train-test people splits'."
  ),
)


def read_ilids_vid(
  data_dir: str | os.PathLike, *, split: int = 0, follow_links: bool = False
) -> Tables:
  """Reads one of the splits (0 .. 9) of the directory that holds `i-LIDS-VID`.

  The file of the splits may also lie beside that directory. It may be a link that leads elsewhere
  only with `follow_links`.

  Raises:
    InputError: a folder or info file is missing, the split does not exist, a row points past the
      people, a person has one camera, or a file's name contradicts its folder.
  """
  root = listing.require_directory(data_dir, _CONTENTS)
  places = [root / "i-LIDS-VID" / "sequences", root / "sequences"]
  sequences = next((place for place in places if place.is_dir()), places[0])
  for camera in ("cam1", "cam2"):
    require_part(sequences, camera, ("cam1", "cam2"), f"iLIDS-VID: {_CONTENTS}")
  left_out = LeftOut()
  table = listing.table_of(root, _tracklets(root, sequences, left_out))
  people = np.unique(table.identities)
  for number in (1, 2):
    alone = np.setdiff1d(people, table.identities[table.cameras == number])
    if len(alone):
      raise InputError(
        f"person{alone[0]:03d} has no sequence in {sequences / f'cam{number}'} ({len(alone)} such "
        "people), but the splits need both cameras; unpack iLIDS-VID again"
      )
  mats = [root / _SPLITS, root / "i-LIDS-VID" / _SPLITS, root.parent / _SPLITS, root / _SPLITS.name]
  mat = next((path for path in mats if path.is_file()), mats[0])
  links.require_inside(mat.parent, [mat], allowed=follow_links)
  test_people = _test_people(mat, split, people)
  tested = np.isin(table.identities, test_people)
  tables = Tables(
    name="ilids_vid",
    train=table.select(~tested),
    query=table.select(tested & (table.cameras == 1)),
    gallery=table.select(tested & (table.cameras == 2)),
    warnings=left_out.sentences(),
  )
  return expected.check_counts(tables)


def _tracklets(
  root: pathlib.Path, sequences: pathlib.Path, left_out: LeftOut
) -> Iterator[listing.ListedTracklet]:
  for camera in (1, 2):
    people = listing.list_folders(sequences / f"cam{camera}", "people", left_out)
    for person in people:
      number = re.fullmatch(r"person([0-9]+)", person)
      folder = sequences / f"cam{camera}" / person
      if number is None:
        raise InputError(f"folder {folder} must be named person and a number; rename or remove it")
      files = listing.list_images(folder, left_out)
      for file in files:
        _check_name(folder, file, camera, int(number[1]))
      yield listing.ListedTracklet(
        folder=folder.relative_to(root).as_posix(),
        files=files,
        identity=int(number[1]),
        camera=camera,
        name=f"cam{camera}/{person}",
      )


def _check_name(folder: pathlib.Path, file: str, camera: int, person: int) -> None:
  match = _FILE.fullmatch(file)
  if match is None:
    raise InputError(
      f"file {folder / file} is not named like cam1_person001_00317.png; rename or remove it"
    )
  if (int(match[1]), int(match[2])) != (camera, person):
    raise InputError(
      f"file {file!r} says camera {int(match[1])}, person {int(match[2])}, but its folder {folder} "
      f"says camera {camera}, person {person}; move the file or correct its name"
    )


def _test_people(mat: pathlib.Path, split: int, people: np.ndarray) -> np.ndarray:
  """int64[k], the identities that split number `split` tests on."""
  rows = read_matrix(mat, "ls_set")
  if not 0 <= split < len(rows):
    raise InputError(
      f"split {split} does not exist: ls_set of {mat} has splits 0 to {len(rows) - 1}; choose one"
    )
  row = rows[split]
  outside = row[(row < 1) | (row > len(people))]
  if len(outside):
    raise InputError(
      f"split {split} of {mat} names person number {outside[0]}, counted from 1, but there are "
      f"{len(people)} people on disk; the splits need all of them: unpack iLIDS-VID again"
    )
  if len(np.unique(row)) != len(row):
    raise InputError(
      f"split {split} of {mat} names a person twice, so somebody could be trained on and tested; "
      "use the file of the official release"
    )
  return people[row[: len(row) // 2] - 1]
