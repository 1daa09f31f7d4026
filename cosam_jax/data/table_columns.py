"""Columns of tables of tracklets; values that numpy would silently cut or wrap are refused."""

from collections.abc import Iterable, Sequence

import numpy as np

from cosam_jax.errors import InputError

MOST_NAME_LETTERS = 4096
"""The limit, as for a path. Every name takes as much memory as the longest."""
_LARGEST = np.iinfo(np.int64).max


def require_whole_names(names: Iterable[str]) -> None:
  """Raises InputError for a name with NUL, which numpy's texts would lose, or a very long one."""
  if isinstance(names, np.ndarray) and names.dtype.kind == "U":
    if names.dtype.itemsize <= 4 * MOST_NAME_LETTERS:
      return
    names = names.reshape(-1)
  for name in map(str, names):
    if "\0" in name or len(name) > MOST_NAME_LETTERS:
      what = "holds NUL" if "\0" in name else f"has {len(name):,} letters"
      raise InputError(
        f"the tracklet name {name[:60]!r} {what}: names have at most {MOST_NAME_LETTERS:,} letters "
        "and no NUL"
      )


def whole_numbers(values: Sequence[int] | np.ndarray, field: str) -> np.ndarray:
  """int64[n]; InputError for a value that is not a whole number of 64 bits."""
  array = np.asarray(values)
  if array.size:
    whole = array.dtype.kind == "i" or (array.dtype.kind == "u" and int(array.max()) <= _LARGEST)
    if not whole:
      raise InputError(
        f"{field} of tracklets must be whole numbers up to {_LARGEST}, and one of these is "
        f"{array.reshape(-1)[np.argmax(array)]!s:.40}"
      )
  return array.astype(np.int64)
