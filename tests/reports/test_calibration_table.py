"""The table of a calibration and its curve."""

import csv
import dataclasses

import calibrations
import labelled
import pytest

from cosam_jax.evaluation.calibration import Wishes, calibrate
from cosam_jax.reports.calibration_table import calibration_table, camera_table, det_chart


@pytest.fixture(scope="module")
def record():
  drawing = labelled.drawn(people=40, tracklets=8)
  wishes = dataclasses.replace(calibrations.QUICK, compared="all")
  made = calibrate(labelled.embeddings(drawing), "sqeuclidean", wishes)
  return dataclasses.asdict(made)


def test_every_rate_stands_in_its_row(record):
  table = calibration_table(record)
  lines = table.splitlines()
  assert all(len(line) < 80 for line in lines)
  for point in record["points"]:
    (row,) = [line for line in lines if line.startswith(f"{point['wished_fmr']:g} ")]
    assert f"{100 * point['fnmr']:.1f}% (" in row
    assert f"{point['threshold']:.4g}" in row
  for row in record["identification"]["at_fpir"]:
    (line,) = [one for one in lines if one.startswith(f"FPIR {row['wished_fpir']:g} ")]
    assert f"{100 * row['fnir_rank_1']:.0f}% (" in line
  assert "FNIR, rank 3" in table
  assert "people     40 of mars (held out), 320 tracklets, 3 cameras" in table
  assert "in 10 draws of 20 enrolled people" in table


def test_small_rates_keep_their_digits():
  wishes = Wishes(fmr=(0.0004,), fpir=(), rank=2, resamples=100, compared="all")
  drawing = labelled.drawn(people=60, width=3)
  record = dataclasses.asdict(calibrate(labelled.embeddings(drawing), "sqeuclidean", wishes))
  record["points"] = [record["points"][0] | {"fmr": 0.00012345, "fmr_interval": None}]
  assert "0.012% (unknown)  " in calibration_table(record)


def test_an_interval_that_nobody_knows_is_called_unknown(record):
  searches = record["identification"]
  row = searches["at_fpir"][0] | {"fnir_rank_1_interval": None, "fnir_rank_1": 1.0}
  table = calibration_table(record | {"identification": searches | {"at_fpir": [row]}})
  assert "100% (unknown) " in table
  assert all(len(line) < 80 for line in table.splitlines())


def test_cameras_have_their_names(record):
  table = camera_table(record["points"], {1: "gate", 2: "a very long name of a camera"})
  assert "gate and a very long na " in table
  assert all(len(line) < 80 for line in table.splitlines())
  assert len(table.splitlines()) == 2 + len(record["points"][0]["camera_pairs"]) > 2
  assert camera_table([{"camera_pairs": []}], {}) == ""
  many = [{"camera_pairs": record["points"][0]["camera_pairs"] * 20}]
  assert camera_table(many, {}).splitlines()[-1].startswith("... and ")


@pytest.mark.parametrize("spread", [0.0, 0.01, 0.3, 0.5])
def test_people_who_are_told_apart_are_drawn_too(spread, tmp_path):
  drawing = labelled.drawn(spread=spread)
  made = calibrate(labelled.embeddings(drawing), "sqeuclidean", calibrations.QUICK)
  det_chart(tmp_path, dataclasses.asdict(made))
  empty = "no threshold has both kinds of errors" in (tmp_path / "figures/det.svg").read_text()
  assert empty == (spread < 0.3)


def test_the_curve_is_drawn_with_its_numbers(record, tmp_path):
  chart = det_chart(tmp_path, record)
  assert chart.description.startswith("FNMR over FMR: FNMR 0.")
  with (tmp_path / "figures" / "det.csv").open() as file:
    rows = list(csv.DictReader(file))
  assert [float(row["FMR"]) for row in rows] == record["det"]["fmr"]
  assert [float(row["FNMR"]) for row in rows] == record["det"]["fnmr"]
  assert (tmp_path / "figures" / "det.png").stat().st_size > 1000
