"""Cameras and frame numbers of own folders, given or read from names; tracklets by MARS's names."""

import pytest
from PIL import Image

from cosam_jax.data.frame_places import frame_folders, frame_numbers
from cosam_jax.data.own_cameras import camera_names, check_camera
from cosam_jax.data.own_tracklets import read_tracklets
from cosam_jax.errors import InputError


def write(root, *paths):
  for path in paths:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 8)).save(root / path)
  return root


def test_cameras_are_said_or_read_from_paths(tmp_path):
  table = read_tracklets(write(tmp_path, "cam1/anna/1.png", "cam12/anna/1.png"))
  assert camera_names(table) == ("", "")
  assert camera_names(table, " gate ") == ("gate", "gate")
  assert camera_names(table, pattern=r"cam(\d+)") == ("1", "12")
  assert camera_names(table, pattern=r"cam\d+") == ("cam1", "cam12")
  unknown = read_tracklets(write(tmp_path / "gaps", "unknown/anna/1.png", "cam2/anna/1.png"))
  assert camera_names(unknown, pattern=r"^[^/]+") == ("cam2", "")
  with pytest.raises(InputError, match="no camera for 1 of 2 tracklets, such as 'cam1/anna'"):
    camera_names(table, pattern=r"cam(\d\d)")


@pytest.mark.parametrize(
  ("camera", "pattern", "folders", "words"),
  [
    ("a", "b", True, "give one of them"),
    ("unknown", None, True, "'unknown', which means that it is unknown"),
    ("-1", None, True, "'-1', which means that it is unknown"),
    (" ", None, True, "0 letters: give 1 to 100"),
    ("x" * 101, None, True, "101 letters"),
    (None, "(", True, "not a regular expression"),
    (None, "a", False, "this is a video"),
  ],
)
def test_what_says_no_camera_is_refused(camera, pattern, folders, words):
  with pytest.raises(InputError, match=words):
    check_camera(camera, pattern, folders=folders)


def test_tracklets_of_one_folder_are_told_apart_by_mars_names(tmp_path):
  """A person's folder in MARS's layout holds several tracklets of several cameras."""
  names = ("0025C1T0001F002", "0025C1T0001F001", "0025C2T0003F009", "00-1C3T0001F001")
  write(tmp_path, *(f"{name[:4]}/{name}.jpg" for name in names))
  write(tmp_path, "mine/0031C2T0001F007.jpg", "mixed/0025C1T0001F001.jpg", "mixed/b.jpg")
  table = read_tracklets(tmp_path)
  found = dict(zip(table.names.tolist(), camera_names(table), strict=True))
  assert found == {
    "0025C1T0001": "1",
    "0025C2T0003": "2",
    "00-1": "3",  # The only tracklet in its folder: it has the folder's name.
    "mine": "2",
    "mixed": "",
  }
  row = table.names.tolist().index("0025C1T0001")
  files = [table.frames.relative(i) for i in table.frame_ids(row)]
  assert files == ["0025/0025C1T0001F001.jpg", "0025/0025C1T0001F002.jpg"]
  assert frame_folders(table)[row] == str(tmp_path / "0025")
  # Names stay different even if a folder beside has a tracklet's name.
  write(tmp_path, "0025C1T0001/a.jpg")
  names = read_tracklets(tmp_path).names.tolist()
  assert "0025/0025C1T0001" in names
  assert "0025C1T0001" in names
  assert len(set(names)) == len(names)


def test_frames_have_the_numbers_of_their_files(tmp_path):
  write(tmp_path, "a/img_0009.png", "a/img_0123.png", "b/first.png", "b/x2.png", "c/p2_7.png")
  write(tmp_path, "c/p10_3.png", "d/" + "9" * 40 + ".png")
  table = read_tracklets(tmp_path)
  first, last = frame_numbers(table)
  # a: the files' numbers. b: not all files have one. c: not ascending. d: too large for a frame.
  assert first.tolist() == [9, 1, 1, 1]
  assert last.tolist() == [123, 2, 2, 1]
