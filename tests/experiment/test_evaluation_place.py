"""A run's own results are replaced by nothing else: other evaluations get folders of their own."""

import json
import shutil

import jax
import modes
import numpy as np
import pytest
import saved_run
import tiny

from cosam_jax.data.drawn.synthetic import write_synthetic
from cosam_jax.errors import InputError
from cosam_jax.experiment import evaluation_place
from cosam_jax.experiment.network import network_to_evaluate
from cosam_jax.experiment.run import Run
from cosam_jax.experiment.saved_rankings import evaluate_embeddings, show_sensitivity
from cosam_jax.reports.results import read_results

pytestmark = pytest.mark.usefixtures("hasty_compilation")


@pytest.fixture(scope="module")
def evaluated(tiny_synthetic, tmp_path_factory):
  """The folder of an evaluated run, with page and vectors. Not to be written to."""
  return saved_run.evaluate(tmp_path_factory.mktemp("place") / "run", tiny_synthetic)


@pytest.fixture
def run(evaluated, tmp_path):
  shutil.copytree(evaluated, tmp_path / "run")
  return tmp_path / "run"


@pytest.fixture(scope="module")
def others(tmp_path_factory):
  """Another drawn set of as many people, with the same names of tracklets."""
  directory = tmp_path_factory.mktemp("others") / "set"
  drawing = {name.split(".")[1]: value for name, value in tiny.DRAWING.items()}
  write_synthetic(directory, **{**drawing, "seed": 7, "frames": (4, 6)})
  return directory


def files(workdir):
  """All files of the run, except those in the folder of other evaluations."""
  return {
    path.relative_to(workdir).as_posix(): path.read_bytes()
    for path in workdir.rglob("*")
    if path.is_file() and evaluation_place.EVALUATIONS not in path.relative_to(workdir).parts
  }


def apart(workdir):
  folder = workdir / "evaluations"
  return {path.name: path for path in folder.iterdir()} if folder.is_dir() else {}


def other_config(data_dir, **fields):
  return tiny.config(
    data_dir, synthetic__seed=7, synthetic__frames=(4, 6), **{**saved_run.REPORT, **fields}
  )


@pytest.mark.slow
def test_other_data_protocols_and_weights_leave_the_run_as_it_is(run, tiny_synthetic, others):
  before = files(run)
  modes.evaluate(other_config(others), run)
  modes.evaluate(tiny.config(tiny_synthetic, data__name="mars"), run)
  modes.evaluate(tiny.config(tiny_synthetic, evaluation__gallery="official"), run)
  modes.evaluate(tiny.config(tiny_synthetic, evaluation__distance="cosine"), run)
  # Like the run's own, but without its re-ranked row.
  modes.evaluate(tiny.config(tiny_synthetic), run)
  assert files(run) == before
  found = apart(run)
  assert sorted(name.rpartition("_")[0] for name in found) == [
    "mars_reference_step_3", "synthetic_official_step_3", *["synthetic_reference_step_3"] * 3
  ]  # fmt: skip
  pages = [path for path in found.values() if (path / "report" / "index.html").is_file()]
  assert len(pages) == 1
  assert (pages[0] / "masks" / "overview.png").is_file()
  # A repeated evaluation replaces its own folder.
  modes.evaluate(tiny.config(tiny_synthetic, evaluation__distance="cosine"), run)
  assert set(apart(run)) == set(found)
  assert files(run) == before
  # Its page can be made again, from the folder and the configuration of its results.
  shutil.rmtree(pages[0] / "report")
  modes.report(other_config(others), pages[0])
  assert (pages[0] / "report" / "index.html").is_file()


def test_the_runs_own_evaluation_replaces_itself(run, tiny_synthetic):
  first = read_results(run / "results.json")["results"]
  (run / "results.json").write_text(
    (run / "results.json").read_text().replace('"label": "step 3"', '"label": "after training"')
  )
  modes.evaluate(saved_run.report_config(tiny_synthetic), run)
  assert read_results(run / "results.json")["results"] == first
  assert not apart(run)


def test_saved_vectors_ranked_otherwise_leave_the_run_as_it_is(run, tmp_path):
  before = files(run)
  path = run / "embeddings.npz"
  official = {"evaluation.gallery": "official"}
  evaluate_embeddings(path, None, None, official)
  evaluate_embeddings(path, None, run, official)
  assert files(run) == before
  (place,) = apart(run).values()
  assert place.name.startswith("synthetic_official_step_3_")
  # Beside vectors without a run, the first evaluation has the place and others get folders.
  alone = tmp_path / "alone"
  alone.mkdir()
  shutil.copy(path, alone)
  evaluate_embeddings(alone / "embeddings.npz", None, None)
  kept = (alone / "results.json").read_bytes()
  evaluate_embeddings(alone / "embeddings.npz", None, None, official)
  assert (alone / "results.json").read_bytes() == kept
  evaluate_embeddings(alone / "embeddings.npz", None, None)
  assert len(apart(alone)) == 1
  show_sensitivity(alone / "embeddings.npz", None, None)
  assert (alone / "sensitivity.json").is_file()


def test_vectors_and_masks_of_other_data_go_beside(run, tiny_synthetic, others):
  before = files(run)
  modes.embed(other_config(others), run)
  modes.masks(other_config(others), run)
  assert files(run) == before
  (place,) = apart(run).values()
  assert (place / "embeddings.npz").is_file()
  assert (place / "masks" / "overview.png").is_file()


def test_a_page_mixes_nothing(run, tiny_synthetic, others, tmp_path):
  before = files(run)
  for config, words in (
    (tiny.config(tiny_synthetic, data__name="mars"), "of dataset synthetic, .* says mars"),
    (tiny.config(tiny_synthetic, evaluation__gallery="official"), "says official"),
    (tiny.config(tiny_synthetic, evaluation__frames=2), "says reference_2f"),
  ):
    with pytest.raises(InputError, match=words):
      modes.report(config, run)
  fewer = tmp_path / "fewer"
  drawing = {name.split(".")[1]: value for name, value in tiny.DRAWING.items()}
  write_synthetic(fewer, **{**drawing, "identities_test": 3})
  with pytest.raises(InputError, match="is of other queries than"):
    modes.report(tiny.config(fewer, synthetic__identities_test=3), run)
  assert files(run) == before
  # Masks that were drawn of other weights are not shown.
  record = json.loads((run / "masks" / "masks_files.json").read_text())
  record["source"]["checkpoint_hash"] = "0" * 16
  (run / "masks" / "masks_files.json").write_text(json.dumps(record))
  modes.report(saved_run.report_config(tiny_synthetic), run)
  assert not (run / "report" / "masks").exists()


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


def test_given_weights_have_a_workdir_of_their_own_or_a_folder(evaluated, tiny_synthetic, tmp_path):
  network = Run(tiny.config(tiny_synthetic), tmp_path)
  variables = network_to_evaluate(Run(saved_run.report_config(tiny_synthetic), evaluated)).variables
  work = tmp_path / "work"
  network.workdir = work
  evaluation_place.settle(network, "a.npz", variables)
  assert network.workdir == work  # The first.
  work.mkdir()
  shutil.copy(evaluated / "results.json", work)
  changed = jax.tree.map(lambda leaf: np.asarray(leaf) * 1.5, variables)
  evaluation_place.settle(network, "a.npz", changed)
  assert network.workdir.parent == work / "evaluations"
  assert network.workdir.name.startswith("synthetic_reference_a.npz_")
