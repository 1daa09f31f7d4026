"""Pictures in memory: a smooth one with an edge, and the files of any."""

import io

import numpy as np
from PIL import Image


def encode(image: Image.Image, kind: str, **options) -> bytes:
  """The file of a picture, in one of Pillow's formats."""
  buffer = io.BytesIO()
  image.save(buffer, kind, **options)
  return buffer.getvalue()


def smooth_picture() -> Image.Image:
  """A smooth picture with an edge, RGB, 60 x 30."""
  y, x = np.mgrid[0:60, 0:30]
  channels = [127 + 100 * np.sin(y / 9 + x / 5), 4 * y, np.where(x > 14, 220, 40)]
  return Image.fromarray(np.stack(channels, -1).clip(0, 255).astype(np.uint8))
