"""Colour jitter: brightness, contrast and saturation times random factors, as in torchvision.

Notation: H, W the image size.
"""

from __future__ import annotations

import functools

from cosam_jax.data.host_tensorflow import tf

GREY = (0.2989, 0.587, 0.114)
"""Shares of red, green and blue in a pixel's grey."""


def jitter(image: tf.Tensor, strength: float, seed: tf.Tensor) -> tf.Tensor:
  """Changes the colours of a frame.

  Each of the three factors is uniform in max(0, 1 - strength) .. 1 + strength, and the three
  changes come in random order, as in torchvision's `ColorJitter` without hue. The frames of a clip
  share factors and order if they share the seed; the grey of the contrast is each frame's own.

  Args:
    image: float32[H, W, 3] in 0 .. 255.
    strength: 0 .. 1.
    seed: int64[2]; the same seed gives the same change.

  Returns:
    float32[H, W, 3] in 0 .. 255.
  """
  draws = tf.random.stateless_uniform([6], seed, alg="philox")
  low, high = max(0.0, 1 - strength), 1 + strength
  factors = low + (high - low) * draws[:3]
  changes = (brightness, contrast, saturation)
  for number in tf.unstack(tf.argsort(draws[3:]), num=3):
    branches = [functools.partial(change, image, factors[i]) for i, change in enumerate(changes)]
    image = tf.switch_case(number, branches)
  return image


def brightness(image: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
  """The image times a factor; float32[H, W, 3] in 0 .. 255."""
  return _blend(image, tf.zeros_like(image), factor)


def contrast(image: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
  """The distance of every value from the frame's mean grey, times a factor."""
  return _blend(image, tf.reduce_mean(_grey(image)), factor)


def saturation(image: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
  """The distance of every value from its pixel's grey, times a factor."""
  return _blend(image, _grey(image), factor)


def _grey(image: tf.Tensor) -> tf.Tensor:
  """float32[H, W, 1]."""
  return tf.reduce_sum(image * tf.constant(GREY, tf.float32), axis=-1, keepdims=True)


def _blend(image: tf.Tensor, other: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
  return tf.clip_by_value(factor * image + (1 - factor) * other, 0.0, 255.0)
