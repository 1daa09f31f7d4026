"""Encoded image -> pixels by Pillow: people's own files, which are read without TensorFlow.

Pixels of JPEGs and PNGs are those of `transforms.decode`, which reads the frames of trainings and
evaluations: both use libjpeg-turbo with the exact integer transform and smooth chroma.
"""

import io
import threading

import numpy as np
from PIL import GifImagePlugin, ImageFile, JpegImagePlugin, PngImagePlugin

from cosam_jax.data.gif_layout import gif_refusal
from cosam_jax.data.other_content import other_content
from cosam_jax.data.other_formats import (
  SIXTEEN_BITS,
  STARTS,
  Refused,
  check_pixels,
  read_other_format,
)
from cosam_jax.data.transforms import MAX_PIXELS, MAX_SCANS, SCALES
from cosam_jax.data.upright import exif_orientation, turned

_SWITCH = threading.Lock()  # Held while that of Pillow, which belongs to the process, is off.
_READERS = {
  b"\xff\xd8": ("JPEG", JpegImagePlugin.JpegImageFile),
  b"\x89PNG": ("PNG", PngImagePlugin.PngImageFile),
  b"GIF": ("GIF", GifImagePlugin.GifImageFile),
}
"""The first bytes of a format -> its name, and Pillow's reader.

The readers are called by name, not through `PIL.Image.open`, which tries each format that it knows.
"""


def decoded(data: bytes, at_least: tuple[int, int] | None = None) -> np.ndarray:
  """Decodes a JPEG, PNG or still GIF; a BMP, still WebP or TIFF by `other_formats`.

  Greyscale and palette images become RGB, CMYK is converted, alpha is dropped and 16 bits keep
  their upper 8. Images are turned and mirrored as their EXIF data says.

  Args:
    data: the encoded image.
    at_least: (h, w), see `transforms.decode`: a JPEG of at least twice this size is decoded at a
      part of its size.

  Returns:
    uint8[height, width, 3].

  Raises:
    ValueError: empty, truncated or damaged data, another format, or more than `MAX_PIXELS` pixels
      or `MAX_SCANS` scans; says which.
  """
  if not data:
    raise ValueError("it is empty")
  known = next((found for start, found in _READERS.items() if data.startswith(start)), None)
  if known is None:
    if data.startswith(STARTS):
      return read_other_format(data, MAX_PIXELS)
    other = other_content(data)
    raise ValueError("it is not an image" + (f": {other}" if other else ""))
  kind, reader = known
  try:
    if kind == "GIF":
      _check_gif(data)
    image = reader(io.BytesIO(data))
    check_pixels(*image.size, MAX_PIXELS)
    if kind == "JPEG":
      _check_scans(data)
      _scale(image, at_least)
    return turned(_pixels(image), exif_orientation(data))
  except Refused:
    raise
  except Exception as error:  # Pillow's readers fail in any way on damaged data.
    raise ValueError(f"its {kind} data is truncated or damaged ({len(data):,} bytes)") from error


def refusal(data: bytes) -> str | None:
  """The reason why `decoded` refuses an image, for people; None if it does not."""
  try:
    decoded(data)
  except ValueError as error:
    return str(error)
  return None


def _pixels(image: ImageFile.ImageFile) -> np.ndarray:
  if ImageFile.LOAD_TRUNCATED_IMAGES:
    _load_whole(image)
  else:
    image.load()
  if image.mode in SIXTEEN_BITS:
    levels = (np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8)
    return np.repeat(levels[..., None], 3, axis=-1)
  return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _load_whole(image: ImageFile.ImageFile) -> None:
  """Loads an image although other code told Pillow to fill what is missing of images with grey."""
  with _SWITCH:
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
      image.load()
    finally:
      ImageFile.LOAD_TRUNCATED_IMAGES = before


def _scale(image: ImageFile.ImageFile, at_least: tuple[int, int] | None) -> None:
  """Makes Pillow decode a JPEG at the smallest scale that is as large as `at_least`, turned too."""
  if at_least is None:
    return
  fits = [scale for scale in SCALES if min(image.size) >= scale * max(at_least)]
  if fits and (scale := max(fits)) > 1:
    width, height = image.size
    image.draft(None, (width // scale, height // scale))


def _check_scans(data: bytes) -> None:
  # Inside a scan, the byte 0xff is only followed by 0 or a restart mark.
  if (scans := data.count(b"\xff\xda")) > MAX_SCANS:
    raise Refused(f"it has {scans:,} scans, and a frame may have at most {MAX_SCANS}")


def _check_gif(data: bytes) -> None:
  """Checks the header and the blocks: Pillow fills the whole screen before it can be asked."""
  width, height = (int.from_bytes(data[at : at + 2], "little") for at in (6, 8))
  check_pixels(width, height, MAX_PIXELS)
  if reason := gif_refusal(data, MAX_PIXELS):
    raise Refused(reason)
