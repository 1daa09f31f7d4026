"""The numbers behind a run's curves, and the time that its training took."""

import csv

import pytest

from cosam_jax.reports.run_charts import (
  CMC_RANKS,
  cmc_chart,
  map_chart,
  training_charts,
  training_seconds,
)

ROWS = [
  {"step": 1, "loss": 3.5, "cross_entropy": 3.0, "learning_rate": 0.1},
  {"step": 3, "loss": 2.5, "cross_entropy": 2.25, "learning_rate": 0.1, "clips_per_second": 8.0},
  {"step": 7, "loss": 2.0, "cross_entropy": 1.0, "learning_rate": 0.01, "clips_per_second": 4.0},
]


def content(directory, name):
  with (directory / "figures" / f"{name}.csv").open() as file:
    return list(csv.reader(file))


def test_curves_hold_what_was_logged(tmp_path):
  charts = training_charts(tmp_path, ROWS)
  assert [chart.name for chart in charts] == ["losses", "learning_rate", "throughput"]
  assert content(tmp_path, "losses") == [
    ["step (loss)", "loss", "step (cross-entropy)", "cross-entropy"],
    ["1", "3.5", "1", "3.0"],
    ["3", "2.5", "3", "2.25"],
    ["7", "2.0", "7", "1.0"],
  ]
  assert content(tmp_path, "throughput") == [["step", "clips a second"], ["3", "8.0"], ["7", "4.0"]]
  assert "loss from 3.5 at 1 to 2 at 7; cross-entropy from 3 at 1" in charts[0].description
  assert training_charts(tmp_path, []) == []


def test_shares_are_percentages(tmp_path):
  map_chart(tmp_path, [(0, 0.25), (7, 0.5)], [{"step": 3, "mAP": 0.125}, {"step": 4}])
  assert content(tmp_path, "map") == [
    ["step (test people)", "test people", "step (held-out people)", "held-out people"],
    ["0", "25.0", "3", "12.5"],
    ["7", "50.0", "", ""],
  ]
  cmc_chart(tmp_path, {"after": [0.5] * 30})
  rows = content(tmp_path, "cmc")
  assert rows[0] == ["places looked at", "after"]
  assert rows[1:] == [[str(rank), "50.0"] for rank in range(1, CMC_RANKS + 1)]


def test_the_time_of_all_steps_follows_from_their_rates():
  # Step 1 at the first rate that is known, 2 and 3 at 8 clips a second, 4 to 7 at 4.
  assert training_seconds(ROWS, 16) == pytest.approx(1 * 2 + 2 * 2 + 4 * 4)
  assert training_seconds(ROWS[:1], 16) is None


def test_the_masks_mean_is_a_curve_of_its_own(tmp_path):
  rows = [{**row, "triplet": 0.25, "mask_mean": 0.5 / row["step"]} for row in ROWS[:2]]
  training_charts(tmp_path, rows)
  head, first, _ = content(tmp_path, "losses")
  assert head[-2:] == ["step (mean of masks)", "mean of masks"]
  assert first == ["1", "3.5", "1", "3.0", "1", "0.25", "1", "0.5"]
