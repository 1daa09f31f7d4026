"""A frame's bytes -> its pixels for the network; randomness is a function of the frame's address.

Notation: B clips in a batch, T frames in a clip, H, W the image size that the network sees. Images
are RGB, channels last.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from cosam_jax.data.clips import check_choice
from cosam_jax.data.erasing import erase
from cosam_jax.data.host_tensorflow import tf
from cosam_jax.data.jitter import jitter
from cosam_jax.data.pixel_numbers import LEVELS, PIXEL_FORMS
from cosam_jax.data.transforms import RESIZE_METHODS, decode, normalise, resize
from cosam_jax.errors import InputError

ENLARGE = 1.125
"""Side of the enlarged image from which a random crop is taken, as a multiple of H and W."""

PER = ("frame", "clip")
CROPS = ("enlarged", "none")

_MAX_FRAMES = 2**20
# What random numbers are for; each has its own, so that none change if another is added.
CROP_AND_FLIP, ERASE_CLIP, ERASE_FRAME, JITTER = range(4)
_MAX_SEED = 2**32


class Address(NamedTuple):
  """The place of a frame in a training, on which its random numbers depend.

  Attributes:
    seed: of the training, below 2**32.
    step: number of the batch, int64 scalar.
    clip: number of the clip in its batch, 0 .. B - 1.
    frame: number of the frame in its batch, 0 .. B * T - 1, below 2**20.
  """

  seed: int
  step: tf.Tensor | int
  clip: tf.Tensor | int
  frame: tf.Tensor | int

  def draws(self, purpose: int, per: str) -> tf.Tensor:
    """int64[2], the seed of a `frame`'s random numbers or, the same for its frames, a `clip`'s."""
    return seed_of(self.seed, self.step, self.clip if per == "clip" else self.frame, purpose)


def seed_of(
  seed: int, step: tf.Tensor | int, index: tf.Tensor | int, purpose: int = CROP_AND_FLIP
) -> tf.Tensor:
  """int64[2], the random address of one frame (or clip) of a batch; index is below 2**20."""
  address = tf.cast(step, tf.int64) * _MAX_FRAMES + tf.cast(index, tf.int64)
  return tf.stack([tf.constant(seed + purpose * _MAX_SEED, tf.int64), address])


def enlarged(size: tuple[int, int]) -> tuple[int, int]:
  """The size of the image from which a random crop of `size` is taken."""
  return round(size[0] * ENLARGE), round(size[1] * ENLARGE)


def augment(
  image: tf.Tensor,
  size: tuple[int, int],
  seed: tf.Tensor,
  crop: str = "enlarged",
  resize_method: str = "bilinear",
) -> tf.Tensor:
  """Resize, or enlarge and crop at random; then flip half the time: the published augmentation.

  With probability 1/2 the image is resized to (H, W), else to 9/8 of that, of which a window of
  (H, W) is kept. The corner is a rounded uniform number, as published, so the outermost two
  corners come half as often as the others.

  Args:
    image: uint8[height, width, 3].
    size: (H, W).
    seed: int64[2]; the same seed gives the same result.
    crop: `enlarged`, as above; `none`: always resize to (H, W).
    resize_method: see `transforms.resize`.

  Returns:
    float32[H, W, 3] in 0 .. 255.
  """
  (height, width), large = size, enlarged(size)
  plain, down, right, flip = tf.unstack(tf.random.stateless_uniform([4], seed, alg="philox"), num=4)
  grown, mirrored = plain >= 0.5, flip < 0.5
  # The flip is applied to the uint8 image, a quarter of the bytes, so the window is mirrored too.
  image = tf.cond(mirrored, lambda: tf.reverse(image, [1]), lambda: image)
  if crop == "none":
    return resize(image, size, method=resize_method)
  room = (large[0] - height, large[1] - width)
  down, right = (
    tf.cast(tf.round(u * n), tf.int32) for u, n in zip((down, right), room, strict=True)
  )
  corner = tf.stack([down, tf.where(mirrored, room[1] - right, right)])
  corner = tf.where(grown, corner, tf.zeros_like(corner))
  whole = tf.where(grown, tf.constant(large), tf.constant(size))
  return resize(image, whole, size, corner, resize_method)


@dataclasses.dataclass(frozen=True)
class Augmentation:
  """How the frames of training clips are altered at random; the defaults are as published.

  Attributes:
    augment_per: whether crop and flip are drawn for each `frame`, or once for a `clip`.
    crop: see `augment`.
    erase: probability that a rectangle is erased from a clip's frames, 0 .. 1.
    erase_per: whether the rectangle is of each `frame`, or the same for a `clip`; see `erasing`.
    jitter: strength of the colour jitter, 0 .. 1, drawn once for a clip; see `jitter`.

  Raises:
    InputError: an unknown choice, or a number outside of 0 .. 1.
  """

  augment_per: str = "frame"
  crop: str = "enlarged"
  erase: float = 0.0
  erase_per: str = "frame"
  jitter: float = 0.0

  def __post_init__(self):
    check_choice("augment_per", self.augment_per, PER)
    check_choice("crop", self.crop, CROPS)
    check_choice("erase_per", self.erase_per, PER)
    for field in ("erase", "jitter"):
      value = getattr(self, field)
      if not 0 <= value <= 1:
        raise InputError(f"{field} is {value}, but must be a number from 0 to 1")


PUBLISHED = Augmentation()
"""The augmentation of the published recipe."""


@dataclasses.dataclass(frozen=True)
class Preprocess:
  """Turns the bytes of one frame into its pixels.

  Attributes:
    size: (H, W).
    augmentation: how the image is altered; None: it is resized only.
    resize_method: see `transforms.resize`.
    pixels: `float32`: normalised; `uint8`: rounded to whole grey levels, for the device to
      normalise. Nothing else differs, so a value is at most half a grey level away. `levels`: grey
      levels as floats, not rounded.
  """

  size: tuple[int, int]
  augmentation: Augmentation | None
  resize_method: str = "bilinear"
  pixels: str = "float32"

  def __post_init__(self):
    if len(self.size) != 2 or min(self.size) < 1:
      raise InputError(f"image_size is {self.size}, but must be a height and a width above 0")
    check_choice("resize_method", self.resize_method, RESIZE_METHODS)
    check_choice("pixels", self.pixels, PIXEL_FORMS)
    # A list would do too, but what compares and stores these values needs a tuple.
    object.__setattr__(self, "size", (int(self.size[0]), int(self.size[1])))

  @property
  def dtype(self) -> np.dtype:
    """The type of the pixels."""
    return np.dtype(np.uint8 if self.pixels == "uint8" else np.float32)

  def __call__(self, data: tf.Tensor, address: Address) -> tf.Tensor:
    """Scalar string -> float32[H, W, 3], normalised or grey levels, or uint8."""
    size = self.size
    # Also without augmentation, so that a network is tested on what it was trained on.
    image = decode(data, at_least=enlarged(size))
    shape, how = (*size, 3), self.augmentation
    if how is None:
      image = resize(image, size, method=self.resize_method)
      return self._numbers(tf.ensure_shape(image, shape))
    seed = address.draws(CROP_AND_FLIP, how.augment_per)
    image = tf.ensure_shape(augment(image, size, seed, how.crop, self.resize_method), shape)
    if how.jitter:
      image = jitter(image, how.jitter, address.draws(JITTER, "clip"))
    image = self._numbers(image)
    if how.erase:
      clip = address.draws(ERASE_CLIP, "clip")
      image = erase(image, how.erase, clip, address.draws(ERASE_FRAME, how.erase_per))
    return image

  def _numbers(self, image: tf.Tensor) -> tf.Tensor:
    """float32[H, W, 3] in 0 .. 255 -> the same image in the form of `pixels`."""
    if self.pixels == "uint8":
      return tf.saturate_cast(tf.round(image), tf.uint8)
    return image if self.pixels == LEVELS else normalise(image)
