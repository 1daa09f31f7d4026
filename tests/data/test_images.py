"""Images of all kinds through the pipeline: as PIL reads them, or refused by name."""

import io
import struct

import numpy as np
import PIL.Image
import pytest
from image_kinds import MOVING, READABLE, REFUSED, RGB
from pictures import encode

from cosam_jax.data import load_dataset, packing, pipeline, transforms
from cosam_jax.data.gif_layout import gif_refusal
from cosam_jax.data.host_tensorflow import tf
from cosam_jax.errors import InputError


@pytest.fixture
def folder(tmp_path):
  """A data set of one frame a tracklet; returns the path of the only training frame."""
  for split, camera in (("train", 1), ("query", 1), ("gallery", 2)):
    path = tmp_path / split / "1" / str(camera) / "t" / "0.jpg"
    path.parent.mkdir(parents=True)
    path.write_bytes(encode(RGB, "JPEG"))
  return tmp_path / "train" / "1" / "1" / "t" / "0.jpg"


def batches(frame, **options):
  table = load_dataset("folder", frame.parents[4]).train
  return pipeline.evaluation_batches(
    table, num_frames=1, batch_clips=1, image_size=(64, 32), **options
  )


@pytest.mark.parametrize("kind", READABLE)
def test_readable_kinds_become_rgb(folder, kind):
  data, wanted = READABLE[kind]
  folder.write_bytes(data)
  image = transforms.decode(tf.constant(data)).numpy()
  assert image.shape == wanted.shape
  assert np.abs(image.astype(int) - wanted).max() <= (0 if "PNG" in kind else 6)
  clip = next(batches(folder)).clips
  assert clip.shape == (1, 1, 64, 32, 3)
  if image.shape[:2] == (64, 32):
    np.testing.assert_allclose(clip[0, 0], transforms.normalise(tf.cast(image, tf.float32)))
  else:
    assert np.ptp(clip, axis=(0, 1, 2, 3)).max() < 1e-5, "one pixel fills the frame"


@pytest.mark.parametrize("kind", REFUSED)
def test_other_kinds_are_refused_with_file_tracklet_and_reason(folder, kind, capfd):
  data, reason = REFUSED[kind]
  folder.write_bytes(data)
  with pytest.raises(InputError) as caught:
    next(batches(folder))
  for part in (str(folder), "tracklet '1/1/t'", reason):
    assert part in str(caught.value)
  skipping = batches(folder, on_unreadable="skip")
  assert not next(skipping).valid.any()
  assert skipping.skipped == 1
  assert "jpeg_mem" not in capfd.readouterr().err, "TensorFlow's own line beside ours"


def test_the_largest_frame_is_decoded(folder):
  folder.write_bytes(encode(PIL.Image.new("L", (4096, 4096), 7), "PNG"))
  assert next(batches(folder)).valid.all()


def test_a_jpeg_of_endless_scans_is_refused_before_it_is_decoded():
  """Each scan goes over the whole picture; a hundred kilobytes could keep a core busy for hours."""
  stream = io.BytesIO()
  PIL.Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(stream, "JPEG", progressive=True)
  data = stream.getvalue()
  assert transforms.undecodable_reason(data) is None
  last = data.rindex(b"\xff\xda")
  many = data[:last] + data[last:-2] * 2000 + data[-2:]
  reason = transforms.undecodable_reason(many)
  assert "2,0" in reason
  assert "scans, and a frame may have at most 100" in reason


def gif(pictures, side, claimed=8):
  """A GIF of empty pictures of a size; a decoder would fill each."""
  screen = b"GIF89a" + struct.pack("<HH", claimed, claimed) + b"\x80\0\0" + bytes(6)
  one = b"\x21\xf9\x04\0\0\0\0\0\x2c" + struct.pack("<HHHHB", 0, 0, side, side, 0)
  return screen + (one + b"\x02\x02\x44\x01\0") * pictures + b";"


def test_an_animation_is_refused_by_its_bytes_before_it_is_decoded(folder, monkeypatch):
  """A few kilobytes could take gigabytes: a picture of any size for each twenty bytes."""

  def never(*_, **__):
    raise AssertionError("decoded")

  monkeypatch.setattr(tf.io, "decode_jpeg", never)
  data = [
    (gif(1000, 4096, 4096), "it is an animation: give its pictures as files of their own"),
    (gif(2, 8), "it is an animation"),
    (gif(1, 65535), "it has 4,294,836,225 pixels, and a frame may have at most 16,777,216"),
    (gif(100, 4096, 4096)[:-30], "it is an animation"),
  ]
  for encoded_pictures, reason in data:
    with pytest.raises(ValueError, match=reason.split(":")[0]):
      transforms.decode(tf.constant(encoded_pictures))
    assert reason in transforms.undecodable_reason(encoded_pictures)
    folder.write_bytes(encoded_pictures)
    with pytest.raises(InputError, match=reason.split(":")[0]):
      packing.read_image(folder)


def test_a_still_gif_is_one_whatever_blocks_it_has():
  """By Pillow's own count of pictures."""
  text = {"comment": b"\x2c" * 1000}
  for pictures in (MOVING[:1], MOVING[:2], MOVING):
    for options in ({}, text, {"loop": 3}, {"transparency": 0}):
      data = encode(pictures[0], "GIF", save_all=True, append_images=pictures[1:], **options)
      with PIL.Image.open(io.BytesIO(data)) as image:
        counted = image.n_frames
      assert (gif_refusal(data, 2**24) is None) == (counted == 1)
      if counted == 1:
        assert transforms.decode(tf.constant(data)).shape == (32, 64, 3)
  for end in range(len(data)):
    gif_refusal(data[:end], 2**24)
