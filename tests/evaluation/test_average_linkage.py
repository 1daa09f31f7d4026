"""Average linkage with forbidden pairs, against a slow loop, and without them against SciPy."""

import itertools

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from cosam_jax.evaluation.average_linkage import linked, numbered


def drawn(count=40, seed=0):
  rng = np.random.default_rng(seed)
  points = rng.standard_normal((count, 3))
  return np.linalg.norm(points[:, None] - points[None], axis=2)


def slow(distances, cut, forbidden=(), groups=None):
  """Looks at every two groups again and again, and joins the nearest that may be joined."""
  count = len(distances)
  labels = range(count) if groups is None else groups.tolist()
  left = [[i for i in range(count) if labels[i] == label] for label in dict.fromkeys(labels)]
  heights = []
  while True:
    best = None
    for a, b in itertools.combinations(left, 2):
      if any((i, j) in forbidden or (j, i) in forbidden for i in a for j in b):
        continue
      height = np.mean([distances[i, j] for i in a for j in b])
      if height <= cut and (best is None or height < best[0]):
        best = height, a, b
    if best is None:
      break
    left = [group for group in left if group not in best[1:]] + [sorted(best[1] + best[2])]
    heights.append(best[0])
  found = np.empty(count, int)
  for group in left:
    found[group] = min(group)
  return found, heights


def matrix(pairs, count):
  found = np.zeros((count, count), bool)
  for i, j in pairs:
    found[i, j] = found[j, i] = True
  return found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("cut", [0.4, 1.2, 2.0, 99.0])
def test_it_is_the_slow_loop(seed, cut):
  distances, rng = drawn(seed=seed), np.random.default_rng(seed)
  forbidden = {(int(i), int(j)) for i, j in rng.integers(0, 40, (25, 2)) if i != j}
  found, merges = linked(distances, cut, matrix(forbidden, 40))
  expected, heights = slow(distances, cut, forbidden)
  np.testing.assert_array_equal(found, expected)
  np.testing.assert_allclose([merge.height for merge in merges], heights)
  assert not any(found[i] == found[j] for i, j in forbidden)


@pytest.mark.parametrize("cut", [0.5, 1.5, 99.0])
def test_without_forbidden_pairs_it_is_scipys(cut):
  distances = drawn(60, seed=9)
  found, merges = linked(distances, cut)
  tree = linkage(squareform(distances, checks=False), "average")
  np.testing.assert_array_equal(found, numbered(fcluster(tree, cut, "distance")))
  heights = tree[tree[:, 2] <= cut, 2]
  np.testing.assert_allclose([merge.height for merge in merges], heights)


def test_groups_to_begin_with_stay_together():
  distances = drawn(seed=5)
  groups = np.arange(40)
  groups[[3, 17, 30]], groups[[8, 9]] = 77, 78
  forbidden = {(3, 17), (30, 1), (8, 2)}  # The first is inside a group, which counts more.
  found, _ = linked(distances, 1.1, matrix(forbidden, 40), groups)
  expected, _ = slow(distances, 1.1, forbidden, groups)
  np.testing.assert_array_equal(found, expected)
  assert found[3] == found[17] == found[30]
  assert found[30] != found[1]


def test_merges_name_the_groups_that_were_joined():
  distances = np.array([[0, 1, 9, 9], [1, 0, 9, 9], [9, 9, 0, 2], [9, 9, 2, 0]], float)
  found, merges = linked(distances, 5)
  assert found.tolist() == [0, 0, 2, 2]
  assert [(one.first, one.second, one.height) for one in merges] == [(0, 1, 1), (2, 3, 2)]


def test_equal_distances_end():
  found, merges = linked(np.ones((12, 12)), 1.0)
  assert found.tolist() == [0] * 12
  assert len(merges) == 11


def test_the_input_is_not_changed():
  distances = drawn(10)
  before = distances.copy()
  linked(distances, 1.0, matrix([(0, 1)], 10))
  np.testing.assert_array_equal(distances, before)
