"""Vectors that say nothing, whatever numbers come of them: all the same, of zeros, or far too long.

Notation: `n` tracklets, `D` embedding size.
"""

from collections.abc import Sequence

import numpy as np

from cosam_jax.errors import InputError
from cosam_jax.runtime.text_numbers import counted

ALIKE = 0.05
"""Vectors whose `spread` is less than this are nearly the same; see docs/foreign_networks.md."""
_LONGEST = float(np.sqrt(np.finfo(np.float32).max)) / 2
"""Squared distances of vectors that are no longer than this fit a float32."""


def spread(vectors: np.ndarray) -> float:
  """How far vectors lie from their mean, as a share of their length: 0 if they are all the same.

  Args:
    vectors: float32[n, D].
  """
  centre = vectors.mean(axis=0, dtype=np.float64)
  away = np.square(vectors - centre, dtype=np.float64).sum()
  length = np.square(vectors, dtype=np.float64).sum()
  return float(np.sqrt(away / length)) if length else 0.0


def nearly_same(vectors: np.ndarray) -> str | None:
  """The clause on vectors that are nearly the same, without a cause; None if they differ.

  Args:
    vectors: float32[n, D], of n tracklets.
  """
  if len(vectors) < 2 or (share := spread(vectors)) >= ALIKE:
    return None
  return (
    f"the vectors of {len(vectors):,} tracklets are nearly the same (they differ by "
    f"{100 * share:.2g}% of their length), so these numbers say little"
  )


def said_if_same(vectors: np.ndarray) -> str | None:
  """The sentence on vectors of any network that are nearly the same; None if they differ."""
  found = nearly_same(vectors)
  return None if found is None else f"{found}: look at the frames, and at the network's weights"


def check_directions(vectors: np.ndarray, names: Sequence[str] | np.ndarray) -> None:
  """Refuses vectors of zeros, for distances by direction.

  Args:
    vectors: float[n, D].
    names: of the tracklets.

  Raises:
    InputError: a vector is of zeros.
  """
  zero = ~np.any(vectors, axis=1)
  if zero.any():
    more = int(zero.sum()) - 1
    others = f", and so have {counted(more, 'other')}" if more else ""
    raise InputError(
      f"{names[int(np.argmax(zero))]} has a vector of zeros, which has no direction and shows "
      f"nobody{others}: look at its frames and at the network's weights, and embed again"
    )


def check_lengths(vectors: np.ndarray, names: Sequence[str] | np.ndarray) -> None:
  """Refuses vectors so long that squared distances overflow.

  Args:
    vectors: float[n, D].
    names: of the tracklets.

  Raises:
    InputError: a vector is too long.
  """
  lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
  worst = int(np.argmax(lengths))
  if lengths[worst] > _LONGEST:
    raise InputError(
      f"{names[worst]} has a vector of length {lengths[worst]:.2g}, and squared distances can be "
      f"computed of lengths up to {_LONGEST:.2g}: look at the network's weights, and embed again"
    )
