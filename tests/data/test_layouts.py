"""Faults of folders are named by the folders: a level too deep, swapped, above or below."""

import layouts
import pytest

from cosam_jax.data import layouts as checks
from cosam_jax.data import load_dataset
from cosam_jax.errors import InputError


def deeper(path):
  """Moves a folder's contents one level down, into a folder of its own name."""
  path.rename(path.with_name("away"))
  path.mkdir()
  path.with_name("away").rename(path / path.name)


def test_mars_unpacked_a_level_too_deep_swapped_or_partly(tmp_path):
  root = layouts.mars(tmp_path / "deep")
  deeper(root / "bbox_train")
  with pytest.raises(InputError, match=r"bbox_train holds one folder, bbox_train, .*lacks 10 of 10 "
                     r"frames, bbox_test lacks 0 of 12 frames.*move the contents"):  # fmt: skip
    load_dataset("mars", root)
  root = layouts.mars(tmp_path / "swapped")
  (root / "bbox_train").rename(root / "x")
  (root / "bbox_test").rename(root / "bbox_train")
  (root / "x").rename(root / "bbox_test")
  with pytest.raises(InputError, match="bbox_train and bbox_test are swapped"):
    load_dataset("mars", root)
  root = layouts.mars(tmp_path / "part")
  (root / "bbox_test").rename(root / "bbox_Test")
  with pytest.raises(InputError, match=r"there is no bbox_test in .*rename 'bbox_Test' to 'bbox_t"):
    load_dataset("mars", root)
  root = layouts.mars(tmp_path / "above" / "MARS")
  with pytest.raises(InputError, match=r"above/MARS holds bbox_train, bbox_test, info: data_dir"):
    load_dataset("mars", tmp_path / "above")
  with pytest.raises(InputError, match=r"above/MARS holds bbox_train"):
    load_dataset("mars", root / "bbox_train")
  root = layouts.mars(tmp_path / "some")
  next((root / "bbox_train" / "0007").iterdir()).unlink()
  with pytest.raises(InputError, match="1 of 22 frames are missing"):
    load_dataset("mars", root)


@pytest.mark.parametrize(("name", "made", "part"), [
  ("folder", layouts.folder, "train"),
  ("ilids_vid", layouts.ilids, "i-LIDS-VID/sequences/cam1"),
  ("prid2011", lambda root: layouts.prid(root, *[dict.fromkeys((1, 2, 3), 28)] * 2),
   "prid_2011/multi_shot/cam_b"),
])  # fmt: skip
def test_other_sets_unpacked_a_level_too_deep(tmp_path, name, made, part):
  root = made(tmp_path / "set")
  load_dataset(name, root)
  deeper(root / part)
  base = part.rsplit("/", 1)[-1]
  with pytest.raises(InputError, match=f"{part} holds one folder, {base}, .*move the contents"):
    load_dataset(name, root)


def test_duke_and_folders_name_where_the_set_lies(tmp_path):
  for split, camera in (("train", 1), ("query", 1), ("gallery", 2)):
    layouts.image(
      tmp_path / "a" / "duke" / split / "0001" / "0001" / f"0001C{camera}F0001X00001.jpg"
    )
  (tmp_path / "a" / "duke" / "train" / "@eaDir").mkdir()
  load_dataset("dukemtmc_vidreid", tmp_path / "a" / "duke")
  with pytest.raises(InputError, match="a/duke holds train, query, gallery: data_dir may"):
    load_dataset("dukemtmc_vidreid", tmp_path / "a")
  with pytest.raises(InputError, match="a/duke holds train, query, gallery: data_dir may"):
    load_dataset("folder", tmp_path / "a" / "duke" / "train")
  deeper(tmp_path / "a" / "duke" / "train")
  with pytest.raises(InputError, match="train holds one folder, train"):
    load_dataset("dukemtmc_vidreid", tmp_path / "a" / "duke")


@pytest.mark.parametrize(
  ("inside", "found"),
  [
    (["train/x.jpg"], "train"),
    (["TRAIN/x.jpg"], "TRAIN"),
    (["train/x.jpg", "notes.txt", ".hidden/x.jpg", "@eaDir/x.jpg"], "train"),
    (["train/x.jpg", "0.jpg"], None),
    (["train/x.jpg", "other/x.jpg"], None),
    (["train.jpg"], None),
    (["train"], None),
    (["other/x.jpg"], None),
    ([], None),
  ],
)
def test_a_folder_in_a_folder_of_its_name_and_nothing_else(tmp_path, inside, found):
  place = tmp_path / "train"
  place.mkdir()
  for name in inside:
    (place / name).parent.mkdir(exist_ok=True)
    (place / name).touch()
  assert checks.nested(place) == found
  if found:
    with pytest.raises(InputError, match=rf"one folder, {found}, .*contents of .*/{found} up"):
      checks.require_not_nested(place)
  else:
    checks.require_not_nested(place)
  assert checks.nested(tmp_path / "nowhere") is None


def test_where_the_set_lies_is_said_if_all_its_parts_are_there(tmp_path):
  for place in ("up/set/a", "up/set/b", "up/half/a", "up/other"):
    (tmp_path / place).mkdir(parents=True)
  parts = ("a", "b")
  wanted = f"; {tmp_path / 'up' / 'set'} holds a, b: data_dir may mean that"
  assert checks.suggest_root(tmp_path / "up", parts) == wanted
  assert checks.suggest_root(tmp_path / "up" / "set" / "a", parts) == wanted
  for place in ("", "up/half", "up/other", "up/half/a", "nowhere"):
    assert checks.suggest_root(tmp_path / place, parts) == "", place


def test_a_part_that_is_missing_or_a_file(tmp_path):
  (tmp_path / "a").mkdir()
  (tmp_path / "quer").mkdir()
  (tmp_path / "file").touch()
  parts = ("a", "query", "file")
  checks.require_part(tmp_path, "a", parts, "some folders")
  with pytest.raises(
    InputError, match=r"query does not exist; data_dir must hold some folders.*rename 'quer' to 'q"
  ):
    checks.require_part(tmp_path, "query", parts, "some folders")
  with pytest.raises(InputError, match=r"file is a file, not a directory; data_dir must hold some"):
    checks.require_part(tmp_path, "file", parts, "some folders")


def test_an_empty_part_of_mars(tmp_path):
  root = layouts.mars(tmp_path)
  (root / "bbox_train").rename(tmp_path / "away")
  (root / "bbox_train").mkdir()
  numbers = r"\(bbox_train lacks 10 of 10 frames, bbox_test lacks 0 of 12 frames\)"
  with pytest.raises(InputError, match=rf"bbox_train is empty {numbers}: unpack bbox_train.zip"):
    load_dataset("mars", root)
