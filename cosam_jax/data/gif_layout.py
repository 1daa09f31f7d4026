"""Checks the blocks of a GIF before a decoder allocates memory for every picture of an animation.

A megabyte can hold a hundred pictures of 4096 x 4096, and TensorFlow decodes all of them.
"""

from __future__ import annotations

import numpy as np

from cosam_jax.data.host_tensorflow import tf

_HEADER_BYTES, _DESCRIPTOR_BYTES = 13, 9
_EXTENSION, _PICTURE = 0x21, 0x2C


def still(data: tf.Tensor, most_pixels: int) -> tf.Tensor:
  """The same encoded image, or an error if it is a GIF that `gif_refusal` refuses.

  Args:
    data: scalar string.
    most_pixels: see `gif_refusal`.
  """

  def checked(encoded: np.ndarray | bytes) -> bytes:
    content = np.asarray(encoded, np.object_).item()
    if refusal := gif_refusal(content, most_pixels):
      raise ValueError(refusal)
    return content

  def by_python() -> tf.Tensor:
    return tf.ensure_shape(tf.numpy_function(checked, [data], tf.string, stateful=False), ())

  return tf.cond(tf.equal(tf.strings.substr(data, 0, 3), b"GIF"), by_python, lambda: data)


def gif_refusal(data: bytes, most_pixels: int) -> str | None:
  """The reason why a GIF cannot be a frame, for people; None if it has one picture or is damaged.

  Args:
    data: all of the GIF.
    most_pixels: the most that a picture in it may have; its header may claim fewer.
  """
  at = _HEADER_BYTES + _colour_bytes(data, 10)
  pictures = 0
  while at < len(data) and data[at] in (_EXTENSION, _PICTURE):
    if data[at] == _EXTENSION:
      at = _after_sub_blocks(data, at + 2)  # After the mark and the extension's kind.
      continue
    pictures += 1
    if pictures > 1:
      return "it is an animation: give its pictures as files of their own, or a video"
    width, height = (int.from_bytes(data[at + k : at + k + 2], "little") for k in (5, 7))
    if width * height > most_pixels:
      return f"it has {width * height:,} pixels, and a frame may have at most {most_pixels:,}"
    colours = _colour_bytes(data, at + _DESCRIPTOR_BYTES)
    at = _after_sub_blocks(data, at + 1 + _DESCRIPTOR_BYTES + colours + 1)
  return None


def _colour_bytes(data: bytes, at: int) -> int:
  """The length in bytes of the table of colours, by the flags at a place; 0 if there is none."""
  flags = data[at] if at < len(data) else 0
  return 3 << (flags % 8 + 1) if flags & 0x80 else 0


def _after_sub_blocks(data: bytes, at: int) -> int:
  """The place after a chain of blocks; each begins with its length, and a length of 0 ends it."""
  while at < len(data) and data[at]:
    at += 1 + data[at]
  return at + 1
