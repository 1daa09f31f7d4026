"""Pairs of tracklets that cannot be of one person, by where and when they were seen.

One person is not twice in one camera at one time, and not in two places sooner than one can get
from one to the other.

Notation: `n` tracklets, `m` of them.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

NO_CLOCK = -1


@dataclasses.dataclass(frozen=True, eq=False)
class Whereabouts:
  """Where and when tracklets were seen.

  Attributes:
    cameras: int[n]; negative if unknown.
    clocks: int[n]; times of the same clock can be compared. `NO_CLOCK`: there are none.
    begins, ends: float64[n], the first and last moment by the clock.
    travel: (camera, other camera) -> the least seconds from one to the other, in both orders.
  """

  cameras: np.ndarray
  clocks: np.ndarray
  begins: np.ndarray
  ends: np.ndarray
  travel: Mapping[tuple[int, int], float] = dataclasses.field(default_factory=dict)


class Forbidden:
  """Answers which pairs are forbidden.

  Args:
    seen: where and when.
    apart: int[p, 2], pairs that somebody said are two people; may be empty.
  """

  def __init__(self, seen: Whereabouts, apart: np.ndarray):
    self.seen, self.apart = seen, np.asarray(apart, np.int64).reshape(-1, 2)

  def among(self, rows: np.ndarray) -> np.ndarray:
    """bool[m, m], symmetric: the forbidden pairs of some tracklets."""
    seen = self.seen
    cameras, clocks = seen.cameras[rows], seen.clocks[rows]
    begins, ends = seen.begins[rows], seen.ends[rows]
    # Seconds between the two; below zero if they overlap.
    gaps = np.maximum(begins[:, None] - ends[None], begins[None] - ends[:, None])
    timed = (clocks[:, None] == clocks[None]) & (clocks != NO_CLOCK)[:, None]
    same = (cameras[:, None] == cameras[None]) & (cameras >= 0)[:, None]
    found = timed & same & (gaps <= 0)
    for (first, second), seconds in seen.travel.items():
      there = (cameras == first)[:, None] & (cameras == second)[None]
      found |= timed & there & (gaps < seconds)
    places = np.full(len(seen.cameras), -1)
    places[rows] = np.arange(len(rows))
    pairs = places[self.apart]
    pairs = pairs[(pairs >= 0).all(axis=1)]
    found[pairs[:, 0], pairs[:, 1]] = found[pairs[:, 1], pairs[:, 0]] = True
    np.fill_diagonal(found, False)
    return found
