"""BMP, WebP and TIFF frames, read by Pillow; `transforms.decode` reads JPEG and PNG faster."""

import io
import struct
import warnings

import numpy as np
from PIL import BmpImagePlugin, ImageFile, ImageOps, TiffImagePlugin, WebPImagePlugin

STARTS = (b"BM", b"II*\0", b"MM\0*", b"RIFF")
"""The first two to four bytes of these formats."""
_READERS = {"BMP": BmpImagePlugin.BmpImageFile, "TIFF": TiffImagePlugin.TiffImageFile}
SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
"""Pillow's modes of greyscale images of 16 bits."""
_PLAIN = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")

# People who want a file's picture need no warnings about its metadata.
warnings.filterwarnings("ignore", module=r"PIL\.TiffImagePlugin")


def read_other_format(data: bytes, most_pixels: int) -> np.ndarray:
  """Decodes a BMP, a still WebP or the first picture of a TIFF, upright as its EXIF data says.

  Greyscale and palette images become RGB, CMYK is converted, alpha is dropped and 16 bits keep
  their upper 8.

  Args:
    data: the encoded image.
    most_pixels: if the header claims more pixels, nothing is decoded.

  Returns:
    uint8[height, width, 3].

  Raises:
    ValueError: it is damaged, too large, an animation, or has numbers that are not colours; says
      which.
  """
  kind = "BMP" if data[:2] == b"BM" else "WebP" if data[:4] == b"RIFF" else "TIFF"
  try:
    if kind == "WebP":
      _check_webp(data, most_pixels)  # Pillow allocates memory before its size can be asked.
      image: ImageFile.ImageFile = WebPImagePlugin.WebPImageFile(io.BytesIO(data))
    else:
      image = _READERS[kind](io.BytesIO(data))
    check_pixels(*image.size, most_pixels)
    if image.mode in SIXTEEN_BITS:
      image.load()
      upright = ImageOps.exif_transpose(image)
      levels = (np.asarray(upright).astype(np.uint16) >> 8).astype(np.uint8)
      return np.repeat(levels[..., None], 3, axis=-1)
    if image.mode not in _PLAIN:
      raise Refused(f"it is a TIFF of {image.mode} numbers, not colours: save it as RGB")
    image.load()
    return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
  except Refused:
    raise
  except Exception as error:  # Pillow's readers fail in any way on damaged data.
    raise ValueError(f"its {kind} data is truncated or damaged ({len(data):,} bytes)") from error


def other_format_refusal(data: bytes, most_pixels: int) -> str:
  """The reason why `read_other_format` refuses an image, for people."""
  try:
    read_other_format(data, most_pixels)
  except ValueError as error:
    return str(error)
  return "it could not be read once"


class Refused(ValueError):
  """The image is undamaged, and refused all the same; the message says why."""


def check_pixels(width: int, height: int, most_pixels: int) -> None:
  """Raises `Refused` if an image of this size has more than `most_pixels` pixels."""
  pixels = width * height
  if pixels > most_pixels:
    raise Refused(f"it has {pixels:,} pixels, and a frame may have at most {most_pixels:,}")


def _check_webp(data: bytes, most_pixels: int) -> None:
  """Checks the header: the size, and that the image is not an animation."""
  if data[8:12] != b"WEBP":
    raise Refused("it is not an image, but another RIFF file")
  if int.from_bytes(data[4:8], "little") + 8 > len(data):
    raise ValueError("it is shorter than its header says")
  kind, body = data[12:16], data[20:30]
  if kind == b"VP8X":
    if body[0] & 2:
      raise Refused("it is an animation: give its pictures as files of their own, or a video")
    width, height = (1 + int.from_bytes(body[at : at + 3], "little") for at in (4, 7))
  elif kind == b"VP8L":
    bits = struct.unpack("<I", body[1:5])[0]
    width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
  else:
    width, height = (side & 0x3FFF for side in struct.unpack("<HH", body[6:10]))
  check_pixels(width, height, most_pixels)
