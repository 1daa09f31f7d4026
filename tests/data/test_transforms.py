"""Decoding, resizing and augmentation, against PIL and against a slow loop."""

import collections
import io

import numpy as np
import pytest
from PIL import Image

from cosam_jax.data import host_tensorflow, transforms
from cosam_jax.data.host_tensorflow import tf


def encode(image, kind, **options):
  buffer = io.BytesIO()
  image.save(buffer, kind, **options)
  return buffer.getvalue()


@pytest.fixture(scope="module")
def picture():
  """A smooth picture with an edge, RGB, 60 x 30."""
  y, x = np.mgrid[0:60, 0:30]
  channels = [127 + 100 * np.sin(y / 9 + x / 5), 4 * y, np.where(x > 14, 220, 40)]
  return Image.fromarray(np.stack(channels, -1).clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def frames(shared):
  paths = sorted((shared / "data" / "mars_mini" / "bbox_train").glob("*/*.jpg"))[::100]
  assert len(paths) > 10
  return [path.read_bytes() for path in paths]


SIZES = {"same": (256, 128), "down": (160, 80), "up 9/8": (288, 144), "down 1/2": (128, 64)}


@pytest.mark.parametrize("case", SIZES)
def test_distance_from_pil_on_real_frames(frames, case):
  height, width = SIZES[case]
  means, most = [], 0.0
  for data in frames:
    pil = Image.open(io.BytesIO(data)).convert("RGB").resize((width, height), Image.BILINEAR)
    ours = transforms.resize(transforms.decode(tf.constant(data)), (height, width)).numpy()
    difference = np.abs(ours - np.asarray(pil, np.float32))
    means.append(difference.mean())
    most = max(most, float(difference.max()))
  print(f"{case}: mean {np.mean(means):.3f}, max {most:.3f} grey levels of 255")
  # PIL rounds each of its two passes: at most half a level twice, a quarter each on average.
  assert most <= (0.0 if case == "same" else 1.01)
  assert np.mean(means) <= (0.0 if case == "same" else 0.4)


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


def test_normalisation(picture):
  data = encode(picture, "PNG")
  ours = transforms.Preprocess((60, 30), train=False)(tf.constant(data), tf.zeros(2, tf.int64))
  expected = (np.asarray(picture) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
  np.testing.assert_allclose(ours.numpy(), expected, atol=1e-5)


def explain(image, result, size):
  """Finds the augmentation's outcome that equals `result`, by trying them all."""
  height, width = size
  large = (round(height * 9 / 8), round(width * 9 / 8))
  for name, target in (("plain", size), ("crop", large)):
    whole = transforms.resize(image, target).numpy()
    for y in range(target[0] - height + 1):
      for x in range(target[1] - width + 1):
        window = whole[y : y + height, x : x + width]
        for flipped in (False, True):
          difference = (window[:, ::-1] if flipped else window) - result
          if np.abs(difference).max() < 0.01:  # Of 255: the order of additions differs.
            return name, y, x, flipped
  raise AssertionError("the result is no outcome of the published augmentation")


def test_augmentation_has_the_published_outcomes_and_frequencies(picture):
  image, size = tf.constant(np.asarray(picture)), (32, 16)
  run = tf.function(lambda seed: transforms.augment(image, size, seed))
  outcomes = [
    explain(image, run(transforms.seed_of(3, step, 0)).numpy(), size) for step in range(400)
  ]
  crops = [o for o in outcomes if o[0] == "crop"]
  assert abs(len(crops) - 200) < 50  # 5 standard deviations
  assert abs(sum(o[3] for o in outcomes) - 200) < 50
  rows = collections.Counter(o[1] for o in crops)
  assert sorted(rows) == [0, 1, 2, 3, 4]
  assert sorted({o[2] for o in crops}) == [0, 1, 2]
  inner = (rows[1] + rows[2] + rows[3]) / len(crops)
  assert 0.6 < inner < 0.9  # rounded uniform: 3/4


def test_randomness_is_a_function_of_the_address(picture):
  image, size = tf.constant(np.asarray(picture)), (32, 16)
  run = tf.function(lambda seed: transforms.augment(image, size, seed))
  results = {}
  for address in [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 2, 5)]:
    seed = transforms.seed_of(*address)
    inside, eager = run(seed).numpy(), transforms.augment(image, size, seed).numpy()
    np.testing.assert_array_equal(inside, run(seed).numpy())
    np.testing.assert_array_equal(inside, eager)
    results[address] = tuple(seed.numpy())
  assert len(set(results.values())) == len(results)


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
