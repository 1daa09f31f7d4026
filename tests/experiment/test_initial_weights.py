"""Initial weights that lack parts of the backbone: refused, or drawn with a list of them."""

import json

import hub_server
import jax
import modes
import numpy as np
import pytest
import safetensors.numpy
import tiny

from cosam_jax.errors import InputError
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment.network import network_of
from cosam_jax.experiment.parts import build_model, initial_weights
from cosam_jax.models import to_torch
from cosam_jax.training import state

pytestmark = pytest.mark.usefixtures("hasty_compilation")


@pytest.fixture(scope="module")
def asked(tiny_synthetic):
  config = tiny.config(tiny_synthetic)
  config_rules.check(config)
  return config_rules.resolve(config)


@pytest.fixture(scope="module")
def pruned(asked, tmp_path_factory):
  """(a backbone without stage 5 but for one kernel, the variables that it comes from)."""
  model = build_model(asked, 6)
  variables = state.init_variables(model, 99)
  every = to_torch(variables, model, layout="torchvision")
  path = tmp_path_factory.mktemp("pruned") / "to_stage4.npz"
  kept = ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4.0.conv1")
  np.savez(path, **{name: value for name, value in every.items() if name.startswith(kept)})
  return path, variables


def with_weights(asked, path, **fields):
  config = asked.copy_and_resolve_references()
  config.init.weights = str(path)
  for name, value in fields.items():
    config.init[name] = value
  return config, build_model(config, 6)


def test_missing_parts_are_refused_unless_they_are_to_be_drawn(asked, pruned, capsys):
  path, variables = pruned
  with pytest.raises(
    InputError, match=r"layer4\..* are missing.*\(of a backbone: init.missing=draw\)"
  ):
    initial_weights(*with_weights(asked, path))
  config, model = with_weights(asked, path, missing="draw")
  initial = initial_weights(config, model)
  (part,) = initial.drawn_parts
  assert part.startswith("layer4 (")
  assert part.endswith(" tensors)")
  assert f"drawn, since the weights lack them: {part}" in capsys.readouterr().out
  drawn = state.init_variables(model, config.seed)["params"]
  found, given = initial.variables["params"], variables["params"]
  for name in ("stem", "stage2", "stage3", "stage4"):
    jax.tree.map(np.testing.assert_array_equal, found[name], given[name])
  first, rest = found["stage5"]["block0"], found["stage5"]["block1"]
  np.testing.assert_array_equal(
    first["conv1"]["kernel"], given["stage5"]["block0"]["conv1"]["kernel"]
  )
  np.testing.assert_array_equal(
    first["conv2"]["kernel"], drawn["stage5"]["block0"]["conv2"]["kernel"]
  )
  jax.tree.map(np.testing.assert_array_equal, rest, drawn["stage5"]["block1"])


def test_weights_of_which_nothing_fits_are_refused(asked, tmp_path):
  np.savez(tmp_path / "narrow.npz", **{"conv1.weight": np.zeros((8, 3, 7, 7), np.float32)})
  config, model = with_weights(asked, tmp_path / "narrow.npz", missing="draw")
  with pytest.raises(InputError, match=r"narrow\.npz has nothing of backbone resnet18 at this"):
    initial_weights(config, model)


def test_only_the_backbone_of_a_whole_network_may_be_drawn(asked, tmp_path):
  """COSAM's weights of another size belong to another network."""
  config, model = with_weights(asked, tmp_path / "whole.npz", missing="draw")
  larger = model.clone(image_size=(96, 48))
  np.savez(tmp_path / "whole.npz", **to_torch(state.init_variables(larger, 1), larger))
  with pytest.raises(InputError, match="COSAM's weights after stage 5 belong to"):
    initial_weights(config, model)


def test_weights_by_name_are_noted_with_their_commit(asked, pruned, tmp_path, monkeypatch, capsys):
  model, (_, variables) = build_model(asked, 6), pruned
  content = {"model.safetensors": safetensors.numpy.save(to_torch(variables, model))}
  config, _ = with_weights(asked, "hf:org/name")
  with hub_server.running(tmp_path, monkeypatch) as hub:
    commit = hub.add("org/name", hub_server.published(content))
    initial = initial_weights(config, model)
    network = network_of(config, {}, tmp_path)
  label = f"hf:org/name@{commit}"
  assert initial.record == {"initial_weights": label}
  assert f"initial weights: {label}\n" in capsys.readouterr().out
  assert network.label == initial.label == label
  jax.tree.map(np.testing.assert_array_equal, initial.variables["params"], variables["params"])


def test_a_malformed_name_is_refused_before_any_work(asked):
  config, _ = with_weights(asked, "hf:org")
  with pytest.raises(InputError, match=r"config\.init\.weights: 'hf:org' names no network"):
    config_rules.check(config)


@pytest.mark.slow
def test_results_list_what_was_drawn_also_after_a_resume(tiny_synthetic, pruned, tmp_path):
  path, _ = pruned
  fields = {"init__weights": str(path), "init__missing": "draw", "evaluation__frames": 2}
  for epochs in (1, 2):
    config = tiny.config(tiny_synthetic, train__epochs=epochs, **fields)
    modes.train(config, tmp_path / "run")
    about = json.loads((tmp_path / "run" / "results.json").read_text())["run"]
    assert [part.partition(" ")[0] for part in about["drawn_parts"]] == ["layer4"]
