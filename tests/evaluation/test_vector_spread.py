"""Vectors that say nothing: all the same, of zeros, or so long that distances overflow."""

import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.evaluation.vector_spread import (
  ALIKE,
  check_directions,
  check_lengths,
  nearly_same,
  said_if_same,
  spread,
)


def test_the_spread_is_a_share_of_the_length():
  vectors = np.random.default_rng(0).standard_normal((50, 8)).astype(np.float32) + 3
  centre = sum(vectors.astype(float)) / 50
  away = sum(np.linalg.norm(one - centre) ** 2 for one in vectors.astype(float))
  length = sum(np.linalg.norm(one) ** 2 for one in vectors.astype(float))
  assert spread(vectors) == pytest.approx((away / length) ** 0.5, rel=1e-6)
  assert spread(1e30 * vectors.astype(np.float32)) == pytest.approx(spread(vectors), rel=1e-5)
  assert spread(np.ones((3, 2), np.float32)) == spread(np.zeros((3, 2), np.float32)) == 0


def test_vectors_that_are_nearly_the_same_are_said():
  vectors = np.random.default_rng(0).standard_normal((50, 8)).astype(np.float32)
  assert nearly_same(vectors) is said_if_same(vectors) is None
  near = 0.01 * vectors + 1
  assert spread(near) < ALIKE
  assert "the vectors of 50 tracklets are nearly the same (they differ by 0.99%" in said_if_same(
    near
  )
  assert "(they differ by 0% of their length), so these numbers say" in nearly_same(0 * vectors)
  assert nearly_same(near[:1]) is None


def test_zeros_have_no_direction():
  vectors = np.ones((3, 2), np.float32)
  check_directions(vectors, ["a", "b", "c"])
  vectors[1] = 0
  with pytest.raises(InputError, match=r"^b has a vector of zeros, .* shows nobody: look"):
    check_directions(vectors, ["a", "b", "c"])
  with pytest.raises(InputError, match=r"^a has a vector of zeros, .*and so have 2 others: look"):
    check_directions(0 * vectors, np.array(["a", "b", "c"]))


def test_squared_distances_of_the_longest_vectors_fit():
  longest = np.array([[9.2e18, 0], [-9.2e18, 0]], np.float32)
  check_lengths(longest, ["a", "b"])
  assert np.isfinite(np.float32(np.square(longest[0].astype(float) - longest[1]).sum()))
  with pytest.raises(InputError, match=r"^b has a vector of length 1e\+30, .* up to 9\.2e\+18"):
    check_lengths(np.array([[1, 0], [1e30, 0]], np.float32), ["a", "b"])
