"""A run's own results are replaced by nothing else: other evaluations get folders of their own."""

import json
import shutil

import jax
import modes
import numpy as np
import pytest
import saved_run
import tiny
from evaluation_folders import apart, files, other_config

from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import read_embeddings
from cosam_jax.experiment import evaluation_place, evaluation_sources
from cosam_jax.experiment.field_kinds import MEASURING
from cosam_jax.experiment.fields import SCHEMA
from cosam_jax.experiment.network import network_to_evaluate
from cosam_jax.experiment.run import Run
from cosam_jax.reports.results import read_results

pytestmark = pytest.mark.usefixtures("hasty_compilation")


def test_every_field_that_alters_an_evaluation_is_compared(run, tiny_synthetic):
  """Among them those of training that matter later, such as the precision."""
  compared = set(evaluation_place._FIELDS)
  rows = {
    name for name in SCHEMA if name.startswith(("evaluation.rerank", "evaluation.attributes"))
  }
  for name, field in SCHEMA.items():
    if field.role == MEASURING and name not in {*rows, "evaluation.resample"}:
      assert name in compared, name
  assert {"model.dtype", "data.on_unreadable", "data.split", "clips.num_frames"} <= compared
  asked = Run(saved_run.report_config(tiny_synthetic), run)
  other = Run(saved_run.report_config(tiny_synthetic), run)
  other.config.model.dtype = "bfloat16"
  other.flat["model.dtype"] = "bfloat16"
  network = network_to_evaluate(asked)
  for each, own in ((asked, True), (other, False)):
    evaluation_place.settle(each, network.label, network.variables, ranking=True)
    assert (each.workdir == run) is own


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


@pytest.mark.slow
def test_mirror_images_make_another_evaluation(run, tiny_synthetic):
  before = files(run)
  (plain, *_) = modes.evaluate(tiny.config(tiny_synthetic, evaluation__flip=True), run)
  modes.embed(tiny.config(tiny_synthetic, evaluation__flip=True), run)
  assert files(run) == before
  (place,) = apart(run).values()
  assert plain.card.flip
  found, own = (read_embeddings(folder / "embeddings.npz") for folder in (place, run))
  assert (found.origin.flip, own.origin.flip) == (True, False)
  assert np.abs(found.vectors - own.vectors).max() > 1e-4
  with pytest.raises(InputError, match="is of flip False, and the configuration says True"):
    modes.report(tiny.config(tiny_synthetic, evaluation__flip=True), run)


def test_frames_resized_otherwise_make_another_evaluation(tiny_synthetic, tmp_path):
  weights = {"params": {"kernel": np.ones(3, np.float32)}}
  subjects, sources = [], []
  for method in ("bilinear", "bicubic"):
    one = Run(tiny.config(tiny_synthetic, clips__resize=method), tmp_path)
    subjects.append(evaluation_place._subject(one, "a.npz", weights))
    sources.append(evaluation_sources.source_of(one, weights)["fields"])
  # Folders of earlier evaluations, which are all bilinear, keep their names.
  assert {**subjects[0], "resize": "bicubic"} == subjects[1]
  assert [fields["clips.resize"] for fields in sources] == ["bilinear", "bicubic"]


def test_the_runs_own_evaluation_replaces_itself(run, tiny_synthetic):
  first = read_results(run / "results.json")["results"]
  (run / "results.json").write_text(
    (run / "results.json").read_text().replace('"label": "step 3"', '"label": "after training"')
  )
  modes.evaluate(saved_run.report_config(tiny_synthetic), run)
  assert read_results(run / "results.json")["results"] == first
  assert not apart(run)


def test_vectors_and_masks_of_other_data_go_beside(run, tiny_synthetic, others):
  before = files(run)
  modes.embed(other_config(others), run)
  modes.masks(other_config(others), run)
  assert files(run) == before
  (place,) = apart(run).values()
  assert (place / "embeddings.npz").is_file()
  assert (place / "masks" / "overview.png").is_file()


@pytest.mark.parametrize("with_digest", [True, False])
def test_another_test_set_of_the_same_name_is_not_the_runs_own(
  tiny_synthetic, others, tmp_path, with_digest
):
  """A stopped run has no results yet; an evaluation of other data must not take their place."""
  copied = shutil.copytree(tiny_synthetic, tmp_path / "copied")
  own = Run(tiny.config(tiny_synthetic, data__name="mars"), tmp_path / "run")
  digest = own.test_set if with_digest else None
  saved_run.write(own.workdir, tiny_synthetic, test_set=digest, data__name="mars")
  variables = network_to_evaluate(own).variables
  for place, is_own in ((tiny_synthetic, True), (copied, with_digest), (others, False)):
    run = Run(tiny.config(place, data__name="mars"), tmp_path / "run")
    evaluation_place.settle(run, "step 3", variables)
    assert (run.workdir == tmp_path / "run") == is_own, place
    assert is_own or run.workdir.parent == tmp_path / "run" / "evaluations"


@pytest.mark.slow
def test_a_training_that_goes_on_leaves_another_test_sets_evaluation(
  tiny_synthetic, others, tmp_path
):
  workdir, own = tmp_path / "run", {"data__name": "mars", "train__epochs": 1}
  modes.train(tiny.config(tiny_synthetic, **own), workdir)
  for name in ("results.json", "masks"):  # As if it had been stopped after its checkpoint.
    path = workdir / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
  modes.evaluate(tiny.config(others, data__name="mars"), workdir)
  assert not (workdir / "results.json").exists()
  ((_, place),) = apart(workdir).items()
  before = files(place)
  assert {"results.json", "masks/masks.npz"} <= set(before)
  modes.train(tiny.config(tiny_synthetic, **own | {"train__epochs": 2}), workdir)
  assert files(place) == before
  found = read_results(workdir / "results.json")
  assert found["run"]["test_set"] == Run(tiny.config(tiny_synthetic, **own), workdir).test_set
  assert found["results"][0]["card"]["checkpoint"] == "step 6"


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
  # Vectors, masks and numbers of attention keep their place likewise, each for itself.
  for name in ("embeddings.npz", "masks", "attention.json"):
    place = tmp_path / f"only_{name}"
    place.mkdir()
    if name == "attention.json":
      source = evaluation_sources.source_of(network, variables)
      (place / name).write_text(json.dumps({"source": source}))
    elif name == "masks":
      shutil.copytree(evaluated / name, place / name)
    else:
      shutil.copy(evaluated / name, place / name)
    for weights, apart_from_it in ((variables, False), (changed, True)):
      network.workdir = place
      evaluation_place.settle(network, "a.npz", weights)
      assert (network.workdir != place) == apart_from_it, name
