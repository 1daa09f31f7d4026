"""First entries of rankings against sorting by hand, with ties, junk and the camera rule."""

import numpy as np
import pytest

import oracles
from cosam_jax.evaluation.ranks import Labels
from cosam_jax.evaluation.shortlists import list_distances, list_features


def drawn(seed, queries=7, gallery=23):
  rng = np.random.default_rng(seed)
  who = [rng.integers(-1, 4, n) for n in (queries, gallery)]
  where = [rng.integers(1, 4, n) for n in (queries, gallery)]
  # Whole numbers: many distances are equal, in any precision.
  vectors = [rng.integers(-1, 2, (n, 3)).astype(np.float32) for n in (queries, gallery)]
  return vectors, Labels.checked(*who, *where)


def by_hand(matrix, labels, length):
  lists = []
  for query, row in enumerate(matrix):
    shown = []
    for entry, distance in enumerate(row):
      own = (
        labels.gallery_ids[entry] == labels.query_ids[query]
        and labels.gallery_cameras[entry] == labels.query_cameras[query]
      )
      if not own and labels.gallery_ids[entry] != -1:
        shown.append((distance, entry))
    lists.append(sorted(shown)[:length])
  return lists


@pytest.mark.parametrize("length", [1, 10, 50])
@pytest.mark.parametrize("block", [3, 64])
def test_lists_equal_sorting_by_hand(length, block):
  (queries, gallery), labels = drawn(length)
  matrix = oracles.squared_distances(queries, gallery)
  wanted = by_hand(matrix, labels, length)
  for found in (
    list_distances(matrix, labels, length=length, query_block=block),
    list_features(
      queries, gallery, labels, distance="sqeuclidean", length=length, query_block=block
    ),
  ):
    assert found.rows.shape == found.distances.shape == (7, min(length, 23))
    for query, entries in enumerate(wanted):
      rows = found.rows[query]
      assert rows[rows >= 0].tolist() == [entry for _, entry in entries]
      np.testing.assert_allclose(
        found.distances[query][rows >= 0], [distance for distance, _ in entries], atol=1e-5
      )
      assert np.isinf(found.distances[query][rows < 0]).all()


def test_overflowing_distances_come_last_but_are_shown():
  labels = Labels.checked([1], [1, 2, 3], [1], [2, 2, 2])
  found = list_distances(np.array([[np.inf, np.nan, 5.0]]), labels, length=3)
  assert found.rows.tolist() == [[2, 0, 1]]
