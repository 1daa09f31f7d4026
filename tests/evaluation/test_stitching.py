"""Pieces are joined as a slow loop joins them."""

import numpy as np
import pytest

from cosam_jax.evaluation.average_linkage import numbered
from cosam_jax.evaluation.forbidden_pairs import NO_CLOCK, Whereabouts
from cosam_jax.evaluation.stitching import stitched


def slow(placed, seen, cut, gap):
  count, pairs = len(placed), []
  for i in range(count):
    for j in range(count):
      same = seen.cameras[i] == seen.cameras[j] >= 0 and seen.clocks[i] == seen.clocks[j]
      if i != j and same and seen.clocks[i] != NO_CLOCK:
        far = 1 - placed[i] @ placed[j]
        if 0 < seen.begins[j] - seen.ends[i] <= gap and far <= cut:
          pairs.append((far, i, j))
  labels, after, before = list(range(count)), set(), set()
  for _, i, j in sorted(pairs):
    if i not in after and j not in before:
      after.add(i)
      before.add(j)
      labels = [labels[i] if label == labels[j] else label for label in labels]
  return numbered(np.array(labels))


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_slow_loop(seed):
  rng = np.random.default_rng(seed)
  vectors = rng.standard_normal((150, 3))
  placed = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
  begins = rng.integers(0, 100, 150).astype(float)
  seen = Whereabouts(
    rng.integers(-1, 2, 150),
    rng.integers(NO_CLOCK, 2, 150),
    begins,
    begins + rng.integers(0, 9, 150),
  )
  groups, joins = stitched(placed, seen, 0.8, 30.0)
  np.testing.assert_array_equal(groups, slow(placed, seen, 0.8, 30.0))
  assert len(joins) == 150 - len(np.unique(groups)) >= 3


def test_nothing_is_joined_without_times():
  none = np.full(3, np.nan)
  seen = Whereabouts(np.zeros(3, int), np.full(3, NO_CLOCK), none, none)
  groups, joins = stitched(np.ones((3, 1), np.float32), seen, 1.0, 5.0)
  assert (groups.tolist(), joins) == ([0, 1, 2], [])
