"""The calibration that a search uses: the one given, or one near the vectors that surely fits."""

import dataclasses

import calibrations
import labelled
import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import write_embeddings
from cosam_jax.experiment.search_rates import network_of_sides, rates_for
from cosam_jax.experiment.search_sides import Networks, open_side


@pytest.fixture
def side(tmp_path):
  place = tmp_path / "run" / "own" / "gate"
  place.mkdir(parents=True)
  write_embeddings(place / "e.npz", labelled.embeddings())
  return open_side(place / "e.npz", Networks())


def test_it_is_found_in_the_run_of_the_vectors(side, tmp_path, capsys):
  assert rates_for(side, side, "sqeuclidean") is None
  path = calibrations.write(tmp_path / "run" / "calibration.json", {})
  rates = rates_for(side, side, "sqeuclidean")
  assert rates.path == path
  assert rates.of(2.0) == {
    "same": rates.calibration.is_same(2.0),
    "false_match_rate": rates.calibration.false_match_rate(2.0),
    "probability": rates.calibration.probability(2.0),
  }
  assert rates.record()["calibrated_on"] == "12 people of mars (held out)"
  assert "measured on 12 people of mars (held out)" in rates.sentence()
  assert capsys.readouterr().out == ""
  # One in the workdir comes first.
  other = calibrations.write(tmp_path / "calibration.json", {})
  assert rates_for(side, side, "sqeuclidean", workdir=tmp_path).path == other


@pytest.mark.parametrize(
  ("fact", "distance", "words"),
  [
    ({"vectors_hash": "cc"}, "sqeuclidean", "it has other weights"),
    ({"vectors_hash": None}, "sqeuclidean", "nothing says that it is of the same network"),
    ({}, "cosine", "distance is sqeuclidean there, and cosine here"),
  ],
)
def test_one_of_another_network_is_passed_over(side, tmp_path, capsys, fact, distance, words):
  path = calibrations.write(tmp_path / "run" / "calibration.json", fact)
  assert rates_for(side, side, distance) is None
  assert f"left out: the calibration {path} ({words})" in capsys.readouterr().out
  if fact != {"vectors_hash": None}:
    with pytest.raises(InputError, match=rf"calibration of another network .*{words}"):
      rates_for(side, side, distance, given=path)
  else:
    assert rates_for(side, side, distance, given=path).path == path
    assert "warning: nothing says whether" in capsys.readouterr().out


def test_a_damaged_one_is_passed_over_unless_it_is_given(side, tmp_path, capsys):
  path = tmp_path / "run" / "calibration.json"
  path.write_text("{")
  assert rates_for(side, side, "sqeuclidean") is None
  assert "left out: the calibration" in capsys.readouterr().out
  with pytest.raises(InputError, match="cannot be read"):
    rates_for(side, side, "sqeuclidean", given=path)


def test_people_who_were_trained_on_are_warned_of(side, tmp_path, capsys):
  calibrations.write(tmp_path / "run" / "calibration.json", {}, learned=True)
  assert rates_for(side, side, "sqeuclidean") is not None
  assert "calibration.json: the network was trained on these people" in capsys.readouterr().out


def test_what_either_side_knows_counts(side, tmp_path):
  np.save(tmp_path / "v.npy", np.zeros((2, 6), np.float32))
  other = open_side(tmp_path / "v.npy", Networks())
  known = dataclasses.replace(side, settings={"clips.resize": "bicubic"})
  for pair in ((known, other), (other, known)):
    found = network_of_sides(*pair, "cosine")
    assert found == {
      "vectors_hash": "aa", "distance": "cosine", "flip": False, "clips.resize": "bicubic"
    }  # fmt: skip
