"""Calibrations are kept beside the network, never made on a known test set unasked."""

import dataclasses
import json

import calibrations
import labelled
import numpy as np
import pytest
import tiny

from cosam_jax.errors import InputError
from cosam_jax.evaluation.calibration_files import read_calibration
from cosam_jax.evaluation.embeddings import write_embeddings
from cosam_jax.experiment.calibrating import (
  calibrate_file,
  check_on_others,
  is_of_test_set,
)

QUICK = calibrations.QUICK


def written(path, **facts):
  write_embeddings(path, labelled.embeddings(**facts))
  return path


@pytest.mark.parametrize(
  ("facts", "wanted"),
  [
    ({"people": "test"}, True),
    ({"people": "training"}, False),
    ({"people": None}, False),
    ({"people": None, "queries": [0, 1]}, True),  # As earlier versions wrote it.
    ({"people": "held_out", "queries": [0, 1]}, False),
    ({"people": "test", "dataset": "folder"}, False),
  ],
)
def test_the_test_set_of_a_known_data_set_is_refused(facts, wanted, tmp_path, capsys):
  assert is_of_test_set(labelled.embeddings(**facts)) is wanted
  path = written(tmp_path / "e.npz", **facts)
  if not wanted:
    calibrate_file(path, QUICK)
    return
  with pytest.raises(InputError, match="is of the test set of mars, and a threshold chosen on it"):
    calibrate_file(path, QUICK)
  assert not (tmp_path / "calibration.json").exists()
  capsys.readouterr()
  calibrate_file(path, QUICK, allow_test=True)
  said = "these are the test set's people" in capsys.readouterr().out
  assert said == (facts["people"] == "test")


def test_the_file_the_curve_and_the_table_are_left(tmp_path, capsys):
  path, place = written(tmp_path / "e.npz"), tmp_path / "run"
  found = calibrate_file(path, QUICK, workdir=place, arguments=["--mode=calibrate"])
  assert read_calibration(place / "calibration.json") == found
  content = json.loads((place / "calibration.json").read_text())
  assert content["command"] == "python -m cosam_jax.main --mode=calibrate"
  figures = place / "calibration" / "figures"
  assert sorted(one.name for one in figures.iterdir()) == ["det.csv", "det.png", "det.svg"]
  out = capsys.readouterr().out
  assert "people     12 of mars (held out), 60 tracklets, 3 cameras" in out
  assert "warning: 66 pairs of people cannot support a false match rate of 0.02" in out
  assert "by the rule of 3 the smallest is 0.045" in out
  assert "nobody knows whether" not in out
  # Made again, with other weights.
  calibrate_file(written(tmp_path / "o.npz", vectors_hash="cc"), QUICK, workdir=place)
  words = (
    "this replaces the calibration of other weights (step 3), made on 12 people of mars (held out)"
  )
  assert words in capsys.readouterr().out
  calibrate_file(path.with_name("o.npz"), QUICK, workdir=place)
  assert "this replaces the calibration of the same weights, made on 12" in capsys.readouterr().out


def test_people_who_were_trained_on_are_warned_of(tmp_path, capsys):
  calibrate_file(written(tmp_path / "e.npz", people="training", learned=True), QUICK)
  assert "warning: the network was trained on these people, so all rates" in capsys.readouterr().out
  calibrate_file(written(tmp_path / "e.npz", learned=None, vectors_hash=None), QUICK)
  out = capsys.readouterr().out
  assert "note: nobody knows whether the weights were trained on these people" in out
  assert "warning: the embeddings are of an earlier version" in out


def test_distances_are_those_of_the_embeddings_own_run(tmp_path):
  config = {"data.name": "mars", "preset": "published_code", "evaluation.distance": "cosine"}
  found = calibrate_file(written(tmp_path / "e.npz", config=config), QUICK)
  assert found.network["distance"] == "cosine"
  assert calibrate_file(written(tmp_path / "e.npz"), QUICK).network["distance"] == "sqeuclidean"


def test_nothing_of_a_users_is_replaced(tmp_path):
  path = written(tmp_path / "e.npz")
  (tmp_path / "calibration.json").write_text("mine")
  with pytest.raises(InputError, match="would be replaced, and this program did not write it"):
    calibrate_file(path, QUICK)
  (tmp_path / "calibration.json").unlink()
  (tmp_path / "calibration").write_text("mine")
  with pytest.raises(InputError, match="calibration is not a folder"):
    calibrate_file(path, QUICK)
  assert not (tmp_path / "calibration.json").exists()


def test_thresholds_are_measured_on_other_people(tmp_path, capsys):
  found = calibrate_file(written(tmp_path / "e.npz"), QUICK)
  others = labelled.drawn(people=20, seed=9)
  write_embeddings(tmp_path / "test.npz", labelled.embeddings(others, people="test"))
  wishes = dataclasses.replace(QUICK, fmr=(0.5,))  # Only the calibration's own count.
  made = check_on_others(tmp_path / "test.npz", tmp_path / "calibration.json", wishes)
  assert [one.threshold for one in made.points] == [one.threshold for one in found.points]
  every = labelled.pairs(*others)
  at = found.threshold
  assert made.points[0].fmr == pytest.approx(
    sum(far <= at for *_, far, mated in every if not mated)
    / sum(not mated for *_, mated in every)
  )  # fmt: skip
  out = capsys.readouterr().out
  assert "calibrated on 12 people of mars (held out)" in out
  content = json.loads((tmp_path / "calibration_check.json").read_text())
  assert content["points"][0]["fmr"] == made.points[0].fmr
  assert content["data"]["people"] == "test"
  write_embeddings(tmp_path / "o.npz", labelled.embeddings(others, vectors_hash="cc"))
  with pytest.raises(InputError, match=r"another network than that of .*it has other weights"):
    check_on_others(tmp_path / "o.npz", tmp_path / "calibration.json", QUICK)


def test_the_very_people_of_the_calibration_are_no_check(tmp_path):
  vectors, people, cameras = labelled.drawn()
  calibrate_file(written(tmp_path / "e.npz"), QUICK)
  order = np.random.default_rng(0).permutation(len(people))
  again = labelled.embeddings((vectors[order], people[order], cameras[order]))
  write_embeddings(tmp_path / "o.npz", again)
  for name in ("e.npz", "o.npz"):
    with pytest.raises(InputError, match="has the very tracklets that"):
      check_on_others(tmp_path / name, tmp_path / "calibration.json", QUICK)
  assert not (tmp_path / "calibration_check.json").exists()
  # A file of an earlier version has no digest, and is used.
  content = json.loads((tmp_path / "calibration.json").read_text())
  del content["data"]["digest"]
  (tmp_path / "calibration.json").write_text(json.dumps(content))
  check_on_others(tmp_path / "e.npz", tmp_path / "calibration.json", QUICK)


def changed(path, change):
  vectors, people, cameras = labelled.drawn()
  write_embeddings(path, labelled.embeddings((change(vectors), people, cameras)))
  return path


def test_vectors_that_are_all_the_same_are_said(tmp_path, capsys):
  near = changed(tmp_path / "near.npz", lambda vectors: 0.001 * vectors + 1)
  found = calibrate_file(near, QUICK, workdir=tmp_path / "near")
  said = "the vectors of 60 tracklets are nearly the same (they differ by 0."
  assert said in capsys.readouterr().out
  assert (tmp_path / "near" / "linking.npz").is_file()
  other = changed(tmp_path / "other.npz", lambda vectors: 0.001 * vectors[::-1] + 1)
  check_on_others(other, tmp_path / "near" / "calibration.json", QUICK, workdir=tmp_path)
  assert said in capsys.readouterr().out
  assert found.data["tracklets"] == 60


def test_vectors_of_zeros_are_not_compared_by_direction(tmp_path, capsys):
  path = changed(tmp_path / "e.npz", lambda vectors: vectors * (np.arange(60) != 7)[:, None])
  calibrate_file(path, QUICK)
  said = capsys.readouterr().out
  assert "no calibration for --mode=link: t7 has a vector of zeros, which has no direction" in said
  assert not (tmp_path / "linking.npz").exists()
  cosine = tiny.config(tmp_path, evaluation__distance="cosine")
  with pytest.raises(InputError, match="t7 has a vector of zeros, which has no direction"):
    calibrate_file(path, QUICK, config=cosine, workdir=tmp_path / "cosine")
  assert not (tmp_path / "cosine").exists()


def test_vectors_whose_distances_overflow_are_refused(tmp_path):
  path = changed(tmp_path / "e.npz", lambda vectors: np.float32(1e30) * vectors)
  with pytest.raises(InputError, match=r"t\d+ has a vector of length .*e\+30, and squared distan"):
    calibrate_file(path, QUICK)
  assert not (tmp_path / "calibration.json").exists()
