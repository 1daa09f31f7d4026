"""PRID2011: the people who are kept, and the halves by seed."""

import layouts
import pytest

from cosam_jax.data import load_dataset
from cosam_jax.errors import InputError

# Person 3 is short in a, 4 in b, 6 in one camera only; 201 is two people with one number.
IN_A = {1: 28, 2: 30, 3: 27, 4: 40, 5: 28, 6: 50, 7: 29, 201: 40}
IN_B = {1: 29, 2: 28, 3: 60, 4: 5, 5: 28, 7: 28, 201: 40}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
  return layouts.prid(tmp_path_factory.mktemp("prid"), IN_A, IN_B)


def test_only_long_tracklets_in_both_cameras_of_the_first_200(root):
  tables = load_dataset("prid2011", root)
  assert set(tables.train.identities.tolist()) | set(tables.query.identities.tolist()) == {
    1,
    2,
    5,
    7,
  }
  assert len(tables.train) == 4
  assert tables.query.identities.tolist() == tables.gallery.identities.tolist()
  assert set(tables.query.cameras.tolist()) == {1}
  assert set(tables.gallery.cameras.tolist()) == {2}
  who = int(tables.gallery.identities[0])
  assert tables.gallery.lengths[0] == IN_B[who]
  path = tables.gallery.frames.name(int(tables.gallery.frame_ids(0)[1]))
  assert path.endswith(f"multi_shot/cam_b/person_{who:04d}/0002.png")
  assert "expected 178 tracklets of 89" in tables.warnings[0]


def test_ten_splits_that_depend_on_the_seed_alone(root):
  def tested(split, seed):
    return tuple(load_dataset("prid2011", root, split=split, seed=seed).query.identities.tolist())

  splits = [tested(split, 0) for split in range(10)]
  assert splits == [tested(split, 0) for split in range(10)]
  assert len(set(splits)) > 2
  assert splits != [tested(split, 1) for split in range(10)]
  for split in range(10):
    train = load_dataset("prid2011", root, split=split).train.identities.tolist()
    assert not set(train) & set(splits[split])


def test_the_full_size_halves_into_89(tmp_path):
  people = dict.fromkeys(range(1, 179), 28)
  tables = load_dataset("prid2011", layouts.prid(tmp_path, people, people))
  assert (len(tables.train), len(tables.query), len(tables.gallery)) == (178, 89, 89)
  assert tables.warnings == ()


@pytest.mark.parametrize("split", [-1, 10])
def test_splits_that_do_not_exist(root, split):
  with pytest.raises(InputError, match=f"split {split} of prid2011 does not exist: choose 0 to 9"):
    load_dataset("prid2011", root, split=split)


def test_bad_directories(tmp_path):
  layouts.prid(tmp_path, {1: 30, 2: 3}, {1: 30, 2: 30})
  with pytest.raises(InputError, match=r"has 1 people with more than 27 frames in both cameras"):
    load_dataset("prid2011", tmp_path)
  shots = tmp_path / "prid_2011" / "multi_shot"
  (shots / "cam_b" / "person_0003").mkdir()
  with pytest.raises(InputError, match=r"tracklet folder .*cam_b/person_0003 is empty"):
    load_dataset("prid2011", tmp_path)
  (shots / "cam_b" / "person_0003").rename(shots / "cam_b" / "x")
  with pytest.raises(InputError, match=r"cam_b/x must be named person_ and a number"):
    load_dataset("prid2011", tmp_path)
  (shots / "cam_b").rename(shots / "b")
  with pytest.raises(InputError, match=r"data directory .*cam_b does not exist"):
    load_dataset("prid2011", tmp_path)
