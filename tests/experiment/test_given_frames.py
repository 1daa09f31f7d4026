"""Tracklets as other programs give them become lists of frames."""

import numpy as np
import pytest
from PIL import Image

from cosam_jax.data.left_out import LeftOut
from cosam_jax.errors import InputError
from cosam_jax.experiment.given_frames import frames_of, listed

PICTURE = np.arange(8 * 4 * 3, dtype=np.uint8).reshape(8, 4, 3)


def test_folders_images_and_arrays_are_listed(tmp_path):
  for name in ("b.png", "a.png"):
    Image.fromarray(PICTURE).save(tmp_path / name)
  assert listed(tmp_path, 0, LeftOut()) == [tmp_path / "a.png", tmp_path / "b.png"]
  assert listed(tmp_path / "a.png", 0, LeftOut()) == [tmp_path / "a.png"]
  assert len(listed(np.stack([PICTURE] * 3), 0, LeftOut())) == 3
  with pytest.raises(InputError, match="tracklet 4 has no frames"):
    listed([], 4, LeftOut())


def test_frames_come_with_their_tracklet_and_its_end(tmp_path):
  Image.fromarray(PICTURE).save(tmp_path / "a.png")
  frames = list(frames_of([[PICTURE, tmp_path / "a.png"], [PICTURE]], (8, 4)))
  assert [(frame.tracklet, frame.last) for frame in frames] == [(0, False), (0, True), (1, True)]
  for frame in frames:
    np.testing.assert_array_equal(frame.image, PICTURE)


def test_a_folder_of_several_tracklets_is_not_taken_for_one(tmp_path):
  for name in ("0001C1T0001F001.jpg", "0001C1T0001F002.jpg"):
    Image.fromarray(PICTURE).save(tmp_path / name)
  assert len(listed(tmp_path, 0, LeftOut())) == 2
  Image.fromarray(PICTURE).save(tmp_path / "0001C2T0001F001.jpg")
  with pytest.raises(InputError, match=r"of 2 tracklets \(0001C1T0001, 0001C2T0001\), which have"):
    listed(tmp_path, 0, LeftOut())
