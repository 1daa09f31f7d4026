"""results.json: whole or not at all, fractions and percents; the terminal's table."""

import copy
import json
import os

import pytest
from results_record import RECORD

from cosam_jax.errors import InputError
from cosam_jax.reports import results


class Reranked:
  """Something that makes a record of itself."""

  def record(self):
    record = copy.deepcopy(RECORD)
    record["card"]["reranking"] = {"k1": 20, "k2": 6, "lambda": 0.3}
    record["metrics"]["mAP"] = 0.874
    return record


def test_written_and_read_again(tmp_path):
  path = tmp_path / "run" / "results.json"
  results.write_results(path, [RECORD, Reranked()], run={"seed": 3})
  content = json.loads(path.read_text())
  assert content["run"] == {"seed": 3}
  plain, reranked = content["results"]
  assert plain["metrics"]["mAP"] == {"fraction": 0.798761, "percent": 79.88}
  assert plain["metrics"]["Rank-20"] == {"fraction": 1.0, "percent": 100.0}
  assert {**plain, "metrics": None} == {**RECORD, "metrics": None}
  assert reranked["card"]["reranking"]["lambda"] == 0.3
  assert results.read_results(path) == content
  assert os.listdir(tmp_path / "run") == ["results.json"]


def test_a_list_takes_one_line(tmp_path):
  results.write_results(tmp_path / "r.json", [RECORD])
  assert '   "cmc": [0.849, 0.9],' in (tmp_path / "r.json").read_text().split("\n")


def test_what_was_read_can_be_written_and_shown_again(tmp_path):
  results.write_results(tmp_path / "a.json", [RECORD])
  again = results.read_results(tmp_path / "a.json")["results"]
  results.write_results(tmp_path / "b.json", again)
  assert (tmp_path / "a.json").read_text() == (tmp_path / "b.json").read_text()
  assert results.terminal_table(again) == results.terminal_table([RECORD])


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
  path = tmp_path / "results.json"
  results.write_results(path, [RECORD])
  before = path.read_text()

  def full(descriptor):
    raise OSError(28, "No space left on device")

  monkeypatch.setattr(os, "fsync", full)
  with pytest.raises(InputError, match=r"could not be written to .*results.json: No space left"):
    results.write_results(path, [Reranked()])
  assert path.read_text() == before
  assert os.listdir(tmp_path) == ["results.json"]


def test_nan_is_never_written(tmp_path):
  with pytest.raises(ValueError, match="JSON compliant"):
    results.write_results(tmp_path / "r.json", [{**RECORD, "cmc": [float("nan")]}])
  assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
  ("text", "message"),
  [
    (None, "cannot be read"),
    ("{", "cannot be read"),
    ("[]", "format None"),
    ('{"format": 9}', "9"),
  ],
)
def test_files_that_are_no_results(tmp_path, text, message):
  path = tmp_path / "results.json"
  if text is not None:
    path.write_text(text)
  with pytest.raises(InputError, match=message):
    results.read_results(path)


def test_table_shows_numbers_and_protocol_below_80_columns():
  table = results.terminal_table([RECORD, Reranked()])
  lines = table.split("\n")
  assert max(map(len, lines)) < 80
  assert lines[0].split() == [
    "mars",
    "(%)",
    "mAP",
    "Rank-1",
    "Rank-5",
    "Rank-10",
    "Rank-20",
    "mINP",
  ]
  assert lines[2].split() == ["as", "ranked", "79.88", "84.90", "95.50", "97.00", "100.00", "50.00"]
  assert lines[3].split()[:2] == ["re-ranked", "87.40"]
  assert table.count("gallery") == 2  # Once in the one block of both, once in a reason.
  for fact in ("9,330 tracklets", "3,248 distractors", "1,980, 1,840 of them count", "sqeuclidean"):
    assert fact in table
  assert "126: identity seen by the query's camera only" in table
  assert "all (681,089), clips of 4" in table


def test_intervals_stand_below_their_numbers():
  record = copy.deepcopy(RECORD)
  pairs = {name: [i / 10, i / 10 + 0.05] for i, name in enumerate(results.COLUMNS)}
  record["uncertainty"] = {"level": 0.95, "identities": 626, "intervals": pairs}
  lines = results.terminal_table([record]).split("\n")
  assert lines[3].split() == [
    "95%",
    "interval",
    "from",
    "0.0",
    "10.0",
    "20.0",
    "30.0",
    "40.0",
    "50.0",
  ]
  assert lines[4].startswith("    to, drawing 626 people ")
  assert lines[4].split()[4:] == ["5.0", "15.0", "25.0", "35.0", "45.0", "55.0"]
  assert max(map(len, lines)) < 80


def test_other_protocols_get_their_own_block():
  other = copy.deepcopy(RECORD)
  other["card"]["gallery_size"] = 11310
  other["label"] = "x" * 200
  table = results.terminal_table([RECORD, other, Reranked()])
  assert table.count("Rank-1 ") == 2
  assert max(map(len, table.split("\n"))) < 80
  assert table.index("re-ranked") < table.index("11,310")
