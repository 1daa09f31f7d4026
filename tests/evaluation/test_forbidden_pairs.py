"""Pairs that cannot be one person, against a slow loop over all pairs."""

import itertools

import numpy as np
import pytest

from cosam_jax.evaluation.forbidden_pairs import NO_CLOCK, Forbidden, Whereabouts


def slow(seen, apart, i, j):
  """The rules in words, for one pair."""
  if {i, j} in [set(pair) for pair in apart]:
    return True
  if NO_CLOCK in (seen.clocks[i], seen.clocks[j]) or seen.clocks[i] != seen.clocks[j]:
    return False
  here, there = seen.cameras[i], seen.cameras[j]
  early, late = sorted((i, j), key=lambda row: seen.begins[row])
  gap = seen.begins[late] - max(seen.ends[early], -np.inf)
  if seen.ends[late] < seen.ends[early]:  # One lies within the other.
    gap = min(gap, 0)
  if here == there:
    return bool(here >= 0 and gap <= 0)
  return bool((here, there) in seen.travel and gap < seen.travel[here, there])


def drawn(seed, travel):
  rng = np.random.default_rng(seed)
  begins = rng.integers(0, 60, 50).astype(float)
  ends = begins + rng.integers(0, 8, 50)
  clocks = rng.integers(NO_CLOCK, 2, 50)
  begins[clocks == NO_CLOCK] = ends[clocks == NO_CLOCK] = np.nan
  return Whereabouts(rng.integers(-1, 3, 50), clocks, begins, ends, travel)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("travel", [{}, {(0, 1): 12.5, (1, 0): 12.5, (0, 2): 0.5, (2, 0): 0.5}])
def test_it_is_the_slow_loop(seed, travel):
  seen, apart = drawn(seed, travel), [(1, 4), (7, 49)]
  rows = np.random.default_rng(seed).permutation(50)[:30]
  found = Forbidden(seen, np.array(apart)).among(rows)
  expected = np.zeros((30, 30), bool)
  for a, b in itertools.permutations(range(30), 2):
    expected[a, b] = slow(seen, apart, rows[a], rows[b])
  np.testing.assert_array_equal(found, expected)
  assert found.any()


def test_two_places_at_one_time_are_allowed_without_a_table():
  seen = Whereabouts(np.array([0, 1]), np.zeros(2, int), np.zeros(2), np.ones(2))
  assert not Forbidden(seen, np.zeros((0, 2))).among(np.arange(2)).any()
