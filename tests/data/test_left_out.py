"""Everything passed over in a directory is reported, with numbers and examples."""

import layouts
import pytest

from cosam_jax.data import load_dataset
from cosam_jax.data.doctor import diagnose
from cosam_jax.data.left_out import LeftOut
from cosam_jax.data.own_tracklets import read_tracklets
from cosam_jax.data.telling import Telling
from cosam_jax.errors import InputError

SYSTEM = ["@eaDir", "#recycle", "$RECYCLE.BIN", "lost+found", "System Volume Information",
          "__MACOSX", "@tmp", "@Recycle", ".Trash-1000", ".AppleDouble"]  # fmt: skip


@pytest.mark.parametrize("name", SYSTEM)
def test_folders_of_systems_are_no_tracklets(tmp_path, name):
  layouts.image(tmp_path / "in" / "p1" / "0.jpg")
  layouts.image(tmp_path / "in" / "p1" / name / "0.jpg" / "thumb.jpg")
  layouts.image(tmp_path / "in" / name / "x" / "0.jpg")
  telling = Telling()
  assert read_tracklets(tmp_path / "in", telling=telling).names.tolist() == ["p1"]
  (said,) = telling.left_out
  assert said.startswith("2 ")
  assert name in said
  root = layouts.folder(tmp_path / "own")
  for place in (root, root / "train", root / "train" / "1" / "1", root / "train" / "1" / "1" / "t"):
    layouts.image(place / name / "a" / "b" / "0.jpg")
  tables = load_dataset("folder", root)
  assert tables.train.names.tolist() == ["1/1/t", "1/2/t"]
  said, _ = tables.warnings  # The other: a person in train and query.
  assert said.startswith("4 ")
  assert said in diagnose(tables, sample=0).render()


def test_other_formats_masks_and_links_are_said(tmp_path):
  layouts.image(tmp_path / "p1" / "0001.jpg")
  layouts.image(tmp_path / "p1" / "0001_mask.png")
  layouts.image(tmp_path / "masks" / "p1" / "0001.png")
  for name in ("a.heic", "b.HEIC", "c.txt", "Thumbs.db", ".DS_Store", "._0001.jpg"):
    (tmp_path / "p1" / name).touch()
  (tmp_path / "p2").symlink_to(tmp_path / "p1")
  telling = Telling()
  table = read_tracklets(tmp_path, telling=telling)
  assert table.names.tolist() == ["p1"]
  assert table.lengths.tolist() == [1]
  said = " ".join(telling.left_out)
  for words in ("2 masks are left out", "3 files of formats that are not read (.heic, .txt)", "p2",
                "2 hidden", "1 file or folder of the storage system"):  # fmt: skip
    assert words in said, said
  passed = LeftOut()
  for number in range(2000):
    passed.add("hidden", "a", str(number))
  assert sum(map(len, passed.sentences())) < 1500
  only = tmp_path / "only"
  layouts.image(only / "mask" / "0.png")
  assert read_tracklets(only).names.tolist() == ["mask"], "a person may be called anything"
  (tmp_path / "none").mkdir()
  (tmp_path / "none" / "a.heic").touch()
  with pytest.raises(InputError, match=r"holds no images .*\.heic"):
    read_tracklets(tmp_path / "none")


def test_images_where_folders_are_expected_are_said(tmp_path):
  root = layouts.folder(tmp_path / "own")
  for frame in range(6):
    layouts.image(root / "train" / "1" / "1" / f"{frame}.jpg")
  layouts.image(root / "train" / "1" / "1" / "t" / "deeper" / "0.jpg")
  (root / "val").mkdir()
  tables = load_dataset("folder", root)
  said = " ".join(tables.warnings)
  assert "6 images beside folders of tracklets" in said
  assert "train/1/1/0.jpg" in said
  assert "1 folder inside of a tracklet's folder is left out" in said
  assert "1 folder that is not a split is left out" in said
  flat = tmp_path / "flat" / "train" / "1" / "1"
  layouts.folder(tmp_path / "flat")
  for frame in range(2):
    (flat / "t" / f"{frame}.jpg").rename(flat / f"{frame}.jpg")
  (flat / "t").rmdir()
  with pytest.raises(InputError, match=r"train/1/1 holds 2 images \(0.jpg, ...\), but must hold"):
    load_dataset("folder", tmp_path / "flat")
