"""All frames pass by; one frame of each tracklet is kept, and the tracklet's span."""

import math

import numpy as np
import pytest
from PIL import Image

from cosam_jax.data.packing import Frame
from cosam_jax.data.passing_frames import Passing, middle_frames, one_tracklet
from cosam_jax.data.tracklets import FilePaths, TrackletTable
from cosam_jax.data.videos import Picture
from cosam_jax.errors import InputError


def image(value):
  return np.full((64, 32, 3), value, np.uint8)


def test_pictures_of_a_video_are_one_tracklet():
  pictures = [Picture(image(i), i + 1, i / 2) for i in range(3)]
  frames = list(one_tracklet(iter(pictures)))
  assert [(f.tracklet, f.last, f.number, f.seconds) for f in frames] == [
    (0, False, 1, 0.0), (0, False, 2, 0.5), (0, True, 3, 1.0)
  ]  # fmt: skip
  assert all(f.image is p.image for f, p in zip(frames, pictures, strict=True))


def test_the_wanted_frame_is_kept_or_the_last_before_it():
  frames = [Frame(i % 2, image(10 * i), i >= 6, i + 1, i / 4) for i in range(8)]
  frames.insert(2, Frame(0, None, False, 99, 9.0))  # It cannot be read, and does not count.
  passing = Passing(3)
  passed = list(passing.watch(iter(frames), np.array([2, 9, 0])))
  assert [f.number for f in passed] == [f.number for f in frames]
  assert passing.seen.tolist() == [4, 4, 0]
  assert passing.numbers.tolist() == [[1, 7], [2, 8], [0, 0]]
  assert passing.times[:2].tolist() == [[0, 1.5], [0.25, 1.75]]
  assert math.isnan(passing.times[2, 0])
  # The third frame of tracklet 0, and the last of tracklet 1's four; both in the kept size.
  assert {row: one.max() for row, one in passing.kept.items()} == {0: 40, 1: 70}
  assert {one.shape for one in passing.kept.values()} == {(256, 128, 3)}


def test_the_middle_frame_or_one_that_can_be_read(tmp_path):
  names = [b"0.png", b"1.png", b"2.png"]
  store = FilePaths(tmp_path, np.array([b"."]), np.zeros(3, np.int64), np.array(names))
  zero = np.zeros(1, np.int64)
  table = TrackletTable(store, zero, zero + 3, zero, zero, ["t"])
  for i in range(3):
    Image.fromarray(image(50 * i)).save(tmp_path / f"{i}.png")
  picture = middle_frames(table)
  assert picture(0).max() == 50
  for file, then in (("1.png", 100), ("2.png", 0)):
    (tmp_path / file).write_bytes(b"none")
    assert picture(0).max() == then
  (tmp_path / "0.png").write_bytes(b"none")
  with pytest.raises(InputError):
    picture(0)
