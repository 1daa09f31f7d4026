"""k-reciprocal re-ranking against the published code's output and against a slow loop."""

import re

import numpy as np
import pytest

import oracles
from cosam_jax.errors import InputError
from cosam_jax.evaluation import rerank
from cosam_jax.evaluation.rerank import k_reciprocal_distance


@pytest.mark.parametrize("row_block", [rerank.ROW_BLOCK, 17])
def test_equals_the_published_code(golden, row_block):
  with np.load(golden / "rerank_0.npz") as stored:
    found = k_reciprocal_distance(
      stored["query"],
      stored["gallery"],
      k1=int(stored["k1"]),
      k2=int(stored["k2"]),
      lambda_value=float(stored["lambda_value"]),
      row_block=row_block,
    )
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, stored["distance"], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
  ("k1", "k2", "lambda_value"),
  [
    (20, 6, 0.3),
    (5, 1, 0.0),
    (7, 3, 0.1),
    (9, 3, 1.0),
    (1, 1, 0.5),
    (3, 9, 0.2),
    (1000, 2, 0.3),
    (6, 1000, 0),
  ],
)
def test_equals_a_slow_loop(k1, k2, lambda_value):
  rng = np.random.default_rng(k1)
  centres = rng.standard_normal((8, 6))
  vectors = centres[rng.integers(0, 8, 45)] + 0.3 * rng.standard_normal((45, 6))
  queries, gallery = vectors[:7].astype(np.float32), vectors[7:].astype(np.float32)
  found = k_reciprocal_distance(queries, gallery, k1, k2, lambda_value)
  wanted = oracles.k_reciprocal(queries, gallery, k1, k2, lambda_value)
  np.testing.assert_allclose(found, wanted, atol=1e-5, rtol=0)


def test_identical_vectors_give_numbers():
  found = k_reciprocal_distance(np.ones((3, 4)), np.ones((30, 4)), k1=5, k2=2)
  assert np.isfinite(found).all()


def test_neighbours_come_by_distance_then_by_row_whatever_the_block():
  rng = np.random.default_rng(2)
  vectors = rng.integers(0, 4, (50, 2)).astype(np.float32)  # Many are equal.
  distance = oracles.squared_distances(vectors, vectors)
  wanted = [sorted(range(50), key=lambda j: (row[j], j))[:9] for row in distance]
  for row_block in (7, 256):
    neighbours, largest = rerank._nearest(vectors, 9, row_block)
    np.testing.assert_array_equal(neighbours, wanted)
    np.testing.assert_allclose(largest, distance.max(axis=1), rtol=1e-6)


def test_queries_that_repeat_give_the_same_rows():
  rng = np.random.default_rng(1)
  queries, gallery = rng.standard_normal((1, 5)), rng.standard_normal((40, 5))
  found = k_reciprocal_distance(np.tile(queries, (3, 1)), gallery)
  np.testing.assert_allclose(found[0], found[2], atol=1e-6)


@pytest.mark.parametrize(
  ("setting", "message"),
  [
    ({"k1": 0}, "k1 is 0; it counts neighbours, so use a whole number from 1"),
    ({"k1": 2.5}, "k1 is 2.5"),
    ({"k2": -1}, "k2 is -1"),
    ({"k2": True}, "k2 is True"),
    ({"lambda_value": 1.5}, "lambda is 1.5; it is the share of the original distance"),
    ({"lambda_value": float("nan")}, "lambda is nan"),
    ({"lambda_value": "0.3"}, "lambda is '0.3'"),
  ],
)
def test_bad_settings(setting, message):
  with pytest.raises(InputError, match=re.escape(message)):
    k_reciprocal_distance(np.ones((2, 3)), np.ones((4, 3)), **setting)


def test_bad_features():
  with pytest.raises(InputError, match="query row 1 hold nan"):
    k_reciprocal_distance(np.array([[1.0], [np.nan]]), np.ones((4, 1)))
  with pytest.raises(InputError, match="3 dimensions and gallery features 2"):
    k_reciprocal_distance(np.ones((2, 3)), np.ones((4, 2)))
