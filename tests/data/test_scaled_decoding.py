"""Large JPEGs are decoded at a part of their size: what that changes, and when it is not done."""

import io

import numpy as np
import pytest
from PIL import Image

from cosam_jax.data import transforms
from cosam_jax.data.host_tensorflow import tf


def encode(image, kind="JPEG", **options):
  buffer = io.BytesIO()
  image.save(buffer, kind, **options)
  return tf.constant(buffer.getvalue())


@pytest.fixture(scope="module")
def people(shared):
  """Real frames, enlarged to the size of a photo of a person."""
  paths = sorted((shared / "data" / "mars_mini" / "bbox_train").glob("*/*.jpg"))[::400]
  pictures = [Image.open(path).convert("RGB") for path in paths]
  return [picture.resize((640, 1280), Image.Resampling.BICUBIC) for picture in pictures]


@pytest.mark.parametrize("size", [(256, 128), (144, 72), (72, 36)])
def test_values_differ_little_after_the_resize(people, size):
  for picture in people:
    data = encode(picture, quality=92)
    whole = transforms.resize(transforms.decode(data), size)
    scaled = transforms.decode(data, at_least=(round(9 / 8 * size[0]), size[1]))
    assert scaled.shape[0] < 1280
    difference = np.abs(transforms.resize(scaled, size) - whole)
    assert difference.mean() < 0.5
    assert np.mean(difference > 4) < 0.01


@pytest.mark.parametrize(
  ("at_least", "scale"),
  [((200, 100), 1), ((100, 50), 1), ((50, 25), 2), ((25, 12), 4), ((12, 6), 8), ((2, 2), 8)],
)
@pytest.mark.parametrize("turned", [False, True])
def test_the_scale_leaves_enough_however_a_picture_is_turned(at_least, scale, turned):
  """The shorter side has 104 pixels."""
  y, x = np.mgrid[0:208, 0:104]
  picture = Image.fromarray(np.stack([y, x, y - x], -1).astype(np.uint8))
  exif = Image.Exif()
  if turned:
    exif[0x0112] = 6
  found = transforms.decode(encode(picture, exif=exif.tobytes()), at_least=at_least)
  wanted = (208 // scale, 104 // scale)
  assert tuple(found.shape[:2]) == (wanted[::-1] if turned else wanted)
  if scale == 1:
    whole = transforms.decode(encode(picture, exif=exif.tobytes()))
    np.testing.assert_array_equal(found, whole)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF"])
def test_other_formats_are_decoded_whole(kind):
  picture = Image.fromarray(np.zeros((64, 32, 3), np.uint8))
  assert transforms.decode(encode(picture, kind), at_least=(8, 4)).shape == (64, 32, 3)


def test_in_a_graph_it_is_the_same(people):
  data = encode(people[0])
  program = tf.function(lambda data: transforms.decode(data, at_least=(100, 50)))
  np.testing.assert_array_equal(program(data), transforms.decode(data, at_least=(100, 50)))


@pytest.mark.parametrize("kept", [0.5, 0.99])
def test_a_truncated_picture_is_refused_at_any_scale(people, kept):
  data = encode(people[0]).numpy()
  with pytest.raises(tf.errors.InvalidArgumentError):
    transforms.decode(tf.constant(data[: int(kept * len(data))]), at_least=(100, 50))
