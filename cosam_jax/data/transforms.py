"""Encoded bytes -> normalised frames: decode, resize, random translation, flip, normalise.

The random choices are drawn beforehand, as numbers, from (seed, step); the TensorFlow functions
here only apply them, so the same numbers give the same frame in any thread, eagerly or in a graph.
Source: the published code's Random2DTranslation and horizontal flip.
"""

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
ENLARGEMENT = 9 / 8
_STREAM = 3  # Keeps these draws apart from those of the batch plan.

# This program computes on its accelerators with JAX alone.
tf.config.set_visible_devices([], "GPU")
tf.config.set_visible_devices([], "TPU")


class Augmentation(NamedTuple):
  """The random choices for F frames.

  Attributes:
    enlarge: bool[F], resize to 9/8 and crop instead of resizing.
    top, left: int32[F], the crop's corner in the enlarged frame, in pixels.
    flip: bool[F], mirror left to right.
  """

  enlarge: np.ndarray
  top: np.ndarray
  left: np.ndarray
  flip: np.ndarray


def enlarged_size(image_size: tuple[int, int]) -> tuple[int, int]:
  """Height and width from which a random crop is taken: 9/8 of the frame's, rounded."""
  height, width = (math.floor(side * ENLARGEMENT + 0.5) for side in image_size)
  return height, width


def draw_augmentation(
  seed: int, step: int, clips: int, num_frames: int, image_size: tuple[int, int], per: str
) -> Augmentation:
  """Draws the augmentation of the batch of `step`, a pure function of the arguments.

  Args:
    seed, step: address of the draw.
    clips, num_frames: B and T.
    image_size: height and width of a frame.
    per: `frame` draws for each frame on its own (published code), `clip` once a clip.

  Returns:
    Arrays of B*T entries, clip by clip.
  """
  rng = np.random.default_rng([seed, _STREAM, step])
  count = clips * num_frames if per == "frame" else clips
  corner = [
    np.rint(rng.uniform(0, large - small, count)).astype(np.int32)
    for large, small in zip(enlarged_size(image_size), image_size)
  ]
  drawn = Augmentation(rng.random(count) >= 0.5, corner[0], corner[1], rng.random(count) < 0.5)
  if per == "clip":
    drawn = Augmentation(*(np.repeat(values, num_frames) for values in drawn))
  return drawn


def no_augmentation(frames: int) -> Augmentation:
  """Plain resizing of `frames` frames."""
  no, zero = np.zeros(frames, bool), np.zeros(frames, np.int32)
  return Augmentation(no, zero, zero, no)


def decode(encoded: tf.Tensor) -> tf.Tensor:
  """JPEG or PNG bytes -> uint8[h, w, 3], RGB.

  Greyscale is repeated over the channels, transparency is dropped, 16 bits become 8.

  Raises:
    tf.errors.InvalidArgumentError: the bytes are no complete image.
  """
  # The op reads PNG as well; the accurate transform is the one that Pillow uses.
  image = tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE")
  return tf.ensure_shape(image, [None, None, 3])


def resize(image: tf.Tensor, size: tuple[int, int]) -> tf.Tensor:
  """uint8[h, w, 3] -> float32[H, W, 3] in 0..255, bilinear with antialiasing.

  Agrees with Pillow's bilinear resizing up to Pillow's rounding to whole grey levels.
  """
  resized = tf.cond(
    tf.reduce_all(tf.equal(tf.shape(image)[:2], size)),
    lambda: tf.cast(image, tf.float32),
    lambda: tf.image.resize(image, size, method="bilinear", antialias=True),
  )
  return tf.ensure_shape(resized, [*size, 3])


def augment(image: tf.Tensor, choices: Augmentation, image_size: tuple[int, int]) -> tf.Tensor:
  """uint8[h, w, 3] and one frame's choices (scalars) -> float32[H, W, 3] in 0..255."""
  (height, width), (enlarge, top, left, flip) = image_size, choices

  def cropped() -> tf.Tensor:
    large = resize(image, enlarged_size(image_size))
    return large[top : top + height, left : left + width]

  frame = tf.cond(enlarge, cropped, lambda: resize(image, image_size))
  frame = tf.cond(flip, lambda: tf.reverse(frame, [1]), lambda: frame)
  return tf.ensure_shape(frame, [height, width, 3])


def normalise(frame: tf.Tensor) -> tf.Tensor:
  """float32[..., 3] in 0..255 -> ImageNet-normalised."""
  scale = 1 / (255 * np.array(IMAGENET_STD, np.float64))
  offset = np.array(IMAGENET_MEAN, np.float64) / np.array(IMAGENET_STD, np.float64)
  return frame * scale.astype(np.float32) - offset.astype(np.float32)
