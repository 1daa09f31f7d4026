"""How much a frame of a track says about its person, by size, sharpness and the picture's border.

The quality of a crop is the product of three numbers from 0 to 1:

  size       min(1, sqrt(h w / (H W)))     h, w the box's height and width in pixels; H, W the
                                           network's: half the side counts half
  sharpness  v / (v + 100)                 v the variance of the Laplacian of the grey crop at the
                                           network's size, grey levels from 0 to 255
  border     s, halved for each side of    s the share of the box's area inside the picture; its
             the picture that the box      lower side does not count, since people who come close
             reaches                       reach it with their feet alone

A crop without a box (the picture around it is unknown) has the border's number 1, and its own size.
The constants are round numbers; nothing was fitted to them.

Notation: crops are uint8[h, w, 3], RGB; H, W the image size that the network sees.
"""

import numpy as np

from cosam_jax.data.resizing import resized

_SHARP = 100.0
"""Variance of the Laplacian at which the sharpness is a half."""
_GREY = np.array([0.299, 0.587, 0.114], np.float32)
_REACHES = 1.0
"""A box that ends within so many pixels of a side of the picture reaches it."""


def frame_quality(
  crop: np.ndarray,
  image_size: tuple[int, int],
  box: np.ndarray | None = None,
  picture_size: tuple[int, int] | None = None,
) -> float:
  """The quality of a crop, 0 .. 1; see the module.

  Args:
    crop: uint8[h, w, 3].
    image_size: (H, W).
    box: float[4], x, y, w, h of the crop in the picture, in pixels; None: unknown.
    picture_size: (height, width) of the picture; given with `box`.
  """
  height, width = crop.shape[:2] if box is None else (float(box[3]), float(box[2]))
  size = min(1.0, float(np.sqrt(max(height * width, 0.0) / (image_size[0] * image_size[1]))))
  border = 1.0
  if box is not None and picture_size is not None:
    border = _border(box, picture_size)
  return size * border * sharpness(crop, image_size)


def sharpness(crop: np.ndarray, image_size: tuple[int, int]) -> float:
  """The second of the module's numbers, 0 .. 1; see `frame_quality` for the arguments."""
  grey = resized(crop, image_size) @ _GREY
  inner = grey[1:-1, 1:-1]
  around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
  variance = float((around - 4 * inner).var()) if inner.size else 0.0
  return variance / (variance + _SHARP)


def _border(box: np.ndarray, picture_size: tuple[int, int]) -> float:
  x, y, w, h = map(float, box)
  height, width = picture_size
  inside = max(0.0, min(x + w, width) - max(x, 0.0)) * max(0.0, min(y + h, height) - max(y, 0.0))
  share = inside / (w * h) if w > 0 and h > 0 else 0.0
  reached = (x < _REACHES) + (y < _REACHES) + (x + w > width - _REACHES)
  return float(share * 0.5**reached)
