"""Galleries by name, the card beside a result, and results with and without re-ranking."""

import dataclasses

import numpy as np
import pytest

import oracles
from cosam_jax.data.tracklets import Tables, TrackletTable
from cosam_jax.errors import InputError
from cosam_jax.evaluation import protocol


class Frames:
  """Frames that nobody reads."""

  def __init__(self, count):
    self.count = count

  def __len__(self):
    return self.count

  def name(self, frame):
    return str(frame)

  def read(self, frame):
    raise OSError(frame)


def table(frames, rows):
  """rows: (start, length, identity, camera)."""
  starts, lengths, identities, cameras = np.array(rows).T
  names = [f"{i:04d}C{c}S{s}" for s, _, i, c in rows]
  return TrackletTable(frames, starts, lengths, identities, cameras, names)


QUERIES = [(0, 5, 1, 1), (20, 7, 2, 1), (40, 3, 3, 1), (60, 9, 4, 1), (70, 2, 1, 2)]
GALLERY = [(10, 8, 1, 2), (30, 6, 2, 1), (50, 4, 3, 2), (80, 2, 0, 1), (90, 6, 0, 3), (96, 1, 3, 3)]


@pytest.fixture
def tables():
  frames = Frames(100)
  return Tables(
    name="mars",
    train=table(frames, GALLERY),
    query=table(frames, QUERIES),
    gallery=table(frames, GALLERY),
    official=table(frames, sorted(QUERIES + GALLERY)),
    warnings=("a subset",),
  )


def vectors(evaluation):
  """A vector for each tracklet that depends on nothing but the tracklet."""
  draw = [np.random.default_rng(int(start)).standard_normal(4) for start in evaluation.table.starts]
  return np.stack(draw)


def test_reference_takes_queries_out(tables):
  found = protocol.evaluation_of(tables)
  assert len(found.table) == 11
  np.testing.assert_array_equal(found.table.starts[found.query_rows], tables.query.starts)
  np.testing.assert_array_equal(found.table.starts[found.gallery_rows], tables.gallery.starts)
  (result,) = protocol.evaluate_tables(
    vectors(found), found, protocol.Settings(), num_frames=4, split=2, checkpoint="abc"
  )
  card = result.card
  assert (card.dataset, card.protocol, card.split, card.checkpoint) == (
    "mars",
    "reference",
    2,
    "abc",
  )
  assert (card.gallery_size, card.queries_in_gallery, card.distractors, card.junk) == (6, 0, 2, 0)
  assert (card.frames, card.frames_used, card.num_frames) == ("all", 53, 4)
  assert (card.queries, card.valid_queries) == (5, 2)
  assert card.not_counted == {
    "identity not in the gallery": 1,
    "identity seen by the query's camera only": 2,
  }
  np.testing.assert_array_equal(result.metrics.valid, [True, False, True, False, False])


def test_official_leaves_queries_in_and_embeds_them_once(tables):
  found = protocol.evaluation_of(tables, "official")
  assert len(found.table) == 11
  np.testing.assert_array_equal(found.table.starts[found.query_rows], tables.query.starts)
  np.testing.assert_array_equal(found.table.starts[found.gallery_rows], tables.official.starts)
  settings = protocol.Settings(protocol="official")
  (result,) = protocol.evaluate_tables(vectors(found), found, settings)
  card = result.card
  assert (card.gallery_size, card.queries_in_gallery) == (11, 5)
  # The two queries of identity 1 now find each other across cameras.
  np.testing.assert_array_equal(result.metrics.valid, [True, False, True, False, True])


def test_frames_by_name(tables):
  found = protocol.evaluation_of(tables, "reference_4f")
  assert found.frames_per_tracklet == 4
  settings = protocol.Settings(protocol="reference_4f")
  (result,) = protocol.evaluate_tables(vectors(found), found, settings)
  assert (result.card.frames, result.card.frames_used) == ("4 evenly drawn", 36)


@pytest.mark.parametrize("distance", ["sqeuclidean", "cosine"])
def test_numbers_equal_slow_loops(tables, distance):
  found = protocol.evaluation_of(tables)
  features = vectors(found).astype(np.float32)
  settings = protocol.Settings(
    distance=distance, reranking=True, k1=3, k2=2, lambda_value=0.4, listed=2
  )
  plain, reranked = protocol.evaluate_tables(features, found, settings)
  if distance == "cosine":
    features /= np.linalg.norm(features, axis=1, keepdims=True)
  queries, gallery = features[found.query_rows], features[found.gallery_rows]
  who = [
    getattr(part, field)
    for field in ("identities", "cameras")
    for part in (tables.query, tables.gallery)
  ]
  for result, matrix in (
    (plain, oracles.squared_distances(queries, gallery)),
    (reranked, oracles.k_reciprocal(queries, gallery, 3, 2, 0.4)),
  ):
    wanted = oracles.ranking_metrics(matrix, *who, 50)
    assert result.metrics.mean_average_precision == pytest.approx(wanted["mean_average_precision"])
    np.testing.assert_allclose(result.metrics.cmc, wanted["cmc"])
    own = who[0][:, None] == who[1]
    shown = np.where(own & (who[2][:, None] == who[3]), np.inf, matrix)
    np.testing.assert_array_equal(result.first.rows, np.argsort(shown, axis=1)[:, :2])
  assert plain.card.reranking is None
  assert reranked.card.reranking == {"k1": 3, "k2": 2, "lambda": 0.4}
  assert dataclasses.replace(reranked.card, reranking=None) == plain.card


def test_distractor_queries_match_nobody(tables):
  odd = dataclasses.replace(tables, query=table(tables.query.frames, [*QUERIES, (98, 2, 0, 2)]))
  found = protocol.evaluation_of(odd)
  (result,) = protocol.evaluate_tables(vectors(found), found, protocol.Settings())
  assert not result.metrics.valid[5]
  assert result.card.not_counted["a distractor or junk as a query"] == 1
  assert sum(result.card.not_counted.values()) == result.card.queries - result.card.valid_queries


def test_junk_in_a_gallery_is_dropped_and_counted(tables):
  odd = dataclasses.replace(tables, gallery=table(tables.query.frames, [*GALLERY, (98, 2, -1, 2)]))
  found = protocol.evaluation_of(odd)
  (result,) = protocol.evaluate_tables(vectors(found), found, protocol.Settings())
  clean = protocol.evaluation_of(tables)
  (wanted,) = protocol.evaluate_tables(vectors(clean), clean, protocol.Settings())
  assert (result.card.gallery_size, result.card.junk) == (6, 1)
  np.testing.assert_array_equal(result.metrics.first_match, wanted.metrics.first_match)


def test_record_is_plain(tables):
  found = protocol.evaluation_of(tables)
  (result,) = protocol.evaluate_tables(
    vectors(found), found, protocol.Settings(max_rank=3), label="x"
  )
  record = result.record()
  first = result.metrics.first_match[result.metrics.valid]
  assert record["metrics"]["Rank-20"] == np.mean(first <= 20)  # Not cut at max_rank.
  assert record["metrics"]["Rank-1"] == record["cmc"][0]
  assert record["queries"]["average_precision"][1] is None
  assert record["queries"]["name"][0] == "0001C1S0"
  assert record["label"] == "x"


@pytest.mark.parametrize("name", ["refrence", "official_0f", "official_4", "", "reference_f"])
def test_unknown_protocols(name):
  with pytest.raises(InputError, match="use reference, official, or either with a number"):
    protocol.Settings(protocol=name)


def test_bad_settings_are_refused_before_any_work():
  with pytest.raises(InputError, match="distance is 'l3'"):
    protocol.Settings(distance="l3")
  with pytest.raises(InputError, match="k1 is 0"):
    protocol.Settings(k1=0)


def test_bad_features(tables):
  found = protocol.evaluation_of(tables)
  features = vectors(found)
  with pytest.raises(InputError, match="10 vectors for the 11 tracklets"):
    protocol.evaluate_tables(features[:10], found, protocol.Settings())
  with pytest.raises(InputError, match="protocol 'official'"):
    protocol.evaluate_tables(features, found, protocol.Settings(protocol="official"))
  features[6] = np.nan
  with pytest.raises(InputError, match="tracklet 0002C1S30"):
    protocol.evaluate_tables(features, found, protocol.Settings())


def test_nothing_to_search(tables):
  empty = dataclasses.replace(tables, query=tables.query.select(np.zeros(5, bool)))
  with pytest.raises(InputError, match="mars has no query tracklets"):
    protocol.evaluation_of(empty)


def test_a_record_has_intervals_over_the_people_who_count(tables):
  found = protocol.evaluation_of(tables, "official")
  settings = protocol.Settings(protocol="official")
  (result,) = protocol.evaluate_tables(vectors(found), found, settings)
  record = result.record()
  uncertainty = record["uncertainty"]
  assert uncertainty["identities"] == 2  # Queries 0, 2 and 4 count: people 1 and 3.
  assert list(uncertainty["intervals"]) == list(record["metrics"])
  for name, (low, high) in uncertainty["intervals"].items():
    assert 0 <= low <= record["metrics"][name] <= high <= 1
  assert record["metrics"]["mAP"] == pytest.approx(result.metrics.mean_average_precision)
  assert result.record()["uncertainty"] is uncertainty  # Not drawn again.
