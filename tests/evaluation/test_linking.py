"""Linking in bounded memory finds what linking at once finds; the space is a slow loop's."""

import tracemalloc

import labelled
import numpy as np
import pytest

from cosam_jax.evaluation import linking
from cosam_jax.evaluation.average_linkage import linked
from cosam_jax.evaluation.clustering_numbers import agreement
from cosam_jax.evaluation.forbidden_pairs import NO_CLOCK, Forbidden, Whereabouts
from cosam_jax.evaluation.linking import link
from cosam_jax.evaluation.linking_space import (
  CAMERA_WEIGHT,
  NEIGHBOURS_KIND,
  PLAIN_KIND,
  SHRINKAGE,
  LinkDistances,
  fit_space,
)
from cosam_jax.evaluation.rerank import k_reciprocal_distance

pytestmark = pytest.mark.usefixtures("hasty_compilation")


def placed(seed=0, people=30, **options):
  vectors, who, cameras = labelled.drawn(people=people, width=16, seed=seed, **options)
  return fit_space(vectors, who, cameras).placed(vectors, cameras), who, cameras


def nobody(count, apart=()):
  unknown = np.full(count, -1)
  seen = Whereabouts(unknown, np.full(count, NO_CLOCK), unknown * np.nan, unknown * np.nan)
  return Forbidden(seen, np.array(apart, np.int64).reshape(-1, 2))


@pytest.mark.parametrize(
  ("kind", "cut"), [(PLAIN_KIND, 0.3), (PLAIN_KIND, 0.6), (NEIGHBOURS_KIND, 0.5)]
)
def test_parts_give_what_the_whole_gives(kind, cut, monkeypatch):
  monkeypatch.setattr(linking, "_LARGEST_BLOCK", 7)
  vectors, who, _ = placed()
  distances = LinkDistances(vectors, kind)
  first, second = np.flatnonzero(who == who[0])[:2]
  start = np.arange(len(who))
  start[[first, 90, 91]] = 500
  forbidden = nobody(len(who), [(first, second), (3, 4)])
  found = link(distances, cut, forbidden=forbidden, groups=start)
  every = np.arange(len(who))
  expected, merges = linked(distances.among(every), cut, forbidden.among(every), start)
  np.testing.assert_array_equal(found.groups, expected)
  assert len(found.merges) == len(merges) > 50
  np.testing.assert_allclose(
    [one.height for one in found.merges], [one.height for one in merges], atol=1e-5
  )
  assert found.divided == 0
  assert found.groups[first] != found.groups[second]
  assert found.groups[90] == found.groups[first]


def test_a_part_that_does_not_fit_is_divided_and_says_so():
  vectors, who, _ = placed(people=10)
  told = []
  most = 40 * 12**2
  found = link(LinkDistances(vectors), 0.9, most_bytes=most, told=told.append)
  assert found.divided >= 1
  assert np.bincount(found.groups).max() <= 12
  assert "more than 12 tracklets did not fit" in told[0]
  same = np.repeat(vectors[:1], 30, axis=0)  # Nothing can divide these but their order.
  found = link(LinkDistances(same), 0.9, most_bytes=most, told=told.append)
  assert sorted(np.unique(found.groups, return_counts=True)[1].tolist()) == [6, 12, 12]
  assert len(who) == len(vectors)


@pytest.mark.parametrize("cut", [0.2, 1.9])
def test_tables_stay_within_the_memory(cut):
  """Of many near tracklets, and of few."""
  vectors, _, _ = placed(people=160)
  distances, forbidden = LinkDistances(vectors), nobody(800, [(0, 1)])
  groups = np.minimum(np.arange(800), 780)
  link(distances, cut, most_bytes=1 << 20, told=str)  # What is loaded late does not count.
  most = 4 << 20
  tracemalloc.start()
  link(distances, cut, forbidden=forbidden, groups=groups, most_bytes=most, told=str)
  peak = tracemalloc.get_traced_memory()[1]
  tracemalloc.stop()
  assert peak < most + (1 << 19)  # Lists of tracklets and merges are no tables of pairs.


def test_the_mixture_is_made_of_jaccard_and_cosine_distances():
  vectors, _, _ = placed(people=20)
  found = LinkDistances(vectors, NEIGHBOURS_KIND)
  jaccard = k_reciprocal_distance(vectors, vectors, lambda_value=0.0)
  doubled = LinkDistances(vectors, NEIGHBOURS_KIND).rows(np.array([5, 2]))
  # Re-ranking of a set against itself has each vector twice, so only its own weights are compared.
  cosine = 1 - vectors.astype(float) @ vectors.T.astype(float)
  assert jaccard.shape == cosine.shape
  np.testing.assert_allclose(
    found.among(np.arange(100))[[5, 2]] * (1 - np.eye(100)[[5, 2]]),
    doubled * (1 - np.eye(100)[[5, 2]]),
    atol=1e-6,
  )
  plain = LinkDistances(vectors, PLAIN_KIND).rows(np.array([5, 2]))
  np.testing.assert_allclose(plain, cosine[[5, 2]].clip(0), atol=1e-5)
  assert ((doubled - 0.3 * plain) / 0.7 <= 1 + 1e-5).all()


def test_the_space_is_a_loops():
  vectors, who, cameras = labelled.drawn(people=8, width=4)
  units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
  centre = units.mean(axis=0)
  centred = np.empty_like(units, dtype=float)
  for camera in set(cameras.tolist()):
    of_it = units[cameras == camera].astype(float)
    mean = (of_it.sum(axis=0) + CAMERA_WEIGHT * centre) / (len(of_it) + CAMERA_WEIGHT)
    centred[cameras == camera] = of_it - mean
  within = np.zeros((4, 4))
  for person in set(who.tolist()):
    part = centred[who == person]
    for row in part - part.mean(axis=0):
      within += np.outer(row, row)
  within /= len(who) - 8
  within += SHRINKAGE * np.trace(within) / 4 * np.eye(4)
  space = fit_space(vectors, who, cameras)
  scaling = space.scaling.astype(float)
  # Any such matrix up to a rotation, which no distance sees.
  np.testing.assert_allclose(scaling @ scaling.T, np.linalg.inv(within), rtol=1e-4)
  found = space.placed(vectors, cameras)
  expected = centred @ np.linalg.cholesky(np.linalg.inv(within))
  expected /= np.linalg.norm(expected, axis=1, keepdims=True)
  np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-4)


def test_the_space_helps_where_cameras_shift_vectors():
  rng = np.random.default_rng(2)
  vectors, who, cameras = labelled.drawn(people=40, spread=0.5, width=12, seed=4)
  shifted = vectors + 2 * rng.standard_normal((4, 12))[cameras]
  known = who < 3 * 20 + 7
  space = fit_space(shifted[known], who[known], cameras[known])
  other = ~known
  inside = space.placed(shifted[other], cameras[other])
  units = shifted[other] / np.linalg.norm(shifted[other], axis=1, keepdims=True)

  def best(vectors):
    distances = LinkDistances(vectors.astype(np.float32))
    return max(
      agreement(who[other], link(distances, cut).groups).bcubed_f
      for cut in np.arange(0.05, 1, 0.05)
    )

  assert best(inside) > best(units) + 0.1
