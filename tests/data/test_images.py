"""Images of all kinds through the pipeline: as PIL reads them, or refused by name."""

import io
import struct
import zlib

import numpy as np
import PIL.Image
import pytest
from pictures import encode

from cosam_jax.data import load_dataset, packing, pipeline, transforms
from cosam_jax.data.gif_layout import gif_refusal
from cosam_jax.data.host_tensorflow import tf
from cosam_jax.errors import InputError

# Smooth, so that JPEG changes little.
PIXELS = (np.mgrid[0:64, 0:32].sum(0)[..., None] * [2, 1, 0] + [10, 40, 90]).astype(np.uint8)
RGB = PIL.Image.fromarray(PIXELS)


def of_mode(mode, kind) -> tuple[bytes, np.ndarray]:
  image = RGB.convert(mode)
  return encode(image, kind), np.asarray(image.convert("RGB"))


def claiming(width, height) -> bytes:
  """A PNG of a few hundred bytes whose header claims `width` times `height` grey pixels."""
  header = struct.pack(">II5B", width, height, 8, 0, 0, 0, 0)
  chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(100_000))), (b"IEND", b""))
  parts = [
    struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    for kind, data in chunks
  ]
  return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


SIXTEEN = (PIXELS[..., 0].astype(np.uint16) << 8) | 0xA5
READABLE = {
  "grey JPEG": of_mode("L", "JPEG"),
  "CMYK JPEG": of_mode("CMYK", "JPEG"),
  "grey PNG": of_mode("L", "PNG"),
  "palette PNG": of_mode("P", "PNG"),
  "PNG with alpha": of_mode("RGBA", "PNG"),
  "grey PNG with alpha": of_mode("LA", "PNG"),
  "one-bit PNG": of_mode("1", "PNG"),
  "16-bit PNG": (
    encode(PIL.Image.fromarray(SIXTEEN), "PNG"),
    np.repeat((SIXTEEN >> 8).astype(np.uint8)[..., None], 3, -1),
  ),
  **{
    f"{mode} {kind} PNG-exact": of_mode(mode, kind)
    for mode, kind in (
      ("RGB", "BMP"),
      ("L", "BMP"),
      ("P", "BMP"),
      ("1", "BMP"),
      ("RGB", "TIFF"),
      ("L", "TIFF"),
      ("P", "TIFF"),
      ("RGBA", "TIFF"),
      ("CMYK", "TIFF"),
      ("LA", "TIFF"),
      ("1", "TIFF"),
    )
  },
  "WebP PNG-exact": (encode(RGB, "WEBP", lossless=True), PIXELS),
  "WebP": (encode(RGB, "WEBP", quality=100), PIXELS),
  "16-bit TIFF PNG-exact": (
    encode(PIL.Image.fromarray(SIXTEEN), "TIFF"),
    np.repeat((SIXTEEN >> 8).astype(np.uint8)[..., None], 3, -1),
  ),
  "TIFF of two pictures PNG-exact": (
    encode(RGB, "TIFF", save_all=True, append_images=[RGB.transpose(0)]),
    PIXELS,
  ),
  "1-pixel JPEG": (encode(PIL.Image.fromarray(PIXELS[:1, :1]), "JPEG"), PIXELS[:1, :1]),
  "1-pixel PNG": (encode(PIL.Image.fromarray(PIXELS[:1, :1]), "PNG"), PIXELS[:1, :1]),
  "JPEG with bytes behind it": (encode(RGB, "JPEG") + b"behind", PIXELS),
}
LARGE = PIL.Image.new("L", (4097, 4097))
MOVING = [PIL.Image.new("P", (64, 32), colour) for colour in range(3)]
for picture in MOVING:
  picture.putpalette(list(range(256)) * 3)
REFUSED = {
  "nothing": (b"", "it is empty"),
  "half a JPEG": (encode(RGB, "JPEG")[:700], "its JPEG data is truncated or damaged"),
  "half a PNG": (encode(RGB, "PNG")[:90], "its PNG data is truncated or damaged"),
  "half a BMP": (encode(RGB, "BMP")[:3000], "its BMP data is truncated or damaged"),
  "half a WebP": (encode(RGB, "WEBP", lossless=True)[:-8], "its WebP data is truncated"),
  "half a TIFF": (encode(RGB, "TIFF")[:3000], "its TIFF data is truncated or damaged"),
  "a moving WebP": (
    encode(RGB, "WEBP", save_all=True, append_images=[RGB.transpose(0)]),
    "it is an animation",
  ),
  "a moving GIF": (encode(MOVING[0], "GIF", save_all=True, append_images=MOVING[1:]), "animation"),
  "half a GIF": (encode(RGB, "GIF")[:900], "its GIF data is truncated or damaged"),
  "a TIFF of fractions": (encode(RGB.convert("F"), "TIFF"), "numbers, not colours"),
  "a large BMP": (encode(LARGE, "BMP"), "it has 16,785,409 pixels"),
  "a large WebP": (encode(LARGE, "WEBP", lossless=True), "it has 16,785,409 pixels"),
  "a large TIFF": (encode(LARGE, "TIFF", compression="tiff_lzw"), "it has 16,785,409 pixels"),
  "a pointer": (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
  "text": (b"<html>not found</html>", "it is not an image"),
  "a large JPEG": (
    encode(LARGE, "JPEG"),
    "it has 16,785,409 pixels, and a frame may have at most 16,777,216",
  ),
  "a large GIF": (encode(LARGE, "GIF"), "it has 16,785,409 pixels"),
  "a PNG bomb": (claiming(60_000, 60_000), "it has 3,600,000,000 pixels"),
}


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
