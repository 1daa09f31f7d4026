"""Sheets of a search say among how many tracklets they are the nearest."""

import json

import numpy as np
import pytest

from cosam_jax.reports.search_results import Hit, QueryResult, write_search

ABOUT = {"query": "q.npz", "gallery": "hall.npz", "gallery_size": 1106, "distance": "cosine"}


def picture():
  return np.zeros((8, 4, 3), np.uint8)


@pytest.mark.parametrize(
  ("searched", "sentence"),
  [
    (None, "The nearest of 1,106 in hall.npz, by cosine."),
    (1106, "The nearest of 1,106 in hall.npz, by cosine."),
    (1071, "The nearest of the 1,071 under other cameras, of 1,106 in hall.npz, by cosine."),
    (0, "The nearest of the 0 under other cameras, of 1,106 in hall.npz, by cosine."),
  ],
)
def test_a_sheet_counts_what_was_ranked_for_its_query(tmp_path, searched, sentence):
  hits = [Hit("b", 1, 0.5, picture)] if searched != 0 else []
  result = QueryResult("a", picture, hits, searched=searched)
  write_search(tmp_path, [result], {**ABOUT, "exclude_same_camera": searched is not None})
  sheet = json.loads((tmp_path / "sheets" / "000.json").read_text())
  assert sentence in json.dumps(sheet)
