"""CMC, mAP and mINP against the published code's output and against a slow loop."""

import re

import chex
import jax
import numpy as np
import pytest
from ranked import assert_equals_oracle, labels

import oracles
from cosam_jax.errors import InputError
from cosam_jax.evaluation import distances, ranks, retrieval
from cosam_jax.evaluation.retrieval import evaluate_features, evaluate_rankings


@pytest.mark.parametrize("case", [0, 1, 2])
def test_equals_the_published_code(golden, case):
  with np.load(golden / f"metrics_{case}.npz") as file:
    stored = dict(file)
  found = evaluate_rankings(
    stored["distance"],
    query_ids=stored["query_ids"],
    gallery_ids=stored["gallery_ids"],
    query_cameras=stored["query_cams"],
    gallery_cameras=stored["gallery_cams"],
  )
  np.testing.assert_array_equal(found.cmc.astype(np.float32), stored["cmc"])
  assert found.mean_average_precision == pytest.approx(float(stored["mAP"]), rel=1e-14)


@pytest.mark.parametrize(
  ("num_queries", "num_gallery", "block"),
  [(1, 40, 64), (7, 40, 3), (8, 33, 4), (5, 12, 5), (30, 200, 7), (3, 60, 1)],
)
@pytest.mark.parametrize("ties", [False, True])
def test_equals_a_slow_loop(num_queries, num_gallery, block, ties):
  rng = np.random.default_rng(num_queries + num_gallery)
  distance = rng.random((num_queries, num_gallery))
  distance = np.floor(distance * 4) if ties else distance
  who = labels(rng, num_queries, num_gallery)
  found = evaluate_rankings(distance, **who, max_rank=10, query_block=block)
  assert_equals_oracle(found, distance, who, max_rank=10)


def test_gallery_smaller_than_the_rank_keeps_the_last_value():
  found = evaluate_rankings(
    np.array([[0.2, 0.1, 0.3]]),
    query_ids=[5],
    gallery_ids=[5, 7, 0],
    query_cameras=[1],
    gallery_cameras=[2, 2, 2],
    max_rank=6,
  )
  np.testing.assert_array_equal(found.cmc, [0, 1, 1, 1, 1, 1])


def test_ties_are_broken_by_gallery_order():
  who = {"query_ids": [1], "query_cameras": [0], "gallery_cameras": [1, 1, 1, 1]}
  equal = np.zeros((1, 4), np.float32)
  first = evaluate_rankings(equal, gallery_ids=[1, 2, 3, 4], **who)
  last = evaluate_rankings(equal, gallery_ids=[4, 3, 2, 1], **who)
  assert (first.mean_average_precision, last.mean_average_precision) == (1.0, 0.25)
  assert (first.first_match[0], last.first_match[0]) == (1, 4)


def test_double_precision_is_not_rounded_to_ties():
  distance = np.array([[1.0 + 1e-12, 1.0]])
  who = {"query_ids": [1], "query_cameras": [0], "gallery_ids": [2, 1], "gallery_cameras": [1, 1]}
  assert evaluate_rankings(distance, **who).mean_average_precision == 1.0
  assert evaluate_rankings(distance.astype(np.float32), **who).mean_average_precision == 0.5


def test_infinite_distances_rank_last_and_removed_entries_do_not_count():
  who = {"query_ids": [1], "query_cameras": [0]}
  distance = np.array([[np.inf, np.inf, 0.5, 0.1]])
  found = evaluate_rankings(
    distance, gallery_ids=[3, 1, -1, 1], gallery_cameras=[1, 1, 1, 0], **who
  )
  assert found.first_match[0] == 2


def test_distractors_stay_and_junk_goes():
  who = {"query_ids": [1, -1], "query_cameras": [0, 0], "gallery_cameras": [1, 1, 1]}
  distance = np.array([[0.1, 0.2, 0.3]] * 2)
  found = evaluate_rankings(distance, gallery_ids=[-1, 0, 1], **who)
  np.testing.assert_array_equal(found.valid, [True, False])  # A junk query matches nobody.
  assert found.average_precision[0] == 0.5
  assert np.isnan(found.average_precision[1])


@pytest.mark.parametrize("distance", ["sqeuclidean", "cosine"])
@pytest.mark.parametrize("block", [3, 64])
def test_features_equal_a_slow_loop(distance, block):
  rng = np.random.default_rng(3)
  queries, gallery = rng.standard_normal((10, 16)), rng.standard_normal((50, 16))
  who = labels(rng, 10, 50)
  matrix = oracles.squared_distances(queries, gallery)
  if distance == "cosine":
    lengths = np.linalg.norm(queries, axis=1)[:, None] * np.linalg.norm(gallery, axis=1)
    matrix = 1 - queries @ gallery.T / lengths
  found = evaluate_features(queries, gallery, **who, distance=distance, query_block=block)
  assert_equals_oracle(found, matrix, who, max_rank=50)


def test_identical_features_are_ranked_in_gallery_order():
  rng = np.random.default_rng(4)
  vector = rng.standard_normal(33) * 100
  who = labels(rng, 9, 301)
  found = evaluate_features(np.tile(vector, (9, 1)), np.tile(vector, (301, 1)), **who)
  assert_equals_oracle(found, np.zeros((9, 301)), who, max_rank=50)


def test_some_identical_features_tie_exactly():
  rng = np.random.default_rng(5)
  queries, few = rng.standard_normal((9, 64)), rng.standard_normal((12, 64))
  copies = rng.integers(0, 12, 203)
  who = labels(rng, 9, 203)
  matrix = oracles.squared_distances(queries, few)[:, copies]
  assert_equals_oracle(evaluate_features(queries, few[copies], **who), matrix, who, max_rank=50)


def test_copies_share_the_distance_of_the_first():
  """Matrix products rarely round equal columns differently, so the columns differ here."""
  gallery = np.array([[1.0], [3.0], [1.001], [2.0]], np.float32)
  matches = np.zeros((1, ranks.MATCHES_AT_A_TIME), np.int32)
  matches[0, :2] = [2, 3]
  who = [np.array(x, np.int32) for x in ([1], [0], [2, 2, 1, 1], [1, 1, 1, 1])]
  query = np.array([[1.0005]], np.float32)
  for copies, wanted in ((None, [1, 2]), (np.array([1, 1, 1, 3], np.int32), [3, 0])):
    places = retrieval.feature_positions(
      query, gallery, copies, *who, matches, np.int32(2), measure=distances.squared_euclidean
    )
    np.testing.assert_array_equal(places[0, :2], wanted)


def test_features_whose_distance_overflows_rank_last():
  found = evaluate_features(
    np.array([[1e20], [1.0]]),
    np.array([[1e20], [1.0], [2.0]]),
    query_ids=[1, 2],
    gallery_ids=[1, 3, 2],
    query_cameras=[0, 0],
    gallery_cameras=[1, 1, 1],
  )
  np.testing.assert_array_equal(found.first_match, [1, 2])  # Equal for the first query.
  far = evaluate_features(
    np.array([[10.0]]),
    np.array([[1.0], [3e38], [2.0]]),
    query_ids=[1],
    gallery_ids=[2, 1, 3],
    query_cameras=[0],
    gallery_cameras=[1, 1, 1],
  )
  assert far.first_match[0] == 3


@pytest.mark.parametrize("kind", ["query", "gallery"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_bad_features_are_named(kind, value):
  rng = np.random.default_rng(6)
  features = {"query": rng.random((4, 8)), "gallery": rng.random((2000, 8))}
  row = len(features[kind]) - 2
  features[kind][row, 5] = value
  names = {f"{part}_names": [f"{part}{i}" for i in range(2000)] for part in features}
  with pytest.raises(InputError, match=rf"{kind} row {row} \(tracklet {kind}{row}\) hold {value}"):
    evaluate_features(*features.values(), **labels(rng, 4, 2000), **names)


def test_nan_distance_is_named():
  rng = np.random.default_rng(7)
  distance = rng.random((3, 9))
  distance[2, 4] = np.nan
  who = labels(rng, 3, 9) | {"query_ids": [1, 1, 7], "gallery_ids": np.ones(9, int)}
  who |= {"query_cameras": [0, 0, 0], "gallery_cameras": np.ones(9, int)}
  with pytest.raises(InputError, match="query row 2 and gallery row 4 is NaN"):
    evaluate_rankings(distance, **who)


def test_no_query_with_a_match():
  who = {"query_ids": [1, 2], "gallery_ids": [0, 1, 3]}
  cameras = {"query_cameras": [0, 0], "gallery_cameras": [0, 0, 0]}
  with pytest.raises(InputError, match="None of the 2 queries has a match"):
    evaluate_rankings(np.zeros((2, 3)), **who, **cameras)


@pytest.mark.parametrize(
  ("change", "message"),
  [
    ({"query_ids": [1]}, "identities of shape (1,) and cameras of shape (2,)"),
    ({"gallery_ids": [1.0, 2.0, 3.0]}, "whole numbers that fit 64 bits; these are float64"),
    ({"gallery_ids": np.uint64([1, 2, 2**63])}, "whole numbers that fit 64 bits"),
    ({"max_rank": 0}, "max_rank is 0"),
    ({"distance": np.zeros((3, 2))}, "has shape (3, 2)"),
    ({"query_ids": [], "query_cameras": []}, "at least one entry"),
  ],
)
def test_bad_arguments(change, message):
  good = {"distance": np.zeros((2, 3)), "query_ids": [1, 2], "gallery_ids": [1, 2, 3]}
  good |= {"query_cameras": [0, 0], "gallery_cameras": [1, 1, 1]}
  evaluate_rankings(**good)
  with pytest.raises(InputError, match=re.escape(message)):
    evaluate_rankings(**(good | change))


def test_bad_features_arguments():
  who = labels(np.random.default_rng(0), 2, 9)
  with pytest.raises(InputError, match="did you mean 'cosine'"):
    evaluate_features(np.ones((2, 3)), np.ones((9, 3)), **who, distance="cosin")
  with pytest.raises(InputError, match="3 dimensions and gallery features 4"):
    evaluate_features(np.ones((2, 3)), np.ones((9, 4)), **who)
  with pytest.raises(InputError, match="2 query and 8 gallery features"):
    evaluate_features(np.ones((2, 3)), np.ones((8, 3)), **who)


def test_one_compilation_for_all_blocks(monkeypatch):
  chex.clear_trace_counter()
  traced = jax.jit(
    chex.assert_max_traces(retrieval.feature_positions.__wrapped__, n=1), static_argnames="measure"
  )
  monkeypatch.setattr(retrieval, "feature_positions", traced)
  rng = np.random.default_rng(8)
  who = labels(rng, 23, 80) | {"query_ids": np.full(23, 2), "query_cameras": np.full(23, 9)}
  found = evaluate_features(rng.random((23, 4)), rng.random((80, 4)), **who, query_block=5)
  assert found.num_valid_queries == 23  # Five blocks, the last of three queries.


def test_identities_and_cameras_beyond_32_bits_are_told_apart():
  """Numbers that agree only in their lower 32 bits are different; -1 stays nobody."""
  distance = np.float32([[0.1, 0.2, 0.3, 0.4]])
  found = evaluate_rankings(
    distance,
    query_ids=[2**40 + 7],
    query_cameras=[5],
    gallery_ids=[7, 2**40 + 7, 2**40 + 7, -1],
    gallery_cameras=[1, 5, 2**32 + 5, 1],
    max_rank=3,
  )
  np.testing.assert_array_equal(found.cmc, [0, 1, 1])  # The second is of the query's own camera.
  assert found.average_precision.tolist() == [0.5]
