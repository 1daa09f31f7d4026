"""Ranking as on MARS: its index if it is there, else as many drawn people and cameras."""

import layouts
import numpy as np
import tiny

from cosam_jax.commands.benchmark import ranking
from cosam_jax.experiment.config import resolve


def config(directory, **fields):
  few = {"evaluation__rerank_k1": 2, "evaluation__rerank_k2": 1, "data__name": "mars"}
  return resolve(tiny.config(directory, **few, **fields))


def test_an_index_without_frames_decides_who_is_ranked(tmp_path):
  root, ticks = layouts.mars(tmp_path / "mars", with_frames=False), []
  found = ranking.at_mars_scale(config(root), 16, tick=lambda: ticks.append(1))
  assert found["structure"] == f"the index in {root}"
  # Queries (2, 1) and (2, 2); the junk tracklet and the queries are not in the gallery.
  assert (found["queries"], found["gallery"], found["width"]) == (2, 3, 16)
  # One query counts, and its one match stands in place 1, 2 or 3.
  assert min(abs(found["mAP_of_the_drawn_vectors"] - 1 / place) for place in (1, 2, 3)) < 1e-9
  seconds = ("ranking_seconds", "reranking_seconds", "ranking_by_distances_seconds")
  assert all(0 < found[name] < 60 for name in seconds)
  assert len(ticks) == 3


def test_without_the_index_as_many_are_drawn(tmp_path):
  labels, structure = ranking._labels(config(tmp_path / "nowhere"))
  assert structure == "drawn"
  counts = {name: len(values) for name, values in labels.items()}
  assert counts == {
    "query_ids": 1980, "gallery_ids": 9330, "query_cameras": 1980, "gallery_cameras": 9330,
  }  # fmt: skip
  people = np.concatenate([labels["query_ids"], labels["gallery_ids"]])
  assert people.min() >= 0
  assert np.unique(labels["gallery_cameras"]).tolist() == [0, 1, 2, 3, 4, 5]
  again, _ = ranking._labels(config(tmp_path / "nowhere"))
  other, _ = ranking._labels(config(tmp_path / "nowhere", seed=1))
  np.testing.assert_array_equal(again["gallery_ids"], labels["gallery_ids"])
  assert (other["gallery_ids"] != labels["gallery_ids"]).any()
