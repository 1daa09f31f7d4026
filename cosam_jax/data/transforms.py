"""Encoded image -> pixels of the network's size -> normalised pixels. Nothing here is random.

Notation: H, W the image size that the network sees. Images are RGB, channels last.
"""

from __future__ import annotations

import functools
from typing import Any, Literal, get_args

import numpy as np

from cosam_jax.data.gif_layout import gif_refusal, still
from cosam_jax.data.host_tensorflow import tf
from cosam_jax.data.other_content import other_content
from cosam_jax.data.other_formats import STARTS, other_format_refusal, read_other_format
from cosam_jax.data.pixel_numbers import factor_and_offset
from cosam_jax.data.upright import exif_orientation, turned

ResizeMethod = Literal["bilinear", "bicubic"]
RESIZE_METHODS: tuple[str, ...] = get_args(ResizeMethod)

MAX_PIXELS = 2**24
"""Pixels of the largest frame that is decoded, twice a 4K picture: as floats 192 MiB.

A few kilobytes can claim to be a picture of gigabytes.
"""

MAX_SCANS = 100
"""Most scans of a progressive JPEG that is decoded; programs write about ten.

Each scan goes over the whole picture again, and a few bytes are enough for one.
"""

SCALES = (1, 2, 4, 8)
"""The scales that a JPEG's transform offers: one over each of them."""
_EXIF = r"(?s)\C*(Exif\x00\x00|eXIf)\C*"  # \C is any byte.
_JPEG_HEADERS = 1 << 18
"""If a JPEG has EXIF data, it lies in this many bytes at the beginning."""


def decode(data: tf.Tensor, at_least: tuple[int, int] | None = None) -> tf.Tensor:
  """Decodes a JPEG, PNG or still GIF; a BMP, still WebP or TIFF by `other_formats`.

  Greyscale and palette images become RGB, CMYK is converted, alpha is dropped and 16 bits keep
  their upper 8. Images are turned and mirrored as their EXIF data says. The inverse transform is
  the exact integer one that PIL uses. An image whose header claims more than `MAX_PIXELS` is not
  decoded.

  Args:
    data: scalar string, the encoded image.
    at_least: (h, w) that the result is resized to. A JPEG of at least twice this size, however it
      is turned, is decoded at a half, a quarter or an eighth of its size, which takes a fraction of
      the time; after the resize, values of real frames differ by less than half a grey level on
      average. None: at its own size.

  Returns:
    uint8[height, width, 3].

  Raises:
    tf.errors.InvalidArgumentError: empty, truncated or damaged data, another format, or too large.
      Outside of a graph, a BMP, WebP or TIFF raises ValueError instead.
  """
  start = tf.strings.substr(data, 0, 4)
  other = tf.reduce_any([
    tf.equal(tf.strings.substr(start, 0, len(begin)), begin) for begin in STARTS
  ])  # fmt: skip
  image = tf.cond(
    other,
    lambda: _by_pillow(data),
    lambda: _by_tensorflow(still(data, MAX_PIXELS), at_least),
  )
  return tf.ensure_shape(image, (None, None, 3))


def _by_pillow(data: tf.Tensor) -> tf.Tensor:
  def read(encoded: np.ndarray | bytes) -> np.ndarray:
    return read_other_format(np.asarray(encoded, np.object_).item(), MAX_PIXELS)

  return tf.ensure_shape(tf.numpy_function(read, [data], tf.uint8, stateful=False), (None, None, 3))


def _by_tensorflow(data: tf.Tensor, at_least: tuple[int, int] | None) -> tf.Tensor:
  checks = [tf.debugging.assert_less_equal(claimed_pixels(data), tf.constant(MAX_PIXELS, tf.int64))]
  checks.append(tf.debugging.assert_less_equal(scans(data), MAX_SCANS))
  with tf.control_dependencies([check for check in checks if check is not None]):
    image = tf.switch_case(
      _scale(data, at_least), [functools.partial(_decode_at, data, scale) for scale in SCALES]
    )
  # A GIF that is too damaged for its pictures to be counted may come with four axes.
  return _upright(tf.ensure_shape(image, (None, None, 3)), data)


def _decode_at(data: tf.Tensor, scale: int) -> tf.Tensor:
  """uint8[height, width, 3], a JPEG decoded at one over `scale` of its size; others at 1."""
  return tf.io.decode_jpeg(
    data,
    channels=3,
    ratio=scale,
    dct_method="INTEGER_ACCURATE",
    try_recover_truncated=False,
    acceptable_fraction=1.0,
  )


def _scale(data: tf.Tensor, at_least: tuple[int, int] | None) -> tf.Tensor:
  """int32 scalar, the place in `SCALES` of the scale at which an image is decoded.

  The scaled image is as large as `at_least` however it is turned.
  """
  if at_least is None:
    return tf.constant(0)

  def of_jpeg() -> tf.Tensor:
    side = tf.reduce_min(tf.io.extract_jpeg_shape(data)[:2])
    fits = [side >= scale * max(at_least) for scale in SCALES[1:]]
    return tf.reduce_sum(tf.cast(tf.stack(fits), tf.int32))

  is_jpeg = tf.equal(tf.strings.substr(data, 0, 2), b"\xff\xd8")
  return tf.cond(is_jpeg, of_jpeg, lambda: tf.constant(0))


def _upright(image: tf.Tensor, data: tf.Tensor) -> tf.Tensor:
  """Turns a decoded image as its encoded bytes say; without EXIF data this costs almost nothing.

  Args:
    image: uint8[height, width, 3], as stored.
    data: scalar string, the JPEG or PNG that it was decoded from.

  Returns:
    uint8[height or width, width or height, 3].
  """
  is_jpeg = tf.equal(tf.strings.substr(data, 0, 2), b"\xff\xd8")
  kept = tf.where(is_jpeg, _JPEG_HEADERS, tf.int32.max)
  marked = tf.strings.regex_full_match(tf.strings.substr(data, 0, kept), _EXIF)

  def turn(pixels: np.ndarray, encoded: np.ndarray | bytes) -> np.ndarray:
    # In a graph these are bytes; outside of one, an array around them.
    return turned(pixels, exif_orientation(np.asarray(encoded, np.object_).item()))

  def by_python() -> tf.Tensor:
    return tf.numpy_function(turn, [image, data], tf.uint8, stateful=False)

  return tf.ensure_shape(tf.cond(marked, by_python, lambda: image), (None, None, 3))


def claimed_pixels(data: tf.Tensor) -> tf.Tensor:
  """int64 scalar, width times height in a JPEG's, PNG's or GIF's header; else the largest int64."""
  # Zeros are appended, so that data of any length can be indexed.
  head = tf.strings.join([tf.strings.substr(data, 0, 24), bytes(24)])
  start = tf.strings.substr(head, 0, 2)

  def product(numbers: tf.Tensor) -> tf.Tensor:
    return tf.reduce_prod(tf.cast(numbers, tf.int64))

  def png() -> tf.Tensor:
    return product(tf.io.decode_raw(tf.strings.substr(head, 16, 8), tf.int32, little_endian=False))

  def gif() -> tf.Tensor:
    return product(tf.io.decode_raw(tf.strings.substr(head, 6, 4), tf.uint16))

  def other() -> tf.Tensor:
    return tf.cond(tf.equal(start, b"GI"), gif, lambda: tf.constant(tf.int64.max, tf.int64))

  return tf.cond(
    tf.equal(start, b"\xff\xd8"),
    lambda: product(tf.io.extract_jpeg_shape(data)[:2]),
    lambda: tf.cond(tf.equal(start, b"\x89P"), png, other),
  )


def scans(data: tf.Tensor) -> tf.Tensor:
  """int32 scalar, the number of scans in a JPEG; 0 for other images."""

  def count() -> tf.Tensor:
    # Inside a scan, the byte 0xff is only followed by 0 or a restart mark.
    octets = tf.io.decode_raw(data, tf.uint8)
    return tf.math.count_nonzero((octets[:-1] == 0xFF) & (octets[1:] == 0xDA), dtype=tf.int32)

  jpeg = tf.equal(tf.strings.substr(tf.strings.join([data, bytes(2)]), 0, 2), b"\xff\xd8")
  return tf.cond(jpeg, count, lambda: tf.constant(0, tf.int32))


def undecodable_reason(data: bytes) -> str | None:
  """The reason why `decode` refuses an image, for people; None if it does not."""
  try:
    decode(tf.constant(data))
  except (tf.errors.OpError, ValueError):
    if not data:
      return "it is empty"
    if data.startswith((b"\xff\xd8", b"\x89PNG", b"GIF")):
      return _damage(data)
    if data.startswith(STARTS):
      return other_format_refusal(data, MAX_PIXELS)
    other = other_content(data)
    return "it is not an image" + (f": {other}" if other else "")
  return None


def _damage(data: bytes) -> str:
  """The fault of an image of a known format, in words."""
  kind = "JPEG" if data.startswith(b"\xff\xd8") else "PNG" if data.startswith(b"\x89PNG") else "GIF"
  try:
    pixels = int(claimed_pixels(tf.constant(data)))
  except tf.errors.OpError:
    pixels = 0
  if pixels > MAX_PIXELS:
    return f"it has {pixels:,} pixels, and a frame may have at most {MAX_PIXELS:,}"
  begun = int(scans(tf.constant(data)))
  if begun > MAX_SCANS:
    return f"it has {begun:,} scans, and a frame may have at most {MAX_SCANS}"
  if kind == "GIF" and (refusal := gif_refusal(data, MAX_PIXELS)):
    return refusal
  return f"its {kind} data is truncated or damaged ({len(data):,} bytes)"


def resize(
  image: tf.Tensor,
  size: tf.Tensor | tuple[int, int],
  window: tuple[int, int] | None = None,
  corner: tf.Tensor | tuple[int, int] = (0, 0),
  method: ResizeMethod | str = "bilinear",
) -> tf.Tensor:
  """Antialiased resize with the kernel of PIL's BILINEAR or BICUBIC, cropped to a window.

  PIL rounds to whole grey levels after each axis; here nothing is rounded. Only the window is
  computed.

  Args:
    image: uint8[height, width, 3].
    size: of the whole result, (H, W).
    window: (h, w), the size of the part that is kept; None keeps all.
    corner: int32, where the window begins.
    method: one of `RESIZE_METHODS`. `bicubic` is the kernel with a = -0.5. It goes beyond the
      brightest and darkest pixels; as in PIL, values stay in 0 .. 255 after each axis. The width
      comes first, as in Pillow up to 12; Pillow 13 begins with the axis that makes less work.

  Returns:
    float32[h, w, 3] in 0 .. 255; unchanged values if the image already has the size (H, W).
  """
  size, corner = (tf.convert_to_tensor(value, tf.int32) for value in (size, corner))
  kept = size if window is None else tf.constant(window)

  def cut() -> tf.Tensor:
    return tf.cast(
      tf.slice(image, tf.concat([corner, [0]], 0), tf.concat([kept, [3]], 0)), tf.float32
    )

  def scaled() -> tf.Tensor:
    there = tf.shape(image)[:2]
    scale = tf.cast(size, tf.float32) / tf.cast(there, tf.float32)
    translation = -tf.cast(corner, tf.float32)
    if method == "bilinear":
      return _scaled(image, kept, scale, translation, "triangle")
    (down, right), (top, left) = tf.unstack(scale, num=2), tf.unstack(translation, num=2)
    width_first = tf.stack([there[0], kept[1]])
    wide = _scaled(image, width_first, tf.stack([1.0, right]), tf.stack([0.0, left]), "keyscubic")
    wide = tf.clip_by_value(wide, 0.0, 255.0)
    both = _scaled(wide, kept, tf.stack([down, 1.0]), tf.stack([top, 0.0]), "keyscubic")
    return tf.clip_by_value(both, 0.0, 255.0)

  return tf.cond(tf.reduce_all(tf.equal(tf.shape(image)[:2], size)), cut, scaled)


def _scaled(image: tf.Tensor, size: Any, scale: Any, translation: Any, kernel: str) -> tf.Tensor:
  return tf.raw_ops.ScaleAndTranslate(
    images=image[None],
    size=size,
    scale=scale,
    translation=translation,
    kernel_type=kernel,
    antialias=True,
  )[0]


def normalise(image: tf.Tensor) -> tf.Tensor:
  """float32[..., W, 3] in 0 .. 255 -> ImageNet's mean 0 and standard deviation 1 by channel."""
  scale, offset = factor_and_offset()
  width = image.shape[-2]
  if width is None:
    return image * scale - offset
  # Whole rows of numbers at a time are several times faster than three.
  shape = tf.shape(image)
  rows = tf.reshape(image, tf.concat([shape[:-2], [3 * width]], 0))
  return tf.reshape(rows * np.tile(scale, width) - np.tile(offset, width), shape)
