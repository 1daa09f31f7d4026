"""Decoding and resizing, against PIL."""

import io

import numpy as np
import pytest
from pictures import encode, smooth_picture
from PIL import Image

from cosam_jax.data import host_tensorflow, transforms
from cosam_jax.data.host_tensorflow import tf


@pytest.fixture(scope="module")
def picture():
  return smooth_picture()


@pytest.fixture(scope="module")
def frames(shared):
  paths = sorted((shared / "data" / "mars_mini" / "bbox_train").glob("*/*.jpg"))[::100]
  assert len(paths) > 10
  return [path.read_bytes() for path in paths]


SIZES = {"same": (256, 128), "down": (160, 80), "up 9/8": (288, 144), "down 1/2": (128, 64)}


METHODS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


@pytest.mark.parametrize("method", transforms.RESIZE_METHODS)
@pytest.mark.parametrize("case", SIZES)
def test_distance_from_pil_on_real_frames(frames, case, method):
  height, width = SIZES[case]
  means, most = [], 0.0
  for data in frames:
    pil = Image.open(io.BytesIO(data)).convert("RGB").resize((width, height), METHODS[method])
    decoded = transforms.decode(tf.constant(data))
    ours = transforms.resize(decoded, (height, width), method=method).numpy()
    difference = np.abs(ours - np.asarray(pil, np.float32))
    means.append(difference.mean())
    most = max(most, float(difference.max()))
  print(f"{method} {case}: mean {np.mean(means):.3f}, max {most:.3f} grey levels of 255")
  # PIL rounds each of its two passes: at most half a level twice, a quarter each on average. The
  # weights of the bicubic kernel are also negative, so that the first rounding counts up to 1.3
  # times.
  room = {"bilinear": 1.01, "bicubic": 1.2}[method]
  assert most <= (0.0 if case == "same" else room)
  assert np.mean(means) <= (0.0 if case == "same" else 0.4)


@pytest.mark.parametrize("size", [(64, 32), (90, 45), (33, 70), (20, 10), (60, 75), (128, 30)])
def test_bicubic_edges_overshoot_no_further_than_pils(size):
  """Black and white squares, where the kernel goes beyond 0 and 255 along both axes."""
  height, width = size
  y, x = np.mgrid[0:60, 0:30]
  image = np.repeat(((y // 5 + x // 5) % 2 * 255).astype(np.uint8)[..., None], 3, -1)
  ours = tf.function(lambda one: transforms.resize(one, size, method="bicubic"))(image).numpy()
  pil = Image.fromarray(image)
  for step in ((width, 60), (width, height)):  # Pillow 13 may begin with the height.
    pil = pil.resize(step, Image.Resampling.BICUBIC)
  assert np.abs(ours - np.asarray(pil, np.float32)).max() <= 1.2
  assert (ours.min(), ours.max()) >= (0, 250)
  assert ours.max() <= 255


@pytest.mark.parametrize("method", transforms.RESIZE_METHODS)
def test_a_window_is_the_part_of_the_whole(picture, method):
  image = tf.constant(np.asarray(picture))
  whole = transforms.resize(image, (72, 36), method=method).numpy()
  for corner in ((0, 0), (3, 5), (8, 4)):
    part = transforms.resize(image, (72, 36), (64, 31), corner, method).numpy()
    top, left = corner
    np.testing.assert_allclose(part, whole[top : top + 64, left : left + 31], atol=0.01)


@pytest.mark.parametrize(
  ("mode", "kind", "options"),
  [
    ("RGB", "JPEG", {}),
    ("RGB", "JPEG", {"progressive": True}),
    ("RGB", "JPEG", {"subsampling": 0}),
    ("L", "JPEG", {}),
    ("CMYK", "JPEG", {}),
    ("RGB", "PNG", {}),
    ("L", "PNG", {}),
    ("P", "PNG", {}),
    ("1", "PNG", {}),
    ("LA", "PNG", {}),
    ("RGBA", "PNG", {}),
  ],
)
def test_every_kind_of_image_becomes_what_pil_makes_of_it(picture, mode, kind, options):
  data = encode(picture.convert(mode), kind, **options)
  ours = transforms.decode(tf.constant(data)).numpy()
  assert ours.dtype == np.uint8
  np.testing.assert_array_equal(ours, np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
  assert transforms.undecodable_reason(data) is None


def test_sixteen_bits_keep_their_upper_eight():
  deep = np.arange(60 * 30, dtype=np.uint16).reshape(60, 30) * 36
  ours = transforms.decode(tf.constant(encode(Image.fromarray(deep), "PNG"))).numpy()
  np.testing.assert_array_equal(ours, np.repeat((deep >> 8)[..., None], 3, -1))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.9, 0.99])
def test_truncated_images_are_refused(picture, kind, kept):
  data = encode(picture, kind)
  data = data[: int(len(data) * kept)]
  with pytest.raises(tf.errors.InvalidArgumentError):
    transforms.decode(tf.constant(data))
  assert "truncated" in transforms.undecodable_reason(data)


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "WEBP"])
def test_other_formats_are_read_and_damaged_ones_refused_in_words(picture, kind):
  data = encode(picture, kind)
  assert transforms.undecodable_reason(data) is None
  assert "truncated or damaged" in transforms.undecodable_reason(data[: len(data) // 2])


def test_reasons_for_no_image_at_all():
  assert transforms.undecodable_reason(b"") == "it is empty"
  assert "it is not an image" in transforms.undecodable_reason(b"<html>not found</html>")


@pytest.mark.parametrize("started", [False, True])
def test_tensorflow_is_told_to_see_no_accelerator(monkeypatch, started):
  """Also where somebody started its devices before, which it then says with an error."""
  told = {}

  def tell(devices, kind):
    told[kind] = devices
    if started:
      raise RuntimeError("Visible devices cannot be modified after being initialized")

  monkeypatch.setattr(tf.config, "set_visible_devices", tell)
  host_tensorflow._load()
  assert told == {"GPU": [], "TPU": []}
