"""Results of something else in a run's place are moved into folders of their own, not replaced."""

import json
import shutil

import modes
import pytest
import saved_run
import tiny
from evaluation_folders import apart, files, other_config

from cosam_jax.errors import InputError
from cosam_jax.experiment import evaluation_place
from cosam_jax.experiment.run import Run
from cosam_jax.experiment.saved_rankings import evaluate_embeddings, show_sensitivity
from cosam_jax.reports.results import read_results

pytestmark = pytest.mark.usefixtures("hasty_compilation")


@pytest.mark.slow
def test_results_of_something_else_in_the_runs_place_are_moved(run, tiny_synthetic):
  """An earlier version replaced a run's own results by those of other evaluations."""
  content = json.loads((run / "results.json").read_text())
  for record in content["results"]:
    record["card"]["protocol"] = "official"
  (run / "results.json").write_text(json.dumps(content))
  modes.evaluate(saved_run.report_config(tiny_synthetic), run)
  assert read_results(run / "results.json")["results"][0]["card"]["protocol"] == "reference"
  (place,) = apart(run).values()
  assert read_results(place / "results.json")["results"] == content["results"]


@pytest.mark.slow
def test_what_another_test_set_left_in_the_runs_place_is_moved_whole(run, others, tiny_synthetic):
  """Results, masks and page of an earlier version, which took any set of the name for the run's."""
  shutil.rmtree(run)
  digest = Run(tiny.config(tiny_synthetic), run).test_set
  saved_run.write(run, others, synthetic__seed=7, synthetic__frames=(4, 6))
  modes.evaluate(other_config(others), run)
  shutil.rmtree(run / "checkpoints")
  (run / "report" / "rankings" / "mine.png").write_text("mine")
  before = files(run)
  saved_run.write(run, tiny_synthetic, test_set=digest)
  # Of a test set with as many queries of the same names.
  evaluation_place.set_aside(
    run, evaluation_place.own_subject(Run(tiny.config(tiny_synthetic), run))
  )
  (place,) = apart(run).values()
  kept = {name for name in before if name.partition("/")[0] in ("masks", "report", "rankings.npz")}
  assert {"masks/masks_files.json", "report/index.html", "rankings.npz"} <= kept
  assert {name: files(place)[name] for name in kept} == {name: before[name] for name in kept}
  assert (place / "results.json").read_bytes() == before["results.json"]
  assert not kept & set(files(run))


@pytest.mark.slow
def test_a_training_that_begins_anew_moves_the_earlier_results(run):
  shutil.rmtree(run / "checkpoints")
  before = files(run)
  evaluation_place.set_aside_other_training(run)
  ((name, place),) = apart(run).items()
  assert name.startswith("synthetic_reference_step_3_")
  moved = {path for path in before if path.partition("/")[0] in ("masks", "report")}
  for path in ("results.json", "rankings.npz", *moved):
    assert (place / path).read_bytes() == before[path]
    assert not (run / path).exists()


@pytest.mark.slow
def test_training_calls_for_that(run, tiny_synthetic):
  shutil.rmtree(run / "checkpoints")
  before = (run / "results.json").read_bytes()
  modes.train(tiny.config(tiny_synthetic, train__epochs=1, **saved_run.REPORT), run)
  (place,) = apart(run).values()
  assert (place / "results.json").read_bytes() == before
  assert (run / "results.json").is_file()


def test_results_of_a_files_weights_are_not_those_of_a_run(run, tiny_synthetic):
  """Evaluated in a workdir before its training had a checkpoint."""
  content = json.loads((run / "results.json").read_text())
  for record in content["results"]:
    record["card"]["checkpoint"] = "imagenet.npz"
  (run / "results.json").write_text(json.dumps(content))
  subject = evaluation_place.own_subject(Run(saved_run.report_config(tiny_synthetic), run))
  evaluation_place.set_aside(run, subject)
  ((name, place),) = apart(run).items()
  assert name.startswith("synthetic_reference_imagenet.npz_")
  assert json.loads((place / "results.json").read_text()) == content


def test_somebodys_results_stay(run, tiny_synthetic, tmp_path):
  """Refused where there is no run yet; a run's workdir gives them another name."""
  config = saved_run.report_config(tiny_synthetic)
  (run / "results.json").write_text('{"mine": 1}')
  for number in ("", "1"):
    evaluation_place.set_aside_unreadable(run)
    assert (run / f"results_unreadable{number}.json").read_text() == '{"mine": 1}'
    assert not (run / "results.json").exists()
    (run / "results.json").write_text('{"mine": 1}')
  (tmp_path / "new").mkdir()
  for name in ("results.json", "before_training.json", "config.json"):
    path = tmp_path / "new" / name
    path.write_text('{"mine": 1}')
    with pytest.raises(InputError, match=f"{name} would be replaced, and this program did not"):
      modes.train(config, tmp_path / "new")
    path.unlink()
  alone = tmp_path / "alone"
  alone.mkdir()
  shutil.copy(run / "embeddings.npz", alone)
  for name, show in (
    ("results.json", lambda path: evaluate_embeddings(path, None, None)),
    ("sensitivity.json", lambda path: show_sensitivity(path, None, None)),
  ):
    (alone / name).write_text("mine")
    with pytest.raises(InputError, match=f"{name} would be replaced"):
      show(alone / "embeddings.npz")
    assert (alone / name).read_text() == "mine"
