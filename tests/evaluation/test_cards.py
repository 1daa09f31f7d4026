"""Results as plain values: means over the queries that count, and every query's own numbers."""

import json

import numpy as np
import pytest

from cosam_jax.data.identities import Numbering
from cosam_jax.evaluation.cards import Card, Result
from cosam_jax.evaluation.retrieval import RetrievalMetrics

# The second query does not count.
METRICS = RetrievalMetrics(
  cmc=np.array([1 / 3, 2 / 3, 2 / 3]),
  mean_average_precision=0.6,
  mean_inverse_negative_penalty=0.5,
  average_precision=np.array([1.0, np.nan, 0.5, 0.3]),
  inverse_negative_penalty=np.array([1.0, np.nan, 0.25, 0.25]),
  first_match=np.array([1, 0, 2, 12]),
  valid=np.array([True, False, True, True]),
)
CARD = Card(
  dataset="mars", protocol="reference", split=None, gallery_size=9, queries_in_gallery=0,
  distractors=1, junk=0, queries=4, valid_queries=3, not_counted={"identity not in the gallery": 1},
  frames="all", frames_used=50, num_frames=4, tail="cyclic", distance="cosine", reranking=None,
  checkpoint="step 3",
)  # fmt: skip


def result(**changes):
  content = {"query_names": np.array(["a", "b", "c", "d"]), "label": "after training"} | changes
  return Result(CARD, METRICS, query_identities=np.array([5, 6, 5, 7], np.int32), **content)


def test_metrics_are_means_over_the_queries_that_count():
  found = result().record()["metrics"]
  wanted = {
    "mAP": (1 + 0.5 + 0.3) / 3, "Rank-1": 1 / 3, "Rank-5": 2 / 3, "Rank-10": 2 / 3, "Rank-20": 1.0,
    "mINP": 1.5 / 3,
  }  # fmt: skip
  assert found == pytest.approx(wanted)


def test_a_record_is_plain_and_has_each_query():
  record = result().record()
  again = json.loads(json.dumps(record, allow_nan=False))
  assert again["label"] == "after training"
  assert again["card"]["not_counted"] == {"identity not in the gallery": 1}
  assert again["card"]["warnings"] == []
  assert again["cmc"] == pytest.approx([1 / 3, 2 / 3, 2 / 3])
  assert again["queries"] == {
    "name": ["a", "b", "c", "d"],
    "identity": [5, 6, 5, 7],
    "average_precision": [1.0, None, 0.5, 0.3],
    "inverse_negative_penalty": [1.0, None, 0.25, 0.25],
    "first_match": [1, 0, 2, 12],
  }


def test_people_have_the_data_sets_names():
  numbering = Numbering(identities={5: "anna", 7: "bert"})
  assert result(numbering=numbering).record()["queries"]["identity"] == ["anna", 6, "anna", "bert"]


def test_intervals_hold_the_means_and_are_drawn_once():
  one = result()
  record = one.record()
  uncertainty = record["uncertainty"]
  assert uncertainty["identities"] == 2  # Of the queries that count: 5, 5 and 7.
  assert list(uncertainty["intervals"]) == list(record["metrics"])
  for name, (low, high) in uncertainty["intervals"].items():
    assert 0 <= low <= record["metrics"][name] <= high <= 1
  assert one.record()["uncertainty"] is uncertainty
