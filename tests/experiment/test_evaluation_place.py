"""A run's own results are replaced by nothing else: other evaluations get folders of their own."""

import hashlib
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
from cosam_jax.evaluation.embeddings import read_embeddings
from cosam_jax.experiment import evaluation_names, evaluation_place, evaluation_sources
from cosam_jax.experiment.field_kinds import MEASURING
from cosam_jax.experiment.fields import SCHEMA
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


def test_a_folder_keeps_the_name_that_it_had_before_mirror_images():
  card = {"dataset": "mars", "split": None, "protocol": "official", "distance": "cosine",
          "num_frames": 4, "checkpoint": "step 3", "checkpoint_hash": "ab"}  # fmt: skip
  records = [{"card": card}]
  named = evaluation_names.name_of(evaluation_names.subject_of(records, {}))
  for flip, same in ((False, True), (True, False)):
    others = [{"card": card | {"flip": flip}}]
    again = evaluation_names.name_of(evaluation_names.subject_of(others, {}))
    assert (again == named) == same
  facts = {"dataset": "mars", "split": None, "protocol": "official", "distance": "cosine",
           "num_frames": 4, "weights": "step 3", "hash": "ab", "others": [None, None],
           "test set": [None, None, None, None]}  # fmt: skip
  digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:8]
  assert named == f"mars_official_step_3_{digest}"


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


def test_a_page_is_not_made_of_another_test_sets_pictures(run, tiny_synthetic, tmp_path):
  other = shutil.copytree(tiny_synthetic, tmp_path / "other")
  for path in (other / "bbox_test").rglob("*.jpg"):
    path.write_bytes(path.read_bytes() + b" ")
  with pytest.raises(InputError, match="is of another test set than"):
    modes.report(saved_run.report_config(other), run)


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
