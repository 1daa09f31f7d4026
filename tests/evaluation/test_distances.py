"""Distances of vectors against loops, and rows that are copies of earlier ones."""

import chex
import numpy as np

import oracles
from cosam_jax.evaluation import distances


def test_first_copies():
  rows = np.array([[0.0, 1], [2, 3], [-0.0, 1], [2, 3], [4, 5]], np.float32)
  np.testing.assert_array_equal(distances.first_copies(rows), [0, 1, 0, 1, 4])
  assert distances.first_copies(rows[[0, 1, 4]]) is None


class Distances(chex.TestCase):
  """The pure functions, compiled and not."""

  @chex.variants(with_jit=True, without_jit=True)
  def test_distances(self):
    rng = np.random.default_rng(9)
    a, b = rng.standard_normal((2, 7, 5)).astype(np.float32)
    squared = self.variant(distances.squared_euclidean)(a, b)
    np.testing.assert_allclose(squared, oracles.squared_distances(a, b), rtol=1e-4, atol=1e-5)
    b[3] = 0
    cosine = self.variant(distances.cosine)(a * 1e-30, b * 1e30)
    wanted = [[1 - x @ y / max(np.sqrt(x @ x * (y @ y)), 1e-30) for y in b] for x in a]
    np.testing.assert_allclose(cosine, wanted, atol=1e-5)
