"""MATLAB files whose lengths, types and nesting fit pass; each with one fault is refused."""

import io
import struct
import zlib

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from cosam_jax.data.matlab_layout import require_sound

HEADER = b"by a test".ljust(116) + bytes(8) + b"\x00\x01IM"
INT8, INT32, UINT32, DOUBLE, MATRIX, COMPRESSED, UTF8 = 1, 5, 6, 9, 14, 15, 16
CELL, STRUCT, CHAR, SPARSE, DOUBLES = 1, 2, 4, 5, 6


def element(kind: int, data: bytes, size: int | None = None) -> bytes:
  size = len(data) if size is None else size
  return struct.pack("<II", kind, size) + data + bytes(-len(data) % 8)


def doubles(*values: float) -> bytes:
  return element(DOUBLE, struct.pack(f"<{len(values)}d", *values))


def matrix(
  shown: int, shape, *parts: bytes, name=b"v", types=(UINT32, INT32, INT8), kind=MATRIX, size=None
) -> bytes:
  """A variable of a class and shape; `parts` follow its name."""
  heads = struct.pack("<II", shown, 0), struct.pack(f"<{len(shape)}i", *shape), name
  content = b"".join(element(*head) for head in zip(types, heads)) + b"".join(parts)
  return element(kind, content, size)


def inner(*values: float) -> bytes:
  """A matrix in a cell or a structure, which has no name."""
  return matrix(DOUBLES, (1, len(values)), doubles(*values), name=b"")


def struct_of(width: int, names: bytes, *parts: bytes) -> bytes:
  heads = element(INT32, struct.pack("<i", width)) + element(INT8, names)
  return matrix(STRUCT, (1, 1), heads, *parts)


def compressed(data: bytes) -> bytes:
  return struct.pack("<II", COMPRESSED, len(data)) + data


def nested(depth: int) -> bytes:
  """Numbers inside of this many cells."""
  made = inner(1)
  for _ in range(depth):
    made = matrix(CELL, (1, 1), made)
  return made


PLAIN = matrix(DOUBLES, (2, 3), doubles(1, 2, 3, 4, 5, 6))
PAIR = struct_of(4, b"a\0\0\0b\0\0\0", inner(1), inner(2, 3))


def read(content: bytes):
  return scipy.io.loadmat(io.BytesIO(content))["v"]


def test_the_files_of_these_tests_are_what_scipy_reads():
  np.testing.assert_array_equal(read(HEADER + PLAIN), [[1, 3, 5], [2, 4, 6]])
  np.testing.assert_array_equal(
    read(HEADER + compressed(zlib.compress(PLAIN))), [[1, 3, 5], [2, 4, 6]]
  )
  np.testing.assert_array_equal(read(HEADER + PAIR)["b"][0, 0], [[2, 3]])
  two = matrix(DOUBLES | 0x800, (1, 2), doubles(1, 2), doubles(3, 4))
  np.testing.assert_array_equal(read(HEADER + two), [[1 + 3j, 2 + 4j]])
  np.testing.assert_array_equal(read(HEADER + matrix(CELL, (1, 1), inner(7)))[0, 0], [[7]])
  text = matrix(CHAR, (1, 4), element(UTF8, b"walk"))
  assert read(HEADER + text).tolist() == ["walk"]
  for variable in (PLAIN, PAIR, two, matrix(CELL, (1, 1), inner(7)), text, nested(8)):
    require_sound(HEADER + variable)
    require_sound(HEADER + compressed(zlib.compress(variable)))
  require_sound(HEADER + PLAIN + PAIR)
  require_sound(HEADER)


VALUES = {
  "numbers": np.arange(6.0).reshape(2, 3), "bytes": np.arange(5, dtype=np.uint8),
  "complex numbers": np.array([1 + 2j, 3]), "three dimensions": np.ones((2, 3, 4), np.int16),
  "logical": np.array([[True, False]]), "no numbers": np.zeros((0, 4)), "text": "walk",
  "no text": "", "lines of text": np.array(["ab", "cde"]), "a cell": np.array([1, "a"], object),
  "no cell": np.empty((0, 0), object), "a structure": {"a": 1, "b": {"c": "x", "d": [1, 2]}},
  "structures": np.array([(1, "a"), (2, "b")], [("number", object), ("word", object)]),
}  # fmt: skip


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", VALUES)
def test_all_that_scipy_writes_passes(name, packed):
  stream = io.BytesIO()
  scipy.io.savemat(stream, {"v": VALUES[name], "w": 1}, do_compression=packed)
  require_sound(stream.getvalue())


TOO_LONG = struct.pack("<II", 5 << 16 | UINT32, 0)
# name -> (what follows the header, the reason)
FAULTS = {
  "more numbers": (matrix(DOUBLES, (2, 2), doubles(*range(6))), "more or fewer numbers"),
  "fewer numbers": (matrix(DOUBLES, (2, 4), doubles(*range(6))), "more or fewer numbers"),
  "smaller numbers": (matrix(DOUBLES, (1, 2), element(7, bytes(16))), "more or fewer numbers"),
  "numbers of no type": (matrix(DOUBLES, (1, 2), element(8, bytes(16))), "more or fewer numbers"),
  "half a complex number": (matrix(DOUBLES | 0x800, (1, 1), doubles(1)), "it is cut short"),
  "a negative dimension": (matrix(DOUBLES, (-1, -6), doubles(*range(6))), "is negative"),
  "one dimension": (matrix(DOUBLES, (6,), doubles(*range(6))), "have another length"),
  "nine dimensions": (matrix(DOUBLES, (1,) * 9, doubles(1)), "have another length"),
  "other flags": (matrix(DOUBLES, (1, 1), doubles(1), types=(INT32, INT32, INT8)), "flags have t"),
  "other dimensions": (matrix(DOUBLES, (1, 1), doubles(1), types=(6, 6, 1)), "dimensions have typ"),
  "another name": (matrix(DOUBLES, (1, 1), doubles(1), types=(6, 5, 2)), "names have type 2"),
  "no variable": (doubles(1), "a variable has type 9"),
  "no variable in a packed one": (compressed(zlib.compress(doubles(1))), "a variable has type 9"),
  "a sparse matrix": (matrix(SPARSE, (1, 1), doubles(1)), "of class 5, which is neither"),
  "an object": (matrix(3, (1, 1), doubles(1)), "of class 3, which is neither"),
  "a size beyond the end": (matrix(DOUBLES, (1, 1), doubles(1), size=65), "is longer than"),
  "a short element of five bytes": (element(MATRIX, TOO_LONG + PLAIN[16:]), "element is too long"),
  "short text": (matrix(CHAR, (1, 5), element(UTF8, b"walk")), "text is shorter"),
  "text of doubles": (matrix(CHAR, (1, 1), doubles(1)), "text is shorter"),
  "half a cell": (matrix(CELL, (1, 2), inner(1)), "it is cut short"),
  "a cell of no matrices": (matrix(CELL, (1, 1), doubles(1)), "parts have type 9"),
  "a fault in a cell": (matrix(CELL, (1, 1), matrix(SPARSE, (1, 1))), "of class 5"),
  "nine cells in one another": (nested(9), "it is nested too deeply"),
  "fields without a length": (struct_of(0, b"a\0\0\0"), "names of fields have another length"),
  "fields of 65 letters": (struct_of(65, bytes(65), inner(1)), "names of fields have another"),
  "half a field's name": (struct_of(4, b"a\0\0\0b", inner(1)), "names of fields have another"),
  "a field without its value": (struct_of(4, b"a\0\0\0b\0\0\0", inner(1)), "it is cut short"),
  "packed and cut": (compressed(zlib.compress(PLAIN)[:-9]), "a variable is cut short, or unpacks"),
  "packed and damaged": (compressed(b"y" + zlib.compress(PLAIN)[1:]), "cannot be unpacked"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_refused_with_its_reason(name):
  content, reason = FAULTS[name]
  with pytest.raises(ValueError, match=reason):
    require_sound(HEADER + content)
  with pytest.raises(ValueError, match=reason):
    require_sound(HEADER + PLAIN + content)


def test_no_part_of_a_file_passes():
  whole = HEADER + PAIR
  for end in range(len(whole)):
    if end != len(HEADER):
      with pytest.raises(ValueError):
        require_sound(whole[:end])
  with pytest.raises(ValueError, match="it does not begin like one"):
    require_sound(HEADER[:-2] + b"MI" + PLAIN)  # The other order of bytes.


def test_a_small_file_that_unpacks_to_a_huge_one_is_refused():
  side = 65 << 20
  huge = matrix(9, (1, side), element(2, bytes(side)))
  content = HEADER + compressed(zlib.compress(huge, 1))
  assert len(content) < 1 << 20
  with pytest.raises(ValueError, match="unpacks to too much"):
    require_sound(content)


def test_a_sparse_matrix_of_scipys_is_refused():
  stream = io.BytesIO()
  scipy.io.savemat(stream, {"v": scipy.sparse.eye(3).tocsc()})
  with pytest.raises(ValueError, match="of class 5, which is neither numbers nor text"):
    require_sound(stream.getvalue())
