"""Counts of a data set's tables beside the published ones, and people on both sides."""

import re

import layouts
import numpy as np
import pytest

from cosam_jax.data import load_dataset
from cosam_jax.data.expected import check_counts, counts
from cosam_jax.data.identities import Numbering
from cosam_jax.data.sets.registry import DATASETS, Counts, DataSet
from cosam_jax.data.tracklets import FilePaths, Tables, TrackletTable


def test_a_subset_is_a_warning_with_both_numbers(tmp_path):
  warnings = load_dataset("mars", layouts.mars(tmp_path)).warnings
  assert re.search(r"mars train: expected 8,298 .* 625 .*found 4 tracklets of 2", warnings[0])
  assert "1,980" in warnings[1]
  assert "9,330" in warnings[2]
  assert load_dataset("synthetic", tmp_path).warnings == ()


def table(identities, numbering=None):
  """Tracklets of one frame each."""
  count = len(identities)
  files = np.array([f"{i}.jpg".encode() for i in range(count)], np.bytes_)
  store = FilePaths("/set", np.array([b"f"]), np.zeros(count, np.int32), files)
  starts, ones = np.arange(count), np.ones(count, np.int64)
  names = [f"t{i}" for i in range(count)]
  return TrackletTable(store, starts, ones, identities, ones, names, numbering or Numbering())


@pytest.fixture
def toy(monkeypatch):
  """A data set whose published tables have 3, 2 and 4 tracklets of 2, 2 and 3 identities."""
  published = {"train": Counts(3, 2), "query": Counts(2, 2), "gallery": Counts(4, 3)}
  monkeypatch.setitem(DATASETS, "toy", DataSet(read="", expected=published))
  return {"train": [1, 1, 2], "query": [3, 4], "gallery": [3, 3, 4, 5]}


def tables_of(parts, name="toy", **options):
  return Tables(name, *(table(identities) for identities in parts.values()), **options)


def test_counts_are_of_tracklets_and_of_different_identities():
  assert counts(table([7, 3, 7, 7])) == Counts(4, 2)
  assert str(counts(table([5] * 1234))) == "1,234 tracklets of 1 identities"
  assert counts(table([])) == Counts(0, 0)


def test_the_published_counts_are_no_warning_and_earlier_warnings_stay(toy):
  assert check_counts(tables_of(toy)).warnings == ()
  assert check_counts(tables_of(toy, warnings=("before",))).warnings == ("before",)


@pytest.mark.parametrize(
  ("part", "identities", "found", "reason"),
  [
    ("train", [1, 2], "2 tracklets of 2 identities", "this is a subset"),
    ("train", [1, 1, 1], "3 tracklets of 1 identities", "this is a subset"),
    ("train", [1, 1, 1, 2], "4 tracklets of 2 identities", "this is another release"),
    ("gallery", [3, 4, 5, 6], "4 tracklets of 4 identities", "this is another release"),
    ("query", [3], "1 tracklets of 1 identities", "this is a subset"),
  ],
)
def test_other_counts_are_a_warning_with_both(toy, part, identities, found, reason):
  expected = DATASETS["toy"].expected[part]
  (said,) = check_counts(tables_of(toy | {part: identities})).warnings
  assert said.startswith(f"toy {part}: expected {expected}, found {found}; {reason}")


def test_a_set_without_published_counts_has_no_such_warning(toy):
  assert check_counts(tables_of(toy | {"train": [1]}, name="folder")).warnings == ()


def test_people_who_are_trained_on_and_searched_for_are_counted(toy):
  tables = tables_of(toy | {"train": [1, 4, 3]}, name="folder")
  (said,) = check_counts(tables).warnings
  assert said.startswith("folder: 2 identities are in train and in query (first: 3), so the test")
  named = Tables(
    "folder", tables.train, table([3, 4], Numbering(None, {3: "anna"})), tables.gallery
  )
  (said,) = check_counts(named).warnings
  assert "(first: anna)" in said
