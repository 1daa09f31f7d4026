"""A configuration's weights: the newest or best checkpoint, else a file, else a refusal."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny

from cosam_jax.errors import InputError
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment.network import load_network, network_of
from cosam_jax.experiment.parts import build_model
from cosam_jax.models import to_torch
from cosam_jax.training import optim, state
from cosam_jax.training.checkpoints import BEST, LAST, Checkpoints

pytestmark = pytest.mark.usefixtures("hasty_compilation")
CLASSES = 6


def asked(data_dir, **fields):
  """(configuration, the same flat)."""
  config = config_rules.resolve(tiny.config(data_dir, **fields))
  return config, config_rules.plain(config)


@pytest.fixture(scope="module")
def model(tiny_synthetic):
  return build_model(asked(tiny_synthetic)[0], CLASSES)


@pytest.fixture(scope="module")
def saved(tiny_synthetic, tmp_path_factory, model):
  """(workdir with checkpoints of steps 3 and 6 and a best one of step 3, step -> its variables)."""
  workdir = tmp_path_factory.mktemp("saved")
  about = {"config": asked(tiny_synthetic)[1], "num_classes": CLASSES}
  optimizer = optim.make_optimizer(lambda _: 0.0, weight_decay=0.0)
  wanted = {}
  for kind, step in ((LAST, 3), (BEST, 3), (LAST, 6)):
    wanted[step] = state.init_variables(model, step)
    made = state.create_state(wanted[step], optimizer).replace(step=jnp.int32(step))
    Checkpoints(workdir, kind, keep=2).save(step, made, about)
  return workdir, wanted


def test_the_newest_or_the_best_checkpoint(saved, tiny_synthetic, model):
  workdir, wanted = saved
  for which, step in (("last", 6), ("best", 3)):
    config, flat = asked(tiny_synthetic, evaluation__checkpoint=which)
    config.init.weights = "of no interest beside a checkpoint"
    for drawn in (None, model.clone(num_classes=99)):
      network = network_of(config, flat, workdir, drawn)
      assert (network.label, network.step, network.model) == (f"step {step}", step, model)
      assert network.flat == flat
      jax.tree.map(np.testing.assert_array_equal, network.variables, wanted[step])


def test_a_network_keeps_the_resize_that_it_was_trained_with(saved, tiny_synthetic):
  """Resampled weights too, since only the sizes of a clip may change."""
  workdir, _ = saved
  for fields in ({}, {"evaluation__resample": True}):
    config, flat = asked(tiny_synthetic, clips__resize="bicubic", **fields)
    with pytest.raises(InputError, match=r"clips\.resize was 'bilinear' and is now 'bicubic'"):
      network_of(config, flat, workdir)


@pytest.mark.parametrize(
  ("field", "value", "resampled"),
  [
    ("model__cosam_stages", (4,), False),
    ("clips__num_frames", 3, True),
    ("clips__image_size", (32, 32), True),
  ],
)
def test_resampling_is_advised_for_the_sizes_of_a_clip_alone(
  saved, tiny_synthetic, field, value, resampled
):
  config, flat = asked(tiny_synthetic, **{field: value})
  with pytest.raises(InputError, match="give the same values, or another --workdir") as refused:
    network_of(config, flat, saved[0])
  assert ("evaluation.resample" in str(refused.value)) == resampled


@pytest.mark.slow
def test_a_folder_of_checkpoints_or_one_of_them(saved):
  workdir, wanted = saved
  # Both kinds are there; the run's folder gives its newest.
  for path, step in (("", 6), (LAST, 6), (f"{LAST}/3", 3), (BEST, 3)):
    network = load_network(workdir / path)
    assert (network.label, network.step) == (f"step {step}", step)
    jax.tree.map(np.testing.assert_array_equal, network.variables, wanted[step])


def test_the_average_of_a_checkpoint(tiny_synthetic, tmp_path, model):
  config, flat = asked(tiny_synthetic, train__average=0.9, evaluation__weights="average")
  optimizer = optim.make_optimizer(lambda _: 0.0, weight_decay=0.0)
  drawn, average = (state.init_variables(model, seed) for seed in (1, 2))
  made = state.create_state(drawn, optimizer, averaged=True).replace(average=average)
  about = {"config": {**flat, "evaluation.weights": "trained"}, "num_classes": CLASSES}
  Checkpoints(tmp_path).save(4, made.replace(step=jnp.int32(4)), about)
  network = network_of(config, flat, tmp_path)
  assert (network.label, network.step) == ("step 4, averaged", 4)
  jax.tree.map(np.testing.assert_array_equal, network.variables, average)
  network = load_network(tmp_path)  # As the run's own configuration says.
  assert network.label == "step 4"
  jax.tree.map(np.testing.assert_array_equal, network.variables, drawn)


def test_there_is_no_average_where_none_was_made(saved, files, tiny_synthetic, tmp_path):
  config, flat = asked(
    tiny_synthetic, train__average=0.9, evaluation__weights="average", init__weights=str(files[0])
  )
  with pytest.raises(InputError, match=r"checkpoints/6 has no average .* train\.average 0: use"):
    network_of(config, flat, saved[0])
  with pytest.raises(InputError, match="has no folder checkpoints with a checkpoint, which alone"):
    network_of(config, flat, tmp_path)


@pytest.fixture(scope="module")
def files(tmp_path_factory, model):
  """(a whole network's file, a file of its backbone alone, the variables of both)."""
  folder = tmp_path_factory.mktemp("files")
  variables = state.init_variables(model, 99)
  weights = to_torch(variables, model)
  np.savez(folder / "whole.npz", **weights)
  behind = ("classifier", "bottleneck", "neck", "bnneck")
  kept = {name: value for name, value in weights.items() if not name.startswith(behind)}
  assert len(kept) < len(weights)
  np.savez(folder / "backbone.npz", **kept)
  return folder / "whole.npz", folder / "backbone.npz", variables


@pytest.mark.parametrize("folder", [None, "checkpoints"])
def test_without_a_checkpoint_the_file(files, tiny_synthetic, tmp_path, model, folder):
  if folder:
    (tmp_path / folder).mkdir()  # A run that is stopped before its first checkpoint leaves it so.
  whole, _, variables = files
  config, flat = asked(tiny_synthetic, init__weights=str(whole))
  for drawn in (None, model):
    network = network_of(config, flat, tmp_path, drawn)
    assert (network.label, network.step, network.model) == ("whole.npz", 0, model)
    jax.tree.map(np.testing.assert_array_equal, jax.device_get(network.variables), variables)


@pytest.mark.slow
def test_vectors_need_no_classifier_but_everything_before_it(
  files, tiny_synthetic, tmp_path, model
):
  _, headless, variables = files
  config, flat = asked(tiny_synthetic, init__weights=str(headless))
  found = network_of(config, flat, tmp_path).variables["params"]
  assert found["classifier"]["kernel"].shape[1] == 1
  for name in {*found} - {"classifier"}:
    jax.tree.map(np.testing.assert_array_equal, found[name], variables["params"][name])
  # The names of a backbone alone: COSAM would have to be drawn.
  np.savez(tmp_path / "plain.npz", **to_torch(variables, model, layout="torchvision"))
  config.init.weights = str(tmp_path / "plain.npz")
  with pytest.raises(InputError, match=r"plain\.npz is not a whole network.* lacks .*cosam5: give"):
    network_of(config, flat, tmp_path)


def test_only_an_evaluation_takes_a_backbone_and_draws_the_rest(
  files, tiny_synthetic, tmp_path, model
):
  _, backbone, variables = files
  config, flat = asked(tiny_synthetic, init__weights=str(backbone), seed=4)
  larger = model.clone(num_classes=9)
  found = network_of(config, flat, tmp_path, larger).variables["params"]
  drawn = state.init_variables(larger, 4)["params"]
  own = {name for name in found if name in ("classifier", "neck")}
  assert own >= {"classifier"}
  for name in found:
    wanted = drawn if name in own else variables["params"]
    jax.tree.map(np.testing.assert_array_equal, found[name], wanted[name])


def test_with_neither_it_is_refused(tiny_synthetic, tmp_path, model):
  config, flat = asked(tiny_synthetic, evaluation__checkpoint="best")
  config.init.weights = ""
  rest = r": .* has no folder best with a checkpoint, and config\.init\.weights is empty; train"
  with pytest.raises(InputError, match=f"there is no network{rest}"):
    network_of(config, flat, tmp_path)
  with pytest.raises(InputError, match=f"there is nothing to evaluate{rest}"):
    network_of(config, flat, tmp_path, model)
  assert not list(tmp_path.iterdir())
