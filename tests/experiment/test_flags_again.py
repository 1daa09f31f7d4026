"""A workdir without a run says which flags made its files."""

import dataclasses
import shlex

import pytest
from command_lines import parsed
from evaluation_embeddings import made
from results_record import RECORD

from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import write_embeddings
from cosam_jax.experiment import config as rules
from cosam_jax.experiment import configurations
from cosam_jax.experiment.flags_again import flags_again, flags_of
from cosam_jax.experiment.network import network_asked_for
from cosam_jax.reports.results import write_results


def saved(name, **changes):
  """The flat configuration that files of one of our configurations state."""
  config = configurations.read(configurations.folder() / f"{name}.py")
  config.update_from_flattened_dict(changes)
  return rules.plain(rules.resolve(config))


def flat_of(arguments):
  """The flat configuration that the program makes of flags."""
  return rules.plain(rules.resolve(parsed(*arguments)[0]))


CHANGES = {
  "init.weights": "a file.pth",
  "data.dir": "somewhere",
  "clips.image_size": (64, 32),
  "model.cosam_stages": (5,),
  "model.score_relu": False,
  "optim.weight_decay": 1e-7,
  "train.epochs": 3,
}


@pytest.mark.parametrize("name", configurations.names())
def test_the_flags_make_the_same_configuration(name):
  assert flags_of(saved(name)) == [f"--config={name}"]
  wanted = saved(name, **CHANGES)
  found = flags_of(wanted)
  assert len(found) <= 1 + len(CHANGES)
  assert flat_of(found) == wanted


def test_a_preset_is_given_with_its_values():
  wanted = saved("mars", preset="poster")
  assert "--config.preset=poster" in flags_of(wanted)
  assert flat_of(flags_of(wanted)) == wanted


def embeddings(path, label="w.pth", **changes):
  """Writes vectors of a configuration."""
  one = made()
  flat = saved("mars", **{"init.weights": "my w.pth", **changes})
  origin = dataclasses.replace(one.origin, config=flat, checkpoint=label)
  write_embeddings(path, dataclasses.replace(one, origin=origin))


def flags_in(sentence):
  return shlex.split(sentence.partition("give them again: ")[2])


@pytest.mark.parametrize("place", ["embeddings.npz", "own/gate/embeddings.npz"])
def test_saved_vectors_say_it(tmp_path, place):
  embeddings(tmp_path / place, **{"evaluation.distance": "cosine"})
  sentence = flags_again(tmp_path)
  assert f"{tmp_path} is not a run" in sentence
  assert f"{place} there was made with flags" in sentence
  assert flags_in(sentence) == [
    "--config=mars", "--config.init.weights=my w.pth", "--config.evaluation.distance=cosine"
  ]  # fmt: skip


def test_so_do_results(tmp_path):
  about = {"step": 0, "config": saved("mars", **{"init.weights": "w.pth"})}
  write_results(tmp_path / "evaluations" / "x" / "results.json", [RECORD], about)
  assert flags_in(flags_again(tmp_path)) == ["--config=mars", "--config.init.weights=w.pth"]


def test_with_a_file_of_ones_own_the_weights_are_named(tmp_path):
  """Its fields need no list: whoever wrote the file has it."""
  fields = {name: 7 for name in rules.SCHEMA if name.startswith("train.") and name.endswith("s")}
  more = {f"loss.{name}": 0.5 for name in ("label_smoothing", "triplet_margin", "triplet_weight")}
  optim = {"optim.learning_rate": 0.5, "optim.weight_decay": 0.5, "optim.clip_norm": 0.5}
  embeddings(tmp_path / "embeddings.npz", **fields, **more, **optim)
  wanted = "--config with its fields, and '--config.init.weights=my w.pth'"
  assert flags_again(tmp_path).endswith(wanted)


def test_nothing_is_said_if_nothing_is_known(tmp_path, saved_run):
  assert flags_again(tmp_path / "nowhere") == flags_again(tmp_path) == ""
  (tmp_path / "embeddings.npz").write_bytes(b"damaged")
  (tmp_path / "results.json").write_text("{")
  assert flags_again(tmp_path) == ""
  # A copy of a run's vectors: its weights are not those of the flags.
  for label in ("step 240", "best step 3", "step 5, averaged"):
    embeddings(tmp_path / "embeddings.npz", label)
    assert flags_again(tmp_path) == ""
  # Those of --weights have the configuration of somebody's training.
  for label in ("hf:org/name@0a1b", "model.safetensors"):
    embeddings(tmp_path / "embeddings.npz", label)
    assert flags_again(tmp_path) == ""
  for label in ("hf:org/name@0a1b", "model.safetensors"):
    place = label.partition("@")[0] if label.startswith("hf:") else f"runs/{label}"
    embeddings(tmp_path / "embeddings.npz", label, **{"init.weights": place})
    assert f"--config.init.weights={place}" in flags_again(tmp_path)
  (tmp_path / "embeddings.npz").unlink()
  assert flags_again(saved_run) == ""


def test_a_command_without_the_flags_says_them(tmp_path):
  embeddings(tmp_path / "own" / "gate" / "embeddings.npz")
  with pytest.raises(InputError, match=r"give them again: --config=mars '--config\.init\.weights"):
    network_asked_for(None, tmp_path)
