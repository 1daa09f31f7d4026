"""Whole runs on a drawn set: the files they leave, and the choices of evaluation."""

import json
import re
import shutil

import modes
import pytest
import tiny
from run_files import losses, results
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cosam_jax.data import load_dataset
from cosam_jax.errors import InputError
from cosam_jax.evaluation.fingerprints import weights_hash
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment.network import load_network
from cosam_jax.experiment.run import Run
from cosam_jax.experiment.saved_rankings import evaluate_embeddings, ranked_content
from cosam_jax.models.resample import resample_variables
from cosam_jax.training.same_run import check_same

pytestmark = pytest.mark.usefixtures("hasty_compilation")


ASKED = {"evaluation__before_training": True, "report__tensorboard": True}


@pytest.fixture(scope="module")
def trained(tiny_synthetic, tmp_path_factory, hasty_compilation):
  """A workdir with a finished run of four epochs, evaluated before and after."""
  del hasty_compilation
  workdir = tmp_path_factory.mktemp("trained")
  modes.train(tiny.config(tiny_synthetic, **ASKED), workdir)
  return workdir


def other_results(workdir):
  """The results of the one evaluation that is not the run's own."""
  (place,) = (workdir / "evaluations").iterdir()
  return results(place)


def copy_of(workdir, tmp_path):
  shutil.copytree(workdir, tmp_path / "copy")
  return tmp_path / "copy"


def test_training_leaves_everything_behind(trained):
  names = {entry.name for entry in trained.iterdir()}
  assert names >= {
    "before_training.json", "checkpoints", "config.json", "results.json", "scalars.jsonl"
  }  # fmt: skip
  assert not [name for name in names if name.startswith(".") or name.endswith(".partial")]
  assert [step for step, _ in losses(trained)] == list(range(1, 13))
  assert {entry.name for entry in (trained / "checkpoints").iterdir()} == {"9", "12"}
  config = json.loads((trained / "config.json").read_text())
  assert config["model.width"] == 0.125
  assert config["model.channel_gate"] == "residual"  # The preset's, written out.
  content = results(trained)
  assert content["run"]["step"] == 12
  assert content["run"]["config"] == config
  assert content["run"]["training_identities"] == 6
  (result,) = content["results"]
  assert result["label"] == "after training"
  assert result["card"]["gallery_size"] == 9  # 4 people x 2 cameras, and a distractor.
  assert result["card"]["valid_queries"] == 8
  before = json.loads((trained / "before_training.json").read_text())["results"][0]
  assert before["metrics"] != result["metrics"]


def test_event_files_hold_what_the_log_and_the_results_hold(trained):
  read = EventAccumulator(str(trained / "tensorboard")).Reload()

  def points(tag):
    return [(event.step, event.value) for event in read.Scalars(tag)]

  assert points("loss/total") == [(step, pytest.approx(loss)) for step, loss in losses(trained)]
  metrics = results(trained)["results"][0]["metrics"]
  for name in ("mAP", "Rank-1"):
    wanted = [(12, pytest.approx(metrics[name]["fraction"]))]
    assert points(f"test after training/{name}") == wanted


def test_a_finished_run_repeated_trains_nothing_and_gives_the_same(
  trained, tiny_synthetic, tmp_path, capsys
):
  workdir = copy_of(trained, tmp_path)
  modes.train(tiny.config(tiny_synthetic, **ASKED), workdir)
  out = capsys.readouterr().out
  assert "continuing from step 12 of 12" in out
  assert not re.search(r"^step \d+/", out, re.MULTILINE)
  assert results(workdir) == results(trained)
  assert (workdir / "scalars.jsonl").read_text() == (trained / "scalars.jsonl").read_text()


@pytest.mark.slow
def test_more_epochs_go_on_where_fewer_ended(trained, tiny_synthetic, tmp_path):
  """Four epochs and then one more equal five at once."""
  more = copy_of(trained, tmp_path)
  config = tiny.config(tiny_synthetic, train__epochs=5)
  modes.train(config, more)
  modes.train(config, tmp_path / "at_once")
  assert len(losses(more)) == 15
  assert losses(more) == losses(tmp_path / "at_once")
  assert tiny.metrics(more) == tiny.metrics(tmp_path / "at_once")


def test_another_configuration_in_the_same_workdir_is_refused(trained, tiny_synthetic):
  config = tiny.config(tiny_synthetic, optim__learning_rate=0.5, loss__triplet_margin=0.1)
  with pytest.raises(InputError) as raised:
    modes.train(config, trained)
  assert "optim.learning_rate was 0.001 and is now 0.5" in str(raised.value)
  assert "loss.triplet_margin was 0.3 and is now 0.1" in str(raised.value)


def test_evaluating_the_checkpoint_gives_the_same_numbers(trained, tiny_synthetic, tmp_path):
  workdir = copy_of(trained, tmp_path)
  modes.evaluate(tiny.config(tiny_synthetic), workdir)
  assert tiny.metrics(workdir) == tiny.metrics(trained)
  assert results(workdir)["results"][0]["label"] == "step 12"
  assert {entry.name for entry in (workdir / "checkpoints").iterdir()} == {"9", "12"}


def test_embeddings_are_ranked_as_the_run_itself_ranks(
  trained, tiny_synthetic, tmp_path, monkeypatch
):
  workdir = copy_of(trained, tmp_path)
  config = tiny.config(tiny_synthetic, evaluation__rerank=True, evaluation__rerank_k1=4)
  config.evaluation.rerank_k2 = 2
  embeddings = modes.embed(config, workdir)
  assert len(embeddings.vectors) == 17  # Queries and gallery, each once.
  assert embeddings.origin.config == Run(config, workdir).flat
  modes.evaluate(config, workdir)
  wanted = results(workdir)["results"]
  assert wanted[0]["card"]["checkpoint_hash"] == embeddings.origin.checkpoint_hash

  monkeypatch.setattr(Run, "__init__", None)  # From here on, neither network nor frames.
  path = workdir / "embeddings.npz"
  evaluate_embeddings(path, None, None)
  assert results(workdir)["results"] == wanted
  assert json.loads(json.dumps(ranked_content(path)["results"])) == wanted
  official = tiny.config(tiny_synthetic, evaluation__gallery="official")
  evaluate_embeddings(path, official, tmp_path / "official")
  (result,) = results(tmp_path / "official")["results"]
  assert result["card"]["gallery_size"] == 17
  with pytest.raises(InputError, match=r"made with config\.model\.width 0\.125.*embed again"):
    evaluate_embeddings(path, tiny.config(tiny_synthetic, model__width=0.25), None)


def test_attributes_are_evaluated_beside_everybody(trained, tiny_synthetic, tmp_path):
  """The drawn set is read as MARS, since it has that layout; its annotations give all a hat."""
  workdir = copy_of(trained, tmp_path)
  mars = tiny.config(tiny_synthetic, data__name="mars")
  tables = load_dataset("mars", tiny_synthetic)
  names = sorted({*tables.query.names.tolist(), *tables.gallery.names.tolist()})
  lines = [f"{int(n[:4])},{n[5]},{int(n[7:])},1,0" for n in names if n[:4].strip("0-")]
  file = tmp_path / "hats.csv"
  file.write_text("\n".join(["person-id,camera,tracklet,hat,backpack", *lines]))
  mars.evaluation.attributes_file, mars.evaluation.attributes = str(file), "hat"
  found = modes.evaluate(mars, workdir)
  everybody, whole, subset = other_results(workdir)["results"]
  assert whole["metrics"] == everybody["metrics"]  # Every annotated person has a hat.
  assert subset["card"]["gallery_size"] < whole["card"]["gallery_size"]  # Without distractors.
  assert whole["card"]["unannotated"] == {"query identities": 0, "gallery identities": 0}
  assert [result.label for result in found] == ["step 12"] * 3
  mars.evaluation.attributes = "boots"
  with pytest.raises(InputError, match=r"attribute 'boots' is not in .*: it has backpack, hat"):
    modes.train(mars, tmp_path / "new")
  assert not (tmp_path / "new").exists()  # Before any work.


def test_evaluation_may_change_all_but_the_architecture(trained, tiny_synthetic, tmp_path):
  workdir = copy_of(trained, tmp_path)
  changed = {"optim__weight_decay_form": "decoupled", "optim__clip_norm": 1.0, "seed": 5}
  modes.evaluate(tiny.config(tiny_synthetic, **changed), workdir)
  assert tiny.metrics(workdir) == tiny.metrics(trained)
  with pytest.raises(InputError, match=r"model\.temporal was 'tp' and is now 'rnn'"):
    modes.evaluate(tiny.config(tiny_synthetic, model__temporal="rnn"), workdir)


def test_masks_start_once(trained, tiny_synthetic, tmp_path):
  """A continued run cannot change the start of its masks; runs older than the field had 0.5."""
  workdir = copy_of(trained, tmp_path)
  with pytest.raises(InputError, match=r"init\.mask_start was 0\.5 and is now 0\.9"):
    modes.train(tiny.config(tiny_synthetic, init__mask_start=0.9), workdir)
  asked = config_rules.plain(tiny.config(tiny_synthetic))
  saved = {name: value for name, value in asked.items() if name != "init.mask_start"}
  check_same(config_rules.complete(saved), asked, config_rules.FREE_ON_RESUME, "here")


@pytest.mark.slow
def test_weights_are_brought_to_other_clips_if_asked(trained, tiny_synthetic, tmp_path):
  workdir = copy_of(trained, tmp_path)
  sizes = {"clips__num_frames": 3, "clips__image_size": (96, 48)}
  config = tiny.config(tiny_synthetic, evaluation__resample=True, **sizes)
  modes.evaluate(config, workdir)
  result = other_results(workdir)["results"][0]
  assert result["label"].endswith("resampled from 2 frames of 64x32")
  network, model = load_network(trained), Run(config, tmp_path).model
  weights = resample_variables(network.variables, network.model, model)
  assert result["card"]["checkpoint_hash"] == weights_hash(weights)
  assert result["card"]["num_frames"] == 3


def test_galleries_frames_and_reranking(trained, tiny_synthetic, tmp_path):
  workdir = copy_of(trained, tmp_path)
  options = {
    "evaluation__gallery": "official",
    "evaluation__rerank": True,
    "evaluation__rerank_k1": 4,
    "evaluation__rerank_k2": 2,
    "evaluation__frames": 2,
  }
  modes.evaluate(tiny.config(tiny_synthetic, **options), workdir)
  plain, again = other_results(workdir)["results"]
  assert results(workdir) == results(trained)
  assert plain["card"]["gallery_size"] == 17  # The eight queries are in it.
  assert plain["card"]["queries_in_gallery"] == 8
  assert plain["card"]["frames_used"] == 2 * 17
  assert plain["card"]["reranking"] is None
  assert again["card"]["reranking"]["k1"] == 4
  assert plain["metrics"] != again["metrics"]
