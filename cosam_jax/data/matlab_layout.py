"""Checks a MATLAB 5 file before scipy reads it, since scipy trusts the lengths and types in it.

On a damaged file scipy can end the process. This accepts matrices of numbers, text, cells and
structures, with lengths that fit into one another; the files of a release hold nothing else.

The format: "MAT-File Level 5 File Format", MathWorks, R2024.
"""

import math
import struct
import zlib
from typing import NamedTuple

_HEADER = 128
_LITTLE_ENDIAN_5 = b"\x00\x01IM"
_MATRIX, _COMPRESSED = 14, 15
_INT8, _INT32, _UINT32 = 1, 5, 6
_BYTES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}
"""Bytes of a number of each type."""
_TEXT = (1, 2, 4, 16, 17, 18)
_CELL, _STRUCT, _CHAR, _NUMBERS = 1, 2, 4, range(6, 16)
_MOST_DIMENSIONS, _MOST_DEPTH, _MOST_UNPACKED = 8, 8, 64 << 20


class Element(NamedTuple):
  """A piece of a file: its type, its bytes, and where the next one begins."""

  kind: int
  data: memoryview
  end: int


def require_sound(content: bytes) -> None:
  """Raises ValueError, with a reason, if lengths, types or nesting are not as they must be."""
  if len(content) < _HEADER or content[124:128] != _LITTLE_ENDIAN_5:
    raise ValueError("it does not begin like one")
  view, place, left = memoryview(content), _HEADER, _MOST_UNPACKED
  while place < len(view):
    # Compressed variables are not padded to 8 bytes; everything inside one is.
    kind, data, place = _element(view, place, fill=False)
    if kind == _COMPRESSED:
      unpack = zlib.decompressobj()
      try:
        unpacked = memoryview(unpack.decompress(data, left))
      except zlib.error as error:
        raise ValueError(f"a variable cannot be unpacked: {error}") from error
      if not unpack.eof:
        raise ValueError("a variable is cut short, or unpacks to too much")
      left -= len(unpacked)
      kind, data, _ = _element(unpacked, 0)
    if kind != _MATRIX:
      raise ValueError(f"a variable has type {kind}")
    _require_matrix(data, depth=0)


def _element(view: memoryview, place: int, fill: bool = True) -> Element:
  """The element that begins at `place`."""
  if len(view) - place < 8:
    raise ValueError("it is cut short")
  kind, size = struct.unpack_from("<II", view, place)
  if kind >> 16:  # Up to four bytes, in the place of the size.
    kind, size = kind & 0xFFFF, kind >> 16
    if size > 4:
      raise ValueError("a short element is too long")
    return Element(kind, view[place + 4 : place + 4 + size], place + 8)
  start = place + 8
  if size > len(view) - start:
    raise ValueError("an element is longer than the one that holds it")
  return Element(kind, view[start : start + size], start + size + (-size % 8 if fill else 0))


def _expect(view: memoryview, place: int, kind: int, what: str) -> Element:
  found = _element(view, place)
  if found.kind != kind:
    raise ValueError(f"{what} have type {found.kind}")
  return found


def _require_matrix(view: memoryview, depth: int) -> None:
  if not len(view) and depth:
    return  # An empty cell or field.
  if depth > _MOST_DEPTH:
    raise ValueError("it is nested too deeply")
  flags = _expect(view, 0, _UINT32, "flags")
  sizes = _expect(view, flags.end, _INT32, "dimensions")
  if (
    len(flags.data) != 8 or len(sizes.data) % 4 or not 8 <= len(sizes.data) <= 4 * _MOST_DIMENSIONS
  ):
    raise ValueError("flags or dimensions have another length")
  shape = struct.unpack(f"<{len(sizes.data) // 4}i", sizes.data)
  if min(shape) < 0:
    raise ValueError("a dimension is negative")
  count = math.prod(shape)
  place = _expect(view, sizes.end, _INT8, "names").end
  word = struct.unpack_from("<I", flags.data)[0]
  shown = word & 0xFF
  if shown in _NUMBERS:
    for _ in range(2 if word & 0x800 else 1):  # The second one is imaginary.
      kind, data, place = _element(view, place)
      if kind not in _BYTES or len(data) != count * _BYTES[kind]:
        raise ValueError("a matrix has more or fewer numbers than its dimensions say")
  elif shown == _CHAR:
    kind, data, _ = _element(view, place)
    if kind not in _TEXT or count > len(data):
      raise ValueError("text is shorter than its dimensions say")
  elif shown == _CELL:
    _require_parts(view, place, count, depth)
  elif shown == _STRUCT:
    width = _expect(view, place, _INT32, "lengths of names")
    names = _expect(view, width.end, _INT8, "names of fields")
    length = struct.unpack("<i", width.data)[0] if len(width.data) == 4 else 0
    if not 0 < length <= 64 or len(names.data) % length:
      raise ValueError("names of fields have another length")
    _require_parts(view, names.end, count * (len(names.data) // length), depth)
  else:
    raise ValueError(f"a variable is of class {shown}, which is neither numbers nor text")


def _require_parts(view: memoryview, place: int, count: int, depth: int) -> None:
  for _ in range(count):
    part = _expect(view, place, _MATRIX, "parts")
    _require_matrix(part.data, depth + 1)
    place = part.end
