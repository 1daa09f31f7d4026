"""A configuration's rates, optimiser and step, against the plain functions that they stand for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cosam_jax.experiment import configurations
from cosam_jax.experiment.learning import learning_of, optimizer_of, schedule_of
from cosam_jax.experiment.parts import objective
from cosam_jax.training.parameter_groups import Groups
from cosam_jax.training.steps import Learning

PER_EPOCH = 5


def mars(**changes):
  config = configurations.read(configurations.folder() / "mars.py")
  config.update_from_flattened_dict(changes)
  return config


def test_the_default_is_the_published_recipe():
  config = mars()
  schedule = schedule_of(config, PER_EPOCH)
  border = 200 * PER_EPOCH
  for step, wanted in ((0, 3e-4), (border - 1, 3e-4), (border, 3e-5), (2 * border, 3e-6)):
    assert schedule(step) == pytest.approx(wanted)
  assert learning_of(config) == Learning(Groups(), 0.0)
  assert objective(config).triplet_distance == "euclidean"


@pytest.mark.parametrize("name", ["steps", "milestones", "cosine"])
def test_epochs_are_counted_in_steps(name):
  config = mars(**{
    "optim.schedule": name, "optim.learning_rate": 0.5, "optim.decay_factor": 0.2,
    "optim.decay_every_epochs": 4, "optim.milestones": (3, 7) if name == "milestones" else (),
    "optim.final_factor": 0.25, "train.epochs": 10,
    "optim.warmup_epochs": 2, "optim.warmup_start": 0.1,
  })  # fmt: skip
  schedule = schedule_of(config, PER_EPOCH)
  for step in range(12 * PER_EPOCH):
    epoch = step // PER_EPOCH
    share = min(1.0, step / (10 * PER_EPOCH))
    wanted = (
      0.5
      * {
        "steps": 0.2 ** (epoch // 4),
        "milestones": 0.2 ** ((epoch >= 3) + (epoch >= 7)),
        "cosine": 0.25 + 0.75 * (1 + np.cos(np.pi * share)) / 2,
      }[name]
    )
    wanted *= 0.1 + 0.9 * min(1.0, step / (2 * PER_EPOCH))
    np.testing.assert_allclose(float(schedule(step)), wanted, rtol=1e-5)


def test_fields_reach_the_step_and_the_optimiser():
  config = mars(**{
    "optim.backbone_factor": 0.5, "optim.bias_factor": 2.0, "optim.decay_biases": False,
    "optim.frozen": "stage2, classifier", "train.average": 0.99, "optim.weight_decay": 0.1,
    "loss.triplet_distance": "cosine",
  })  # fmt: skip
  groups = Groups(0.5, 2.0, False, ("stage2", "classifier"))
  assert learning_of(config) == Learning(groups, 0.99)
  assert objective(config).triplet_distance == "cosine"
  params = {part: {"kernel": jnp.ones((2, 2)), "bias": jnp.ones(2)}
            for part in ("stem", "stage2", "head", "classifier")}  # fmt: skip
  optimizer = optimizer_of(config, lambda step: 1.0)
  gradient = jax.tree.map(jnp.ones_like, params)
  updates, _ = optimizer.update(gradient, optimizer.init(params), params)
  # Adam's first step has the size of the rate.
  found = {part: (float(one["kernel"][0, 0]), float(one["bias"][0]))
           for part, one in updates.items()}  # fmt: skip
  wanted = {"stem": (-0.5, -1.0), "stage2": (0, 0), "head": (-1.0, -2.0), "classifier": (0, 0)}
  for part, pair in wanted.items():
    np.testing.assert_allclose(found[part], pair, rtol=1e-5)
