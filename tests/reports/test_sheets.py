"""Sheets of chosen queries: every entry with its picture, and whether it is the right person."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from cosam_jax.data.identities import Numbering
from cosam_jax.data.tracklets import TrackletTable
from cosam_jax.errors import InputError
from cosam_jax.reports.rankings import AS_RANKED, RE_RANKED, Ranking, Rankings
from cosam_jax.reports.sheets import check_same_tracklets, make_sheets

NAMES = ["q0", "q1", "g0", "g1", "d0"]
LENGTHS = [1, 2, 3, 4, 5]


class Frames:
  """Pictures of one colour, their frame's number; each is read at most once."""

  def __init__(self):
    self.asked = []

  def __len__(self):
    return sum(LENGTHS)

  def name(self, frame):
    return str(frame)

  def read(self, frame):
    assert frame not in self.asked
    self.asked.append(frame)
    stream = io.BytesIO()
    Image.new("RGB", (2, 3), (frame, 0, 0)).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def table():
  starts = np.cumsum([0, *LENGTHS[:-1]])
  names = Numbering(distractor=0, identities={7: "anna"})
  return TrackletTable(Frames(), starts, LENGTHS, [7, 0, 7, 9, 0], [1, 1, 2, 3, 2], NAMES, names)


@pytest.fixture
def rankings(table):
  plain = Ranking(
    np.array([[3, 2, -1], [4, 2, 3]], np.int32), np.array([[0.5, 1, 9], [1, 2, 3]], np.float32),
    np.array([0.5, np.nan]), np.array([2, 0]),
  )  # fmt: skip
  again = dataclasses.replace(
    plain, rows=np.array([[2, 3, 4], [4, 2, 3]], np.int32),
    average_precision=np.array([1.0, np.nan]), first_match=np.array([1, 0]),
  )  # fmt: skip
  return Rankings(
    "reference", np.array(NAMES), table.identities, table.cameras, table.lengths, np.array([0, 1]),
    {AS_RANKED: plain, RE_RANKED: again}, np.array([0]), np.zeros((1, 4), np.float32), {},
  )  # fmt: skip


def test_a_sheet_has_each_rankings_entries_in_order(table, rankings):
  sheets = make_sheets(rankings, table, {0: "among the worst"})
  (sheet,) = sheets.values()
  found = {title: [entry.record() for entry in row] for title, row in sheet.rows.items()}
  right = {"name": "g0", "identity": "anna", "camera": 2, "right": True}
  wrong = {"name": "g1", "identity": 9, "camera": 3, "right": False}
  assert found[AS_RANKED] == [wrong | {"distance": 0.5}, right | {"distance": 1.0}]
  assert [entry["name"] for entry in found[RE_RANKED]] == ["g0", "g1", "d0"]
  assert sheet.query.record() == {"name": "q0", "identity": "anna", "camera": 1}
  assert sheet.note == (
    "Among the worst. As ranked: average precision 50.0%, first right entry in place 2; "
    "re-ranked: average precision 100.0%, first right entry in place 1."
  )


def test_pictures_are_the_middle_frames_and_are_read_once(table, rankings):
  sheet = make_sheets(rankings, table, {0: "x"})[0]
  middles = {name: int(table.starts[i]) + LENGTHS[i] // 2 for i, name in enumerate(NAMES)}
  for entry in (sheet.query, *sheet.rows[AS_RANKED], *sheet.rows[RE_RANKED]):
    np.testing.assert_array_equal(entry.image, np.full((3, 2, 3), [middles[entry.name], 0, 0]))
  assert sorted(table.frames.asked) == sorted(middles[name] for name in ("q0", "g0", "g1", "d0"))


def test_a_distractor_is_nobody_and_a_query_without_match_does_not_count(table, rankings):
  sheet = make_sheets(rankings, table, {1: "one of all"})[1]
  assert [entry.right for entry in sheet.rows[AS_RANKED]] == [False, False, False]
  assert "no match under another camera, so it does not count" in sheet.note


def test_rankings_of_other_tracklets_are_refused(table, rankings):
  check_same_tracklets(rankings, table)
  other = dataclasses.replace(rankings, names=np.array(["x", *NAMES[1:]]))
  fewer = dataclasses.replace(rankings, names=np.array(NAMES[1:]))
  for wrong, count in ((other, 5), (fewer, 4)):
    with pytest.raises(InputError, match=f"of {count} tracklets that are not the 5 of the data"):
      check_same_tracklets(wrong, table)
