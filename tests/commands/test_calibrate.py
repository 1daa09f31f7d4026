"""`--mode=calibrate` from a run's held-out people to searches, exports and decisions."""

import json
import shutil

import calls
import labelled
import modes
import numpy as np
import pytest
import saved_run as saved
import tiny

import cosam_jax
from cosam_jax.commands.calibrate import wishes_of
from cosam_jax.data import load_dataset
from cosam_jax.errors import InputError
from cosam_jax.evaluation.calibration_files import read_calibration
from cosam_jax.evaluation.embeddings import read_embeddings, write_embeddings

pytestmark = pytest.mark.usefixtures("hasty_compilation")
HELD = {"data__validation_identities": 4, "train__validate_every_epochs": 1}


@pytest.fixture(scope="module")
def calibrated(tiny_synthetic, tmp_path_factory, hasty_compilation):
  """A run that held four people out, and was calibrated on them."""
  del hasty_compilation
  run = saved.write(tmp_path_factory.mktemp("calibrated") / "run", tiny_synthetic, **HELD)
  calls.run("calibrate", tiny.config(tiny_synthetic, **HELD), run, fmr=["0.2"], resamples=100)
  return run


def test_people_held_out_are_calibrated_on(calibrated, tiny_synthetic):
  found = read_calibration(calibrated / "calibration.json")
  assert (found.data["people"], found.data["learned"]) == ("held_out", False)
  assert found.calibrated_on == "4 people of synthetic (held out)"
  vectors = read_embeddings(calibrated / "people" / "held_out" / "embeddings.npz")
  test = load_dataset("synthetic", tiny_synthetic)
  assert not {*vectors.names.tolist()} & {*test.query.names.tolist(), *test.gallery.names.tolist()}
  every = labelled.pairs(vectors.vectors, vectors.identities, vectors.cameras)
  assert found.comparisons["mated"] == sum(mated for *_, mated in every)
  assert found.comparisons["non_mated"] == sum(not mated for *_, mated in every)
  at = found.points[0].threshold
  missed = [far > at for *_, far, mated in every if mated]
  assert found.points[0].fnmr == pytest.approx(np.mean(missed), abs=1e-9)
  assert (calibrated / "calibration" / "figures" / "det.png").is_file()


def test_the_embedder_decides_by_it(calibrated):
  embedder = cosam_jax.Embedder.from_checkpoint(calibrated)
  vectors = read_embeddings(calibrated / "people" / "held_out" / "embeddings.npz").vectors
  found = embedder.same_person(vectors[0], vectors[1])
  assert found.same == (found.distance <= found.threshold)
  assert found.calibrated_on == "4 people of synthetic (held out)"
  assert "so few people support none below 0.5" in found.note


def test_a_search_says_how_often_such_a_pair_is_two_people(calibrated, tiny_synthetic, capsys):
  calls.run("embed", tiny.config(tiny_synthetic, **HELD), calibrated)
  path = str(calibrated / "embeddings.npz")
  calls.run("search", None, None, query=path, gallery=path, top=2)
  out = capsys.readouterr().out
  assert "distance  FMR" in out
  assert "measured on 4 people of synthetic (held out)" in out
  record = json.loads((calibrated / "search" / "search.json").read_text())
  found = read_calibration(calibrated / "calibration.json")
  assert record["calibration"]["threshold"] == found.threshold
  for query in record["queries"]:
    for hit in query["results"]:
      assert hit["false_match_rate"] == found.false_match_rate(hit["distance"])
      assert hit["probability"] == found.probability(hit["distance"])
      assert hit["same"] == found.is_same(hit["distance"])


@pytest.mark.slow
def test_an_export_takes_it_along(calibrated, tmp_path, capsys):
  out = tmp_path / "out"
  calls.run("export", None, calibrated, output=str(out), format="torch")
  assert "has the network's calibration" in capsys.readouterr().out
  assert read_calibration(out / "calibration.json") == read_calibration(
    calibrated / "calibration.json"
  )
  record = json.loads((out / "export.json").read_text())["calibration"]
  assert record["calibrated_on"] == "4 people of synthetic (held out)"
  vectors = read_embeddings(calibrated / "people" / "held_out" / "embeddings.npz").vectors
  here = cosam_jax.Embedder.from_checkpoint(calibrated).same_person(vectors[0], vectors[2])
  there = cosam_jax.Embedder.from_checkpoint(out / "model.safetensors")
  assert there.same_person(vectors[0], vectors[2]) == here
  # Once the run has another network's, or a damaged one, none goes along, and none is left.
  run = shutil.copytree(calibrated, tmp_path / "run")
  (run / "calibration.json").write_text("{")
  calls.run("export", None, run, output=str(out), format="torch")
  assert "left out: the calibration" in capsys.readouterr().out
  assert not (out / "calibration.json").exists()
  content = json.loads((calibrated / "calibration.json").read_text())
  content["network"]["vectors_hash"] = "aa"
  (run / "calibration.json").write_text(json.dumps(content))
  calls.run("export", None, run, output=str(out), format="torch")
  assert "the calibration of another network (it has other weights)" in capsys.readouterr().out


@pytest.mark.slow
def test_the_page_has_the_curve_of_its_own_weights(tiny_synthetic, tmp_path, capsys):
  config = saved.report_config(tiny_synthetic)
  run = saved.write(tmp_path / "run", tiny_synthetic, evaluation__rerank=True, **saved.REPORT)
  modes.evaluate(config, run)
  page = run / "report" / "index.html"
  assert "Detection error trade-off" not in page.read_text()
  calls.run("calibrate", config, run, people="training", resamples=100)
  modes.report(config, run)
  assert "Detection error trade-off" in page.read_text()
  assert (run / "report" / "figures" / "det.csv").is_file()
  content = json.loads((run / "calibration.json").read_text())
  content["network"]["weights_hash"] = "aa"
  (run / "calibration.json").write_text(json.dumps(content))
  modes.report(config, run)
  assert "Detection error trade-off" not in page.read_text()
  (run / "calibration.json").write_text("{")
  modes.report(config, run)
  assert "warning: the page is without the calibration" in capsys.readouterr().out


def test_its_thresholds_are_measured_on_the_test_set(calibrated, tiny_synthetic, capsys):
  calls.run("embed", tiny.config(tiny_synthetic, **HELD), calibrated)
  path, file = str(calibrated / "embeddings.npz"), calibrated / "calibration.json"
  before = file.read_bytes()
  calls.run("calibrate", None, None, embeddings=path, calibration=str(file), resamples=100)
  assert "calibrated on 4 people of synthetic (held out)" in capsys.readouterr().out
  checked = json.loads((calibrated / "calibration_check.json").read_text())
  assert checked["points"][0]["threshold"] == read_calibration(file).threshold
  assert checked["data"]["people"] == "test"
  assert file.read_bytes() == before


def test_the_test_set_is_not_used_unasked(saved_run, tiny_synthetic, tmp_path):
  run = shutil.copytree(saved_run, tmp_path / "run")
  config = tiny.config(tiny_synthetic)
  with pytest.raises(InputError, match="--people=test is the test set of synthetic"):
    calls.run("calibrate", config, run, people="test")
  assert not (run / "embeddings.npz").exists()
  calls.run("embed", config, run)
  path = str(run / "embeddings.npz")
  with pytest.raises(InputError, match=r"embeddings\.npz is of the test set of synthetic"):
    calls.run("calibrate", None, None, embeddings=path)
  calls.run("calibrate", None, None, embeddings=path, allow_test_people=True, resamples=100)
  assert read_calibration(run / "calibration.json").data["people"] == "test"


def test_people_who_were_trained_on_are_warned_of(saved_run, tiny_synthetic, tmp_path, capsys):
  run = shutil.copytree(saved_run, tmp_path / "run")
  with pytest.raises(InputError, match="nobody was held out of the training: train with some"):
    calls.run("calibrate", tiny.config(tiny_synthetic), run)
  calls.run("calibrate", tiny.config(tiny_synthetic), run, people="training", resamples=100)
  assert "warning: the network was trained on these people" in capsys.readouterr().out
  assert read_calibration(run / "calibration.json").data["learned"] is True


@pytest.mark.parametrize("prior", ["0", "1", "half", "", "nan"])
def test_a_prior_is_a_rate(prior):
  with pytest.raises(InputError, match=f"--prior is '{prior}': it must be a number above 0"):
    wishes_of(calls.call("calibrate", prior=prior))


def test_flags_become_wishes():
  found = wishes_of(
    calls.call("calibrate", fmr=["0.01", "1e-3"], prior="0.25", comparisons="all", rank=5)
  )
  assert (found.fmr, found.prior, found.compared, found.rank) == ((0.01, 0.001), 0.25, "all", 5)


@pytest.mark.parametrize("flag", ["fmr", "fpir"])
def test_a_rate_is_wished_once(flag):
  with pytest.raises(InputError, match=f"--{flag} has 0.1 more than once: give each rate once"):
    wishes_of(calls.call("calibrate", **{flag: ["0.1", "0.2", "1e-1"]}))


def test_people_and_embeddings_are_not_both_given(tmp_path):
  write_embeddings(tmp_path / "e.npz", labelled.embeddings())
  with pytest.raises(InputError, match="leave one of them out"):
    calls.run("calibrate", None, None, embeddings=str(tmp_path / "e.npz"), people="training")
  with pytest.raises(InputError, match="--people is about the data set"):
    calls.run("embed", None, tmp_path, input=str(tmp_path), people="training")


def test_what_are_no_embeddings_is_refused(tmp_path):
  (tmp_path / "e.npz").write_text("no")
  with pytest.raises(InputError, match="cannot be read as embeddings"):
    calls.run("calibrate", None, None, embeddings=str(tmp_path / "e.npz"))
  assert [one.name for one in tmp_path.iterdir()] == ["e.npz"]
