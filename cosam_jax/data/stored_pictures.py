"""Reads pictures back that the program wrote; they may have been damaged or exchanged since."""

import io
import os

import numpy as np
from PIL import Image

from cosam_jax.runtime.outside_files import read_bytes

_MOST_BYTES, _MOST_PIXELS = 16 << 20, 1 << 24


def read_picture(path: str | os.PathLike, kind: str, mode: str = "RGB") -> np.ndarray:
  """The pixels of a picture.

  Args:
    path: of a regular file of at most 16 MiB.
    kind: the only format that is accepted, as Pillow names it: "PNG" or "JPEG".
    mode: of the result, as Pillow names it: "RGB" or "L".

  Returns:
    uint8[H, W, 3], or uint8[H, W] for "L"; of at most 16,777,216 pixels.

  Raises:
    OSError: it cannot be read, or is not such a picture; `strerror` gives the reason.
  """
  data = read_bytes(path, _MOST_BYTES)
  try:
    with Image.open(io.BytesIO(data), formats=(kind,)) as image:
      if image.width * image.height <= _MOST_PIXELS:
        return np.asarray(image.convert(mode))
  except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
    raise OSError(0, f"it is not a whole {kind} picture", os.fspath(path)) from error
  raise OSError(0, f"it has more than {_MOST_PIXELS:,} pixels", os.fspath(path))
