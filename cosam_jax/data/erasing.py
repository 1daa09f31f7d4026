"""Random erasing of clips: a rectangle of one colour hides a part of each frame.

As in the published code of this line (SINet, BiCnet-TKS), after Zhong et al., *Random Erasing Data
Augmentation*. Notation: H, W the image size.
"""

from __future__ import annotations

import numpy as np

from cosam_jax.data.host_tensorflow import tf
from cosam_jax.data.pixel_numbers import factor_and_offset

AREA = (0.02, 0.4)
"""Least and largest share of the frame that a rectangle covers; uniform in between."""
RATIO = (0.3, 1 / 0.3)
"""Least and largest height of a rectangle as a multiple of its width; uniform in between."""
VALUE = (0.4914, 0.4822, 0.4465)
"""Red, green and blue of erased pixels, in the units of *normalised* pixels.

These are means of pixels in 0 .. 1, but the published code writes them after normalisation, so that
the colour is a grey somewhat lighter than ImageNet's mean, about (152, 144, 129) of 255. In frames
of bytes it is exactly that, the nearest grey levels.
"""
ATTEMPTS = 100
"""Rectangles that are drawn until one fits; if none does, nothing is erased."""


def erase(
  image: tf.Tensor, probability: float, clip_seed: tf.Tensor, frame_seed: tf.Tensor
) -> tf.Tensor:
  """Erases a rectangle from a frame, if its clip is drawn.

  Area and ratio are drawn until the rectangle is lower and narrower than the frame. Its corner is
  at a share, drawn once for the clip, of the room that is left below and beside it, rounded.

  Args:
    image: float32[H, W, 3], normalised, or uint8, grey levels.
    probability: that a clip is drawn, 0 .. 1.
    clip_seed: int64[2], the same for all frames of a clip: whether it is drawn, and the corner.
    frame_seed: int64[2], area and ratio. Frames of a clip that share it share the rectangle.

  Returns:
    The image's type [H, W, 3].
  """
  height, width = image.shape[:2]
  colour = tf.constant(_levels() if image.dtype == tf.uint8 else np.array(VALUE, np.float32))
  drawn, down, right = tf.unstack(tf.random.stateless_uniform([3], clip_seed, alg="philox"), num=3)

  def erased() -> tf.Tensor:
    draws = tf.random.stateless_uniform([ATTEMPTS, 2], frame_seed, alg="philox")
    area = (AREA[0] + (AREA[1] - AREA[0]) * draws[:, 0]) * (height * width)
    ratio = RATIO[0] + (RATIO[1] - RATIO[0]) * draws[:, 1]
    heights, widths = tf.round(tf.sqrt(area * ratio)), tf.round(tf.sqrt(area / ratio))
    fits = (heights < height) & (widths < width)
    first = tf.argmax(tf.cast(fits, tf.int32))
    high, wide = heights[first], widths[first]
    top, left = tf.round(down * (height - high)), tf.round(right * (width - wide))
    rows, columns = tf.range(height, dtype=tf.float32), tf.range(width, dtype=tf.float32)
    inside_rows = (rows >= top) & (rows < top + high) & fits[first]
    inside = inside_rows[:, None] & ((columns >= left) & (columns < left + wide))[None, :]
    return tf.where(inside[..., None], colour, image)

  return tf.cond(drawn < probability, erased, lambda: image)


def _levels() -> np.ndarray:
  """uint8[3], the grey levels that are nearest to `VALUE`."""
  factor, offset = factor_and_offset()
  return np.rint((np.array(VALUE) + offset) / factor).astype(np.uint8)
