"""Pixels of any size -> pixels for the network, by Pillow and NumPy, without TensorFlow.

For frames of people's own files and videos, and arrays. Values are those of `transforms.resize` and
`normalise`, which work on the frames of trainings and evaluations, within a hundredth of a grey
level.

Notation: H, W the image size that the network sees. Images are RGB, channels last.
"""

import functools

import numpy as np
from PIL import Image

from cosam_jax.data.clips import check_choice
from cosam_jax.data.pixel_numbers import LEVELS, factor_and_offset
from cosam_jax.data.transforms import RESIZE_METHODS


def resized(image: np.ndarray, size: tuple[int, int], method: str = "bilinear") -> np.ndarray:
  """Antialiased resize with the kernel of Pillow's BILINEAR or BICUBIC, rounding nothing.

  Pillow rounds colours to whole grey levels after each axis, and floats not at all, so each colour
  is resized as an image of floats.

  Args:
    image: uint8[height, width, 3].
    size: (H, W).
    method: one of `RESIZE_METHODS`; see `transforms.resize`.

  Returns:
    float32[H, W, 3] in 0 .. 255; unchanged values if the image already has the size.

  Raises:
    InputError: an unknown method.
  """
  check_choice("resize_method", method, RESIZE_METHODS)
  height, width = size
  if image.shape[:2] == (height, width):
    return image.astype(np.float32)
  result = np.empty((height, width, 3), np.float32)
  for colour in range(3):
    plane = Image.fromarray(image[..., colour]).convert("F")
    if method == "bilinear":
      result[..., colour] = np.asarray(plane.resize((width, height), Image.Resampling.BILINEAR))
      continue
    # The cubic goes beyond the brightest and darkest pixels, so it is cut after each axis.
    wide = np.asarray(plane.resize((width, plane.height), Image.Resampling.BICUBIC))
    both = Image.fromarray(wide.clip(0, 255)).resize((width, height), Image.Resampling.BICUBIC)
    result[..., colour] = np.asarray(both).clip(0, 255)
  return result


def pixels_for_network(
  image: np.ndarray, size: tuple[int, int], method: str = "bilinear", pixels: str = "float32"
) -> np.ndarray:
  """uint8[height, width, 3] -> float32[H, W, 3], resized and normalised by ImageNet's colours.

  Args:
    image, size, method: see `resized`.
    pixels: `levels` leaves out the normalisation; see `pixel_numbers.PIXEL_FORMS`.
  """
  values = resized(image, size, method)
  if pixels == LEVELS:
    return values
  scale, offset = _rows(size[1])
  # Whole rows of numbers at a time are several times faster than three.
  rows = values.reshape(size[0], -1)
  rows *= scale
  rows -= offset
  return values


@functools.lru_cache(maxsize=4)
def _rows(width: int) -> tuple[np.ndarray, np.ndarray]:
  """float32[3 W] each, the factors and offsets of a row's numbers."""
  factor, offset = factor_and_offset()
  return np.tile(factor, width), np.tile(offset, width)
