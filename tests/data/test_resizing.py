"""The resize without TensorFlow: a slow loop, Pillow's rounded one, and the training pipeline's."""

import numpy as np
import pytest
from PIL import Image

from cosam_jax.data import transforms
from cosam_jax.data.resizing import pixels_for_network, resized
from cosam_jax.data.videos import pictures
from cosam_jax.errors import InputError

SIZES = [(256, 128), (144, 72), (64, 32), (37, 90)]


def triangle(x):
  return max(0.0, 1 - abs(x))


def cubic(x, a=-0.5):
  x = abs(x)
  if x < 1:
    return ((a + 2) * x - (a + 3)) * x * x + 1
  return (((x - 5) * x + 8) * x - 4) * a if x < 2 else 0.0


def along(row, count, kernel):
  """A row of numbers at another length: each new one is a weighted mean of those around it."""
  step = len(row) / count
  width = max(1.0, step)  # Of the kernel, which grows if there are fewer numbers.
  result = []
  for i in range(count):
    weights = [kernel((j + 0.5 - (i + 0.5) * step) / width) for j in range(len(row))]
    total = sum(weights)
    result.append(sum(w * x for w, x in zip(weights, row)) / total)
  return np.clip(result, 0, 255)


@pytest.mark.parametrize(("method", "kernel"), [("bilinear", triangle), ("bicubic", cubic)])
@pytest.mark.parametrize("size", [(9, 5), (31, 17), (8, 40)])
def test_each_value_is_a_weighted_mean(method, kernel, size):
  image = np.random.default_rng(0).integers(0, 256, (20, 13, 3), dtype=np.uint8)
  found = resized(image, size, method)
  assert found.dtype == np.float32
  wide = np.array([[along(row, size[1], kernel) for row in image[..., c]] for c in range(3)])
  both = [[along(column, size[0], kernel) for column in plane.T] for plane in wide]
  np.testing.assert_allclose(found, np.array(both).transpose(2, 1, 0), atol=1e-3)


def real_frames(shared):
  paths = sorted((shared / "data" / "mars8").glob("bbox_*/*/*.jpg"))[::3000]
  frames = [np.asarray(Image.open(path)) for path in paths]
  video = shared / "data" / "sample_video" / "one-by-one-person-detection.mp4"
  for picture in pictures(video):
    if picture.number in (64, 70):
      frames += [picture.image, picture.image[100:420, 200:420]]
    if picture.number == 70:
      return frames
  raise AssertionError("the sample video is short")


@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
def test_real_frames_are_within_a_hundredth_of_a_grey_level_of_the_pipelines(shared, method):
  frames = real_frames(shared)
  assert len(frames) > 15
  for frame in frames:
    for size in SIZES:
      wanted = transforms.resize(frame, size, method=method)
      np.testing.assert_allclose(resized(frame, size, method), wanted, atol=0.01)
      np.testing.assert_allclose(
        pixels_for_network(frame, size, method), transforms.normalise(wanted), atol=2e-4
      )


def test_a_frame_of_the_networks_size_is_left_as_it_is():
  image = np.arange(96, dtype=np.uint8).reshape(8, 4, 3)
  np.testing.assert_array_equal(resized(image, (8, 4)), image)
  mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
  wanted = (image / 255 - mean) / std
  np.testing.assert_allclose(pixels_for_network(image, (8, 4)), wanted, atol=1e-6)
  assert image.max() == 95, "the frame itself was written to"


def test_an_unknown_method_is_refused():
  with pytest.raises(InputError, match=r"resize_method is 'bicubc'.*did you mean 'bicubic'"):
    resized(np.zeros((4, 4, 3), np.uint8), (2, 2), "bicubc")
