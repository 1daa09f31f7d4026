"""The frames that a manifest's paths and patterns name."""

import layouts
import pytest
from photos import mask, photo, picture

from cosam_jax.data import load_dataset
from cosam_jax.data.left_out import LeftOut
from cosam_jax.data.sets.listed_frames import frames_among, listed_frames
from cosam_jax.errors import InputError


def test_absolute_paths_inside_the_manifests_folder(tmp_path):
  root = layouts.folder(tmp_path / "set")
  (tmp_path / "way").symlink_to(root)
  for base in (root, tmp_path / "way"):
    rows = [f"{base}/{split}/1/{camera}/t/*.jpg,1,{camera},{split},{split}\n"
            for split, camera in (("train", 1), ("query", 1), ("gallery", 2))]  # fmt: skip
    rows[0] = rows[0].replace("*.jpg", "0.jpg")
    (root / "m.csv").write_text("path,identity,camera,tracklet,split\n" + "".join(rows))
    tables = load_dataset("folder", base / "m.csv")
    assert tables.train.lengths.tolist() == [1]
    assert tables.train.frames.relative(0) == "train/1/1/t/0.jpg"
    assert tables.query.lengths.tolist() == [2]
  for path in (f"{tmp_path}/else.jpg", f"{root}/../else.jpg", f"{root}ish/else.jpg"):
    (root / "m.csv").write_text(f"path,identity,camera,tracklet,split\n{path},1,1,t,train\n")
    with pytest.raises(InputError, match=r"is absolute|leaves the data directory"):
      load_dataset("folder", root / "m.csv")


@pytest.fixture
def root(tmp_path):
  for name in ("a/f10.jpg", "a/f9.jpg", "a/f1.PNG", "a/[1].jpg", "@eaDir/f9.jpg", "a/deep/x.jpg"):
    layouts.image(tmp_path / name)
  (tmp_path / "a" / "notes.txt").touch()
  return tmp_path


def test_a_pattern_names_images_in_natural_order_and_counts_the_rest(root):
  left_out = LeftOut()
  found = listed_frames(root / "m.csv", 2, "*/f*", left_out)
  assert found == ["a/f1.PNG", "a/f9.jpg", "a/f10.jpg"]
  (said,) = left_out.sentences()
  assert said.startswith("1 file or folder of the storage system")
  assert said.endswith("@eaDir/f9.jpg")
  left_out = LeftOut()
  assert listed_frames(root / "m.csv", 2, "a/*", left_out)[-2:] == ["a/f9.jpg", "a/f10.jpg"]
  deeper, other = sorted(left_out.sentences(), key=lambda said: "formats" in said)
  assert deeper == f"1 folder inside of a tracklet's folder is left out: {root / 'a' / 'deep'}"
  assert other.startswith("1 file of a format that is not read (.txt) is left out")


def test_a_path_is_itself_before_it_is_a_pattern(root):
  left_out = LeftOut()
  assert listed_frames(root / "m.csv", 2, "a/[1].jpg", left_out) == ["a/[1].jpg"]
  (root / "a" / "[1].jpg").rename(root / "a" / "1.jpg")
  assert listed_frames(root / "m.csv", 2, "a/[1].jpg", left_out) == ["a/1.jpg"]
  # A path without a pattern is taken as it is written, whether the file is there or not.
  assert listed_frames(root / "m.csv", 2, "./a//none.jpg", left_out) == ["a/none.jpg"]
  assert left_out.sentences() == ()


@pytest.mark.parametrize(
  ("text", "message"),
  [
    ("../a/f9.jpg", r"line 7 of .*m\.csv has the path '\.\./a/f9\.jpg', which leaves the data"),
    ("a/*.bmp", r"line 7 of .*m\.csv: no .*\.jpg, .* file matches the pattern 'a/\*\.bmp' below"),
    ("a", r"line 7 of .*m\.csv has the path 'a', which is not a .*write a/\*\.jpg"),
    ("*Dir/*.jpg", r"line 7 of .*: no .* file matches the pattern '\*Dir/\*\.jpg'"),
  ],
)
def test_paths_that_name_no_image_are_refused_with_their_line(root, text, message):
  with pytest.raises(InputError, match=message):
    listed_frames(root / "m.csv", 7, text, LeftOut())


def test_masks_among_a_tracklets_images_are_no_frames(tmp_path):
  for number in range(3):
    picture(tmp_path / "p" / "walk" / f"{number}.jpg", photo(number))
    picture(tmp_path / "p" / "walk" / f"{number}_mask.png", mask())
    picture(tmp_path / "p" / "masks" / f"{number}.jpg", mask())
  paths = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*g"))
  assert len(paths) == 9
  left_out = LeftOut()
  folders, names = frames_among(tmp_path, paths, left_out)
  assert folders == ["p/walk"] * 3
  assert names == ["0.jpg", "1.jpg", "2.jpg"]
  (said,) = left_out.sentences()
  assert said.startswith("4 masks are left out: "), "three files and a folder"


def test_frames_keep_their_order_and_may_be_named_twice(root):
  paths = ["a/f9.jpg", "a/f1.PNG", "a/f9.jpg", "top.jpg"]
  assert frames_among(root, paths, LeftOut()) == (
    ["a", "a", "a", ""], ["f9.jpg", "f1.PNG", "f9.jpg", "top.jpg"]
  )  # fmt: skip
