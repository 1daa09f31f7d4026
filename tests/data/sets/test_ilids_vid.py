"""iLIDS-VID: the first half of a row of ls_set is for the test; people count from 1 as listed."""

import shutil

import layouts
import pytest
import scipy.io

from cosam_jax.data import load_dataset
from cosam_jax.errors import InputError


@pytest.mark.parametrize(("split", "tested"), [(0, [1, 9]), (1, [2, 5])])
def test_first_half_of_a_row_is_tested(tmp_path, split, tested):
  # People 1, 2, 5, 9 are numbers 1 to 4; rows (4, 1 | 2, 3) and (2, 3 | 4, 1).
  tables = load_dataset("ilids_vid", layouts.ilids(tmp_path), split=split)
  assert tables.query.identities.tolist() == tested
  assert set(tables.query.cameras.tolist()) == {1}
  assert tables.gallery.identities.tolist() == tested
  assert set(tables.gallery.cameras.tolist()) == {2}
  trained = sorted({1, 2, 5, 9} - set(tested))
  assert sorted(tables.train.identities.tolist()) == sorted(trained * 2)
  first = tables.query.frames.name(int(tables.query.starts[0]))
  assert first.endswith(f"cam1/person{tested[0]:03d}/cam1_person{tested[0]:03d}_00090.png")
  assert tables.query.frames.read(0).startswith(b"\x89PNG")
  assert "expected 300 tracklets of 150" in tables.warnings[0]


def test_the_full_size_halves_into_150(tmp_path):
  rows = [[*range(300, 0, -1)], [*range(1, 301)]] * 5
  root = layouts.ilids(tmp_path, people=range(1, 301), rows=rows)
  tables = load_dataset("ilids_vid", root, split=9)
  assert (len(tables.train), len(tables.query), len(tables.gallery)) == (300, 150, 150)
  assert tables.query.identities.tolist() == [*range(1, 151)]
  assert tables.warnings == ()


@pytest.mark.parametrize(
  ("rows", "split", "message"),
  [
    ([[1, 2, 3, 4]], 1, r"split 1 does not exist: ls_set of .* has splits 0 to 0"),
    ([[1, 2, 3, 4]], -1, r"split -1 does not exist"),
    ([[1, 2, 3, 300]], 0, r"names person number 300, counted from 1, but there are 4 people"),
    ([[0, 1, 2, 3]], 0, r"names person number 0"),
    ([[1, 2, 1, 3]], 0, r"names a person twice"),
  ],
)
def test_splits_that_do_not_fit(tmp_path, rows, split, message):
  with pytest.raises(InputError, match=message):
    load_dataset("ilids_vid", layouts.ilids(tmp_path, rows=rows), split=split)


def test_folders_that_contradict(tmp_path):
  root = layouts.ilids(tmp_path)
  cam2 = root / "i-LIDS-VID" / "sequences" / "cam2"
  wrong = layouts.image(cam2 / "person005" / "cam1_person005_00101.png")
  with pytest.raises(InputError, match=r"says camera 1, person 5, but its folder .*camera 2, pers"):
    load_dataset("ilids_vid", root)
  wrong.rename(cam2 / "person005" / "frame.png")
  with pytest.raises(InputError, match=r"frame.png is not named like cam1_person001_00317.png"):
    load_dataset("ilids_vid", root)
  shutil.rmtree(cam2 / "person005")
  with pytest.raises(InputError, match=r"person005 has no sequence in .*cam2 \(1 such people\)"):
    load_dataset("ilids_vid", root)
  (cam2 / "person005").mkdir()
  with pytest.raises(InputError, match=r"tracklet folder .*cam2/person005 is empty"):
    load_dataset("ilids_vid", root)
  (cam2 / "person005").rename(cam2 / "somebody")
  with pytest.raises(InputError, match=r"cam2/somebody must be named person and a number"):
    load_dataset("ilids_vid", root)
  shutil.rmtree(cam2)
  with pytest.raises(InputError, match=r"data directory .*cam2 does not exist"):
    load_dataset("ilids_vid", root)


def test_the_split_file_is_needed(tmp_path):
  mat = layouts.ilids(tmp_path) / "train-test people splits" / "train_test_splits_ilidsvid.mat"
  scipy.io.savemat(mat, {"ls": 1})
  with pytest.raises(InputError, match=r"no variable 'ls_set', only ls"):
    load_dataset("ilids_vid", tmp_path)
  mat.unlink()
  with pytest.raises(InputError, match=r"info file .*train_test_splits_ilidsvid.mat is missing"):
    load_dataset("ilids_vid", tmp_path)
