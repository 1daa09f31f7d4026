"""Pictures of every kind that people have: those that can be read, and those that are refused.

READABLE: kind -> (the file, its pixels as PIL reads them); with `PNG` in the name they are exact.
REFUSED: kind -> (the file, words of the reason).
"""

import struct
import zlib

import numpy as np
import PIL.Image
from pictures import encode

# Smooth, so that JPEG changes little.
PIXELS = (np.mgrid[0:64, 0:32].sum(0)[..., None] * [2, 1, 0] + [10, 40, 90]).astype(np.uint8)
RGB = PIL.Image.fromarray(PIXELS)


def of_mode(mode, kind) -> tuple[bytes, np.ndarray]:
  image = RGB.convert(mode)
  return encode(image, kind), np.asarray(image.convert("RGB"))


def claiming(width, height) -> bytes:
  """A PNG of a few hundred bytes whose header claims `width` times `height` grey pixels."""
  header = struct.pack(">II5B", width, height, 8, 0, 0, 0, 0)
  chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(100_000))), (b"IEND", b""))
  parts = [
    struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    for kind, data in chunks
  ]
  return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


SIXTEEN = (PIXELS[..., 0].astype(np.uint16) << 8) | 0xA5
READABLE = {
  "grey JPEG": of_mode("L", "JPEG"),
  "CMYK JPEG": of_mode("CMYK", "JPEG"),
  "grey PNG": of_mode("L", "PNG"),
  "palette PNG": of_mode("P", "PNG"),
  "PNG with alpha": of_mode("RGBA", "PNG"),
  "grey PNG with alpha": of_mode("LA", "PNG"),
  "one-bit PNG": of_mode("1", "PNG"),
  "16-bit PNG": (
    encode(PIL.Image.fromarray(SIXTEEN), "PNG"),
    np.repeat((SIXTEEN >> 8).astype(np.uint8)[..., None], 3, -1),
  ),
  **{
    f"{mode} {kind} PNG-exact": of_mode(mode, kind)
    for mode, kind in (
      ("RGB", "BMP"),
      ("L", "BMP"),
      ("P", "BMP"),
      ("1", "BMP"),
      ("RGB", "TIFF"),
      ("L", "TIFF"),
      ("P", "TIFF"),
      ("RGBA", "TIFF"),
      ("CMYK", "TIFF"),
      ("LA", "TIFF"),
      ("1", "TIFF"),
    )
  },
  "WebP PNG-exact": (encode(RGB, "WEBP", lossless=True), PIXELS),
  "WebP": (encode(RGB, "WEBP", quality=100), PIXELS),
  "16-bit TIFF PNG-exact": (
    encode(PIL.Image.fromarray(SIXTEEN), "TIFF"),
    np.repeat((SIXTEEN >> 8).astype(np.uint8)[..., None], 3, -1),
  ),
  "TIFF of two pictures PNG-exact": (
    encode(RGB, "TIFF", save_all=True, append_images=[RGB.transpose(0)]),
    PIXELS,
  ),
  "1-pixel JPEG": (encode(PIL.Image.fromarray(PIXELS[:1, :1]), "JPEG"), PIXELS[:1, :1]),
  "1-pixel PNG": (encode(PIL.Image.fromarray(PIXELS[:1, :1]), "PNG"), PIXELS[:1, :1]),
  "JPEG with bytes behind it": (encode(RGB, "JPEG") + b"behind", PIXELS),
}
LARGE = PIL.Image.new("L", (4097, 4097))
MOVING = [PIL.Image.new("P", (64, 32), colour) for colour in range(3)]
for picture in MOVING:
  picture.putpalette(list(range(256)) * 3)
REFUSED = {
  "nothing": (b"", "it is empty"),
  "half a JPEG": (encode(RGB, "JPEG")[:700], "its JPEG data is truncated or damaged"),
  "half a PNG": (encode(RGB, "PNG")[:90], "its PNG data is truncated or damaged"),
  "half a BMP": (encode(RGB, "BMP")[:3000], "its BMP data is truncated or damaged"),
  "half a WebP": (encode(RGB, "WEBP", lossless=True)[:-8], "its WebP data is truncated"),
  "half a TIFF": (encode(RGB, "TIFF")[:3000], "its TIFF data is truncated or damaged"),
  "a moving WebP": (
    encode(RGB, "WEBP", save_all=True, append_images=[RGB.transpose(0)]),
    "it is an animation",
  ),
  "a moving GIF": (encode(MOVING[0], "GIF", save_all=True, append_images=MOVING[1:]), "animation"),
  "half a GIF": (encode(RGB, "GIF")[:900], "its GIF data is truncated or damaged"),
  "a TIFF of fractions": (encode(RGB.convert("F"), "TIFF"), "numbers, not colours"),
  "a large BMP": (encode(LARGE, "BMP"), "it has 16,785,409 pixels"),
  "a large WebP": (encode(LARGE, "WEBP", lossless=True), "it has 16,785,409 pixels"),
  "a large TIFF": (encode(LARGE, "TIFF", compression="tiff_lzw"), "it has 16,785,409 pixels"),
  "a pointer": (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
  "text": (b"<html>not found</html>", "it is not an image"),
  "a large JPEG": (
    encode(LARGE, "JPEG"),
    "it has 16,785,409 pixels, and a frame may have at most 16,777,216",
  ),
  "a large GIF": (encode(LARGE, "GIF"), "it has 16,785,409 pixels"),
  "a PNG bomb": (claiming(60_000, 60_000), "it has 3,600,000,000 pixels"),
}
