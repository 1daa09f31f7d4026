"""`--mode=evaluate`: a checkpoint, or saved vectors; both give the numbers of a slow loop."""

import dataclasses
import json
import pathlib
import shutil
import types

import calls
import modes
import numpy as np
import pytest
import tiny

import oracles
from cosam_jax.commands import evaluate
from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import read_embeddings

pytestmark = pytest.mark.usefixtures("hasty_compilation")


@pytest.fixture(scope="module")
def embedded(saved_run, tiny_synthetic, tmp_path_factory, hasty_compilation):
  """A run's folder with its vectors. Not to be written to."""
  del hasty_compilation
  place = shutil.copytree(saved_run, tmp_path_factory.mktemp("embedded") / "run")
  modes.embed(tiny.config(tiny_synthetic), place)
  return place


@pytest.fixture
def run(embedded, tmp_path):
  return shutil.copytree(embedded, tmp_path / "run")


def slow_numbers(path, rows="reference_rows"):
  """mAP and Rank-1 of saved vectors."""
  saved = read_embeddings(path)
  queries, gallery = saved.query_rows, getattr(saved, rows)
  distance = oracles.squared_distances(saved.vectors[queries], saved.vectors[gallery])
  columns = (saved.identities, saved.cameras)
  who = [column[part] for column in columns for part in (queries, gallery)]
  wanted = oracles.ranking_metrics(distance, *who, 50)
  return wanted["mean_average_precision"], wanted["cmc"][0]


def numbers_in(folder):
  (found,) = tiny.metrics(folder)
  return found["mAP"]["fraction"], found["Rank-1"]["fraction"]


def test_a_checkpoint_is_evaluated_into_its_workdir(run, tiny_synthetic, capsys):
  calls.run("evaluate", tiny.config(tiny_synthetic), run)
  assert numbers_in(run) == pytest.approx(slow_numbers(run / "embeddings.npz"))
  content = json.loads((run / "results.json").read_text())
  assert (content["run"]["step"], content["results"][0]["label"]) == (3, "step 3")
  assert "reference" in capsys.readouterr().out


@pytest.mark.parametrize(
  "protocol", ["reference", pytest.param("official", marks=pytest.mark.slow)]
)
def test_the_step_that_follows_puts_another_query_on_the_page(
  run, tiny_synthetic, capsys, protocol
):
  """As it is printed. An evaluation other than the run's own has a page of its own."""
  fields = {"report__worst": 0, "report__best": 0, "report__random": 0, "report__write": True}
  config = tiny.config(tiny_synthetic, evaluation__gallery=protocol, **fields)
  evaluate.evaluate(config, run, ["--mode=evaluate", f"--workdir={run}"])
  printed = capsys.readouterr().out.replace("\\\n", " ").split()
  step = printed[printed.index("too:") :]
  given = dict(word.split("=", 1) for word in step[step.index("cosam_jax.main") + 1 :])
  place = pathlib.Path(given["--workdir"])
  assert (place == run, given["--mode"]) == (protocol == "reference", "report")
  assert not list(place.glob("report/rankings/*"))
  config.report.queries = given["--config.report.queries"]
  calls.run("report", config, place)
  assert list(place.glob(f"report/rankings/*{config.report.queries}*"))


def test_a_query_whose_name_a_list_cannot_hold_is_not_the_example(tiny_synthetic, tmp_path):
  def example(*names, **fields):
    run = types.SimpleNamespace(config=tiny.config(tiny_synthetic, **fields), workdir=tmp_path)
    results = [types.SimpleNamespace(query_names=np.array(names))]
    return evaluate._page_again(run, results, tmp_path)

  assert example("a,b", " c", "d e", report__write=True) == {"config.report.queries": "d e"}
  assert example("a,b", "", report__write=True) is None
  assert example("a", report__write=False) is None


def test_saved_vectors_are_ranked_as_a_flag_asks(run, tmp_path):
  alone = tmp_path / "alone"
  alone.mkdir()
  path = shutil.copy(run / "embeddings.npz", alone)
  call = calls.call("evaluate", None, None, embeddings=str(path))
  evaluate.run(call)
  assert numbers_in(alone) == pytest.approx(slow_numbers(path))
  overrides = {**call.overrides, "protocol": "official"}
  evaluate.run(dataclasses.replace(call, overrides=overrides, workdir=tmp_path / "other"))
  found = numbers_in(tmp_path / "other")
  assert found == pytest.approx(slow_numbers(path, "official_rows"))
  assert not np.allclose(found, numbers_in(alone))


def test_without_a_checkpoint_or_weights_nothing_is_written(tiny_synthetic, saved_run, tmp_path):
  place = shutil.copytree(saved_run, tmp_path / "run")
  shutil.rmtree(place / "checkpoints")
  with pytest.raises(InputError, match="nothing to evaluate"):
    calls.run("evaluate", tiny.config(tiny_synthetic), place)
  assert not (place / "results.json").exists()
