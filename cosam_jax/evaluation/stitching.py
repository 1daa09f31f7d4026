"""Pieces of one track that a tracker lost are joined, within one camera and by time.

A piece may follow another one of the same camera and clock if it begins after the other's end, at
most a gap later, and their distance is within a cut. The nearest such pairs are joined first; each
piece has at most one before it and one after it.

Notation: `n` tracklets.
"""

import numpy as np

from cosam_jax.evaluation.forbidden_pairs import NO_CLOCK, Whereabouts


def stitched(
  placed: np.ndarray, seen: Whereabouts, cut: float, gap: float
) -> tuple[np.ndarray, list[tuple[int, int, float]]]:
  """Joins pieces.

  Args:
    placed: float32[n, D] of length 1.
    seen: where and when.
    cut: the largest cosine distance.
    gap: the longest time between the end of a piece and the beginning of the next, by its clock.

  Returns:
    (int64[n], the lowest tracklet of each track; the joins: earlier and later piece, distance).
  """
  earlier, later = _candidates(seen, gap)
  far = np.concatenate([
    1 - np.einsum("pd,pd->p", placed[earlier[i : i + 4096]], placed[later[i : i + 4096]])
    for i in range(0, len(earlier), 4096)
  ] or [np.zeros(0)])  # fmt: skip
  groups = np.arange(len(placed))
  joins, has_next, has_before = [], set(), set()
  for pair in np.argsort(far, kind="stable"):
    if far[pair] > cut:
      break
    first, second = int(earlier[pair]), int(later[pair])
    if first in has_next or second in has_before:
      continue
    has_next.add(first)
    has_before.add(second)
    joins.append((first, second, float(far[pair])))
    one, other = sorted((groups[first], groups[second]))
    groups[groups == other] = one
  return groups, joins


def _candidates(seen: Whereabouts, gap: float) -> tuple[np.ndarray, np.ndarray]:
  """(int64[p], int64[p]): pieces, and pieces that may follow them."""
  found = [np.zeros((2, 0), np.int64)]
  timed = (seen.clocks != NO_CLOCK) & (seen.cameras >= 0)
  for camera, clock in {*zip(seen.cameras[timed].tolist(), seen.clocks[timed].tolist())}:
    rows = np.flatnonzero(timed & (seen.cameras == camera) & (seen.clocks == clock))
    rows = rows[np.argsort(seen.begins[rows], kind="stable")]
    begins = seen.begins[rows]
    first = np.searchsorted(begins, seen.ends[rows], side="right")
    last = np.searchsorted(begins, seen.ends[rows] + gap, side="right")
    counts = last - first
    offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    found.append(np.stack([np.repeat(rows, counts), rows[np.repeat(first, counts) + offsets]]))
  every = np.concatenate(found, axis=1)
  return every[0], every[1]
