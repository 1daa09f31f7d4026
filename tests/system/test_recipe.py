"""Whole runs with every switch of the draws, the objective, the optimiser and the evaluation."""

import json

import jax
import modes
import numpy as np
import processes
import pytest
import tiny

from cosam_jax.errors import InputError
from cosam_jax.evaluation.fingerprints import weights_hash
from cosam_jax.experiment.network import load_network
from cosam_jax.training.state import init_variables

pytestmark = [
  pytest.mark.slow,
  pytest.mark.usefixtures("hasty_compilation"),
  pytest.mark.filterwarnings("ignore:Sharding info not provided"),
]
RECIPE = {
  "train__sampler": "every_tracklet",
  "clips__selection": "strided",
  "clips__stride": 2,
  "clips__cut_frames": 3,
  "clips__resize": "bicubic",
  "clips__crop": "none",
  "clips__augment_per": "clip",
  "clips__erase": 0.5,
  "clips__erase_per": "frame",
  "clips__jitter": 0.3,
  "model__summary": "position_free",
  "model__descriptors": "below",
  "loss__triplet_distance": "cosine",
  "loss__mask_sparsity": 0.1,
  "optim__schedule": "milestones",
  "optim__milestones": (1, 2),
  "optim__warmup_epochs": 1,
  "optim__backbone_factor": 0.5,
  "optim__bias_factor": 2.0,
  "optim__decay_biases": False,
  "optim__frozen": "stem",
  "train__average": 0.5,
  "train__epochs": 2,
  "evaluation__weights": "average",
  "evaluation__flip": True,
  "evaluation__rerank": False,
}


EPOCH = 6  # Steps; an epoch of every identity would have 3.
LAST = 2 * EPOCH


def config(data_dir, **fields):
  return tiny.config(data_dir, **(RECIPE | fields))


@pytest.fixture(scope="module")
def whole(tiny_synthetic, tmp_path_factory, hasty_compilation):
  """The workdir of a run of two epochs."""
  del hasty_compilation
  workdir = tmp_path_factory.mktemp("recipe") / "whole"
  modes.train(config(tiny_synthetic), workdir)
  return workdir


def results(workdir):
  return json.loads((workdir / "results.json").read_text())


def test_the_average_is_evaluated_with_mirror_images(whole, tiny_synthetic):
  content = results(whole)
  card = content["results"][0]["card"]
  assert (card["flip"], card["checkpoint"]) == (True, f"step {LAST}, averaged")
  assert (content["run"]["step"], content["run"]["steps_per_epoch"]) == (LAST, EPOCH)
  saved = processes.state(whole, LAST)
  network = load_network(whole)
  for part, tree in saved["average"].items():
    found = jax.tree.map(np.asarray, dict(network.variables[part]))
    jax.tree.map(np.testing.assert_array_equal, found, tree)
  assert card["checkpoint_hash"] == weights_hash(network.variables)
  # A milestone after the first epoch, and a warm-up over its steps.
  factors = [row["learning_rate"] for row in processes.losses(whole)]
  rate = content["run"]["config"]["optim.learning_rate"]
  wanted = [*(0.01 + 0.99 * np.arange(EPOCH) / EPOCH), *[0.1] * EPOCH]
  np.testing.assert_allclose(factors, np.multiply(rate, wanted), rtol=1e-5)
  assert all(0 < row["mask_mean"] < 1 for row in processes.losses(whole))
  # The same evaluation replaces itself; any other goes elsewhere.
  before = tiny.metrics(whole)
  modes.evaluate(config(tiny_synthetic), whole)
  assert tiny.metrics(whole) == before
  assert not (whole / "evaluations").exists()
  for fields in ({"evaluation__weights": "trained"}, {"evaluation__flip": False}):
    modes.evaluate(config(tiny_synthetic, **fields), whole)
  assert tiny.metrics(whole) == before
  others = [results(place)["results"][0]["card"] for place in (whole / "evaluations").iterdir()]
  named = sorted((card["checkpoint"], card["flip"]) for card in others)
  assert named == [(f"step {LAST}", True), (f"step {LAST}, averaged", False)]


def test_a_stem_that_is_frozen_stays_as_it_was_drawn(whole):
  state, network = processes.state(whole, LAST), load_network(whole)
  drawn = jax.device_get(init_variables(network.model, 0)["params"])
  same = jax.tree.map(lambda a, b: bool(np.array_equal(a, b)), state["params"], drawn)
  assert all(jax.tree.leaves(same["stem"]))
  assert not any(jax.tree.leaves(same["stage5"]))


def test_a_run_that_is_stopped_between_epochs_ends_with_the_same_bits(
  whole, tiny_synthetic, tmp_path
):
  modes.train(config(tiny_synthetic, train__epochs=1), tmp_path / "run")
  modes.train(config(tiny_synthetic), tmp_path / "run")
  processes.assert_same_run(tmp_path / "run", whole, LAST)


def test_another_recipe_does_not_go_on_from_its_checkpoint(whole, tiny_synthetic):
  for fields, words in (
    ({"train__average": 0.9}, "train.average was 0.5 and is now 0.9"),
    ({"optim__frozen": ""}, "optim.frozen was 'stem' and is now ''"),
    (
      {"optim__schedule": "cosine", "optim__milestones": (), "train__epochs": 3},
      "train.epochs was 2 and is now 3.*--change_optim .*other train.epochs of a cosine",
    ),
  ):
    with pytest.raises(InputError, match=words):
      modes.train(config(tiny_synthetic, **fields), whole)
