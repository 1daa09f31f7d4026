"""Turns pictures upright, by the EXIF orientation of images and the display matrix of videos.

Cameras store pixels as the sensor was held, and note how to turn them. Players, browsers and
OpenCV, with which most detectors read, turn and mirror accordingly, so boxes refer to the upright
picture.

Notation: an orientation is EXIF's number, 1 (as stored) to 8.
"""

import io

import numpy as np
import PIL.Image

AS_STORED = 1
_ORIENTATION = 0x0112  # The tag's number in EXIF.
# orientation -> whether to transpose, then to reverse the rows, then the columns.
_TURNS = {
  1: (False, False, False),
  2: (False, False, True),
  3: (False, True, True),
  4: (False, True, False),
  5: (True, False, False),
  6: (True, False, True),
  7: (True, True, True),
  8: (True, True, False),
}


def exif_orientation(data: bytes) -> int:
  """The orientation in the EXIF data of a JPEG or PNG; `AS_STORED` if it has no valid one."""
  if b"Exif\0\0" not in data and b"eXIf" not in data:
    return AS_STORED
  try:
    with PIL.Image.open(io.BytesIO(data)) as image:
      if "exif" not in image.info and image.format == "PNG":
        image.load()  # The chunk may come after the pixels.
      exif = PIL.Image.Exif()
      exif.load(image.info.get("exif", b""))
      value = exif.get(_ORIENTATION)
  except Exception:  # Damaged EXIF data raises many kinds, and is ignored.
    return AS_STORED
  return value if isinstance(value, int) and value in _TURNS else AS_STORED


def matrix_orientation(matrix: bytes) -> int:
  """The orientation nearest to a video's display matrix.

  Args:
    matrix: int32[9], a b u, c d v, x y w, as FFmpeg gives it: the pixel stored at (x, y) is shown
      at (a x + c y, b x + d y), y downwards.
  """
  a, b, _, c, d = np.frombuffer(matrix, np.int32, 5).tolist()
  if a == b == c == d == 0:
    return AS_STORED
  transposed = abs(b) + abs(c) > abs(a) + abs(d)
  along, down = (c, b) if transposed else (a, d)
  wanted = (transposed, down < 0, along < 0)
  return next(orientation for orientation, turns in _TURNS.items() if turns == wanted)


def upright_size(data: bytes) -> tuple[int, int]:
  """Width and height in pixels of an image file's picture when it is turned upright.

  Raises:
    OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError: it is no picture.
  """
  with PIL.Image.open(io.BytesIO(data)) as image:
    width, height = image.size
  return (height, width) if _TURNS[exif_orientation(data)][0] else (width, height)


def turned(image: np.ndarray, orientation: int) -> np.ndarray:
  """Stored pixels [height, width, ...] -> the upright picture."""
  transpose, rows, columns = _TURNS[orientation]
  if transpose:
    image = np.swapaxes(image, 0, 1)
  if rows:
    image = image[::-1]
  if columns:
    image = image[:, ::-1]
  return np.ascontiguousarray(image)
