"""Pictures of ours that somebody damaged or exchanged are refused."""

import os

import numpy as np
import pytest
from PIL import Image

from cosam_jax.data.stored_pictures import read_picture


def picture(path, size=(4, 6), kind="PNG"):
  Image.new("RGB", size, (9, 8, 7)).save(path, kind)
  return path


def test_pixels_of_the_kind_that_was_written(tmp_path):
  path = picture(tmp_path / "a.png")
  np.testing.assert_array_equal(read_picture(path, "PNG"), np.full((6, 4, 3), (9, 8, 7)))
  assert read_picture(path, "PNG", "L").shape == (6, 4)
  os.mkfifo(tmp_path / "pipe.png")
  (tmp_path / "cut.png").write_bytes(path.read_bytes()[:40])
  for name, said in (
    ("pipe.png", "named pipe"), ("cut.png", "not a whole PNG"), ("none.png", "No such file"),
  ):  # fmt: skip
    with pytest.raises(OSError, match=said):
      read_picture(tmp_path / name, "PNG")
  with pytest.raises(OSError, match="not a whole PNG"):
    read_picture(picture(tmp_path / "j.png", kind="JPEG"), "PNG")
  with pytest.raises(OSError, match="more than 16,777,216 pixels"):
    read_picture(picture(tmp_path / "large.png", (4097, 4096)), "PNG")
