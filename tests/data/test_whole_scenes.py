"""Pictures of a whole scene bring one sentence that names --boxes; crops of people bring none."""

import layouts
import numpy as np
import pytest
from PIL import Image

from cosam_jax.data.own_tracklets import read_tracklets
from cosam_jax.data.telling import Telling
from cosam_jax.data.tracked_people import stream_of
from cosam_jax.data.videos import Footage, Picture
from cosam_jax.data.whole_scenes import one_person


def silent():
  return Telling(show=lambda _: None, plain=lambda _: None)


def said(folder):
  telling = silent()
  read_tracklets(folder, telling=telling)
  return [sentence for sentence in telling.told if "wider than high" in sentence]


@pytest.mark.parametrize(
  ("sizes", "names"),
  [
    ([(40, 20)], "a0 (40x20)"),
    ([(16, 32), (40, 20), (60, 20)], "a1 (40x20)"),
    ([(16, 32), (40, 20)], None),
    ([(20, 20)], None),
    ([(16, 32)], None),
  ],
)
def test_folders_are_warned_of_if_most_are_wider_than_high(tmp_path, sizes, names):
  for i, size in enumerate(sizes):
    layouts.image(tmp_path / f"a{i}" / "0.jpg", size)
  found = said(tmp_path)
  assert len(found) == (names is not None)
  assert all(f"such as {names}, are wider than high" in one and "--boxes" in one for one in found)


def test_a_turned_photo_counts_as_it_is_seen(tmp_path):
  picture, exif = Image.new("RGB", (40, 20)), Image.Exif()
  exif[0x0112] = 6  # A quarter turn.
  (tmp_path / "a").mkdir()
  picture.save(tmp_path / "a" / "0.jpg", exif=exif)
  assert said(tmp_path) == []
  picture.save(tmp_path / "a" / "0.jpg")
  assert len(said(tmp_path)) == 1


def test_a_damaged_frame_is_left_to_those_who_need_it(tmp_path):
  layouts.image(tmp_path / "a" / "0.jpg", (16, 32))
  (tmp_path / "b").mkdir()
  (tmp_path / "b" / "0.jpg").write_bytes(b"no image")
  assert said(tmp_path) == []


@pytest.mark.parametrize(("width", "times"), [(40, 1), (20, 0), (12, 0)])
def test_a_wide_video_is_warned_of_once_however_often_it_is_read(tmp_path, width, times):
  class Film(Footage):
    def pictures(self):
      return iter([Picture(np.zeros((20, width, 3), np.uint8), n) for n in (1, 2)])

  film = Film(tmp_path / "gate.mp4", None, 2, None, silent())
  for _ in range(2):
    assert [(frame.number, frame.last) for frame in one_person(film)] == [(1, False), (2, True)]
  found = [sentence for sentence in film.telling.told if "wider than high" in sentence]
  assert len(found) == times
  assert all("gate.mp4 is 40x20, wider" in one and "with --boxes" in one for one in found)


def test_boxes_over_a_wide_video_bring_no_warning(tmp_path):
  layouts.image(tmp_path / "frames" / "1.jpg", (64, 40))
  (tmp_path / "boxes.txt").write_text("1,1,5,4,12,24\n")
  for boxes, times in ((tmp_path / "boxes.txt", 0), (None, 1)):
    telling = silent()
    stream_of(tmp_path / "frames", boxes, telling=telling)
    assert sum("wider than high" in sentence for sentence in telling.told) == times
