"""Properties of rankings that hold for any features: what changes nothing, and the slow loop."""

import functools

import chex
import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from ranked import assert_equals_oracle, labels

import oracles
from cosam_jax.errors import InputError
from cosam_jax.evaluation.retrieval import evaluate_features, evaluate_rankings

integers = st.integers(0, 2**31 - 1)
few = functools.partial(hypothesis.settings, max_examples=25, deadline=None)


def _distinct(seed):
  """Features on a grid: squared distances are exact in float32, and no two of a query are equal."""
  rng = np.random.default_rng(seed)
  offsets = rng.permutation(40)
  gallery = np.stack([offsets, np.zeros(40)], axis=1).astype(np.float32)
  queries = np.stack([-rng.integers(1, 9, 5), rng.integers(0, 9, 5)], axis=1).astype(np.float32)
  who = labels(rng, 5, 40)
  who["gallery_ids"][:2], who["gallery_cameras"][:2] = who["query_ids"][0], [0, 1]  # A match.
  return rng, queries, gallery, who


def _same(a, b):
  chex.assert_trees_all_equal(a.cmc, b.cmc)
  np.testing.assert_array_equal(a.average_precision, b.average_precision)
  assert a.mean_inverse_negative_penalty == b.mean_inverse_negative_penalty


@few()
@hypothesis.given(integers)
def test_permuting_the_gallery_changes_nothing(seed):
  rng, queries, gallery, who = _distinct(seed)
  order = rng.permutation(40)
  moved = who | {key: who[key][order] for key in ("gallery_ids", "gallery_cameras")}
  _same(
    evaluate_features(queries, gallery, **who), evaluate_features(queries, gallery[order], **moved)
  )


@few()
@hypothesis.given(integers)
def test_a_distractor_farther_than_everything_changes_nothing(seed):
  rng, queries, gallery, who = _distinct(seed)
  at = rng.integers(0, 41)
  more = who | {key: np.insert(who[key], at, 0) for key in ("gallery_ids", "gallery_cameras")}
  farther = np.insert(gallery, at, [1000, 0], axis=0)
  _same(
    evaluate_features(queries, gallery[:40], **who), evaluate_features(queries, farther, **more)
  )


@few()
@hypothesis.given(integers, st.integers(-20, 20))
def test_scaling_features_keeps_euclidean_ranks(seed, power):
  _, queries, gallery, who = _distinct(seed)
  scale = np.float32(2.0**power)
  _same(
    evaluate_features(queries, gallery, **who),
    evaluate_features(queries * scale, gallery * scale, **who),
  )


@few()
@hypothesis.given(integers, st.integers(1, 12), st.integers(1, 60), st.integers(1, 14))
def test_any_shape_equals_the_slow_loop(seed, num_queries, num_gallery, block):
  rng = np.random.default_rng(seed)
  who = labels(rng, num_queries, num_gallery, identities=4)
  distance = np.floor(rng.random((num_queries, num_gallery)) * 10)
  wanted = oracles.ranking_metrics(distance, *who.values(), 10)
  if wanted["cmc"] is None:
    with pytest.raises(InputError, match="has a match"):
      evaluate_rankings(distance, **who, query_block=block)
  else:
    found = evaluate_rankings(distance, **who, max_rank=10, query_block=block)
    assert_equals_oracle(found, distance, who, max_rank=10)
