"""The curve of a linkage, against agreement at every cut."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster

from cosam_jax.evaluation.clustering_numbers import agreement
from cosam_jax.evaluation.link_curve import link_curve


def drawn(count, seed):
  points = np.random.default_rng(seed).standard_normal((count, 3))
  return np.linalg.norm(points[:, None] - points[None], axis=2)


def test_every_height_has_the_numbers_of_its_groups():
  distances = drawn(45, seed=3)
  people = np.random.default_rng(0).integers(0, 7, 45) * 3
  curve = link_curve(distances, people)
  for i, height in enumerate(curve.heights):
    found = agreement(people, fcluster(curve.tree, height, "distance"))
    assert curve.precision[i] == pytest.approx(found.bcubed_precision)
    assert curve.recall[i] == pytest.approx(found.bcubed_recall)
    assert curve.f_at(np.array([height]))[0] == pytest.approx(found.bcubed_f)
  alone = agreement(people, np.arange(45))
  assert curve.f_at(np.array([0.0]))[0] == pytest.approx(alone.bcubed_f)


def test_a_merge_is_right_if_half_of_its_pairs_are():
  points = np.array([0.0, 1.0, 10.0, 11.5, 40.0])
  distances = abs(points[:, None] - points[None])
  curve = link_curve(distances, np.array([5, 5, 6, 7, 5]))
  # (0, 1): one person. (2, 3): two. Then two pairs of four... none is of one person. Then 2 of 4.
  assert curve.right.tolist() == [True, False, False, True]
