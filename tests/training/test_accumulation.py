"""A batch in parts: the same update as the whole batch, but each part is normalised by itself."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from small_network import MODEL, PLAIN, batch, variables

from cosam_jax.models import CosamMasks, Outputs
from cosam_jax.training import losses
from cosam_jax.training.state import create_state
from cosam_jax.training.steps import Objective, accumulated_step, train_step

pytestmark = pytest.mark.usefixtures("hasty_compilation")


class Normless(nn.Module):
  """A network that treats every clip by itself: splitting a batch in parts changes nothing."""

  @nn.compact
  def __call__(self, clips, valid=None, *, train=False):
    del valid, train
    features = jnp.tanh(nn.Dense(5)(clips.mean((1, 2)).reshape(len(clips), -1)))
    return Outputs(features, nn.Dense(4)(features), {}, None)


@pytest.mark.parametrize("parts", [2, 4])
def test_accumulation_is_the_large_batch(parts):
  """With 4 parts of one identity each, no triplet could be mined within a part."""
  clips, labels = batch()
  network = Normless()
  params = network.init(jax.random.key(0), clips)["params"]
  state = create_state({"params": params, "batch_stats": {}}, PLAIN)
  wanted, wanted_metrics = train_step(network, Objective(), PLAIN, state, clips, labels)
  found, metrics = jax.jit(functools.partial(accumulated_step, network, Objective(), PLAIN, parts))(
    state, clips, labels
  )
  assert float(metrics["triplet"]) > 0.1
  chex.assert_trees_all_close(metrics, wanted_metrics, rtol=1e-5)
  chex.assert_trees_all_close(found, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("skip", [False, True])
def test_accumulation_normalises_each_part_by_itself(skip):
  """The oracle is one gradient of the whole network, over a loop of parts."""
  clips, labels = batch()
  valid = np.ones(clips.shape[:2], bool)
  valid[1, 1] = valid[6, 0] = False
  before = create_state(variables(), PLAIN)
  halves = [slice(0, 4), slice(4, 8)]

  def loss_of(params):
    outputs, statistics = zip(*(
      MODEL.apply(
        {"params": params, "batch_stats": before.batch_stats}, clips[rows],
        valid[rows] if skip else None, train=True, mutable=["batch_stats"],
      )
      for rows in halves
    ))  # fmt: skip
    features, logits = (
      jnp.concatenate([getattr(one, name) for one in outputs]) for name in ("features", "logits")
    )
    loss = losses.cross_entropy(logits, labels) + losses.batch_hard_triplet(features, labels)
    return loss, statistics

  @jax.jit
  def oracle(params):
    return jax.value_and_grad(loss_of, has_aux=True)(params)

  (loss, statistics), gradients = oracle(before.params)
  after, metrics = jax.jit(functools.partial(accumulated_step, MODEL, Objective(), PLAIN, 2))(
    before, clips, labels, valid if skip else None
  )
  np.testing.assert_allclose(metrics["loss"], loss, rtol=1e-5)
  means = jax.tree.map(lambda a, b: (a + b) / 2, *(one["batch_stats"] for one in statistics))
  chex.assert_trees_all_close(after.batch_stats, means, rtol=1e-5, atol=1e-6)
  found = jax.tree.map(jnp.subtract, before.params, after.params)
  scale = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(gradients))
  chex.assert_trees_all_close(found, gradients, rtol=1e-3, atol=1e-5 * scale)
  assert int(after.step) == 1


class Masked(nn.Module):
  """`Normless` with a mask for each frame, from the frame alone."""

  @nn.compact
  def __call__(self, clips, valid=None, *, train=False):
    del valid, train
    mask = nn.sigmoid(nn.Dense(1)(clips.mean(2)))  # [B, T, W, 1]
    features = jnp.tanh(
      nn.Dense(5)((clips * mask[:, :, None]).mean((1, 2)).reshape(len(clips), -1))
    )
    masks = {4: CosamMasks(mask, features)}
    return Outputs(features, nn.Dense(4)(features), masks, None)


def test_the_masks_mean_is_of_the_whole_batch_too():
  """The parts have different numbers of valid frames."""
  clips, labels = batch()
  valid = np.ones(clips.shape[:2], bool)
  valid[0, 1] = valid[1, 0] = valid[2, 1] = False
  network, objective = Masked(), Objective(mask_sparsity=5.0)
  params = network.init(jax.random.key(0), clips)["params"]
  state = create_state({"params": params, "batch_stats": {}}, PLAIN)
  wanted, wanted_metrics = train_step(network, objective, PLAIN, state, clips, labels, valid)
  step = functools.partial(accumulated_step, network, objective, PLAIN, 2)
  found, metrics = jax.jit(step)(state, clips, labels, valid)
  masks = network.apply({"params": params}, clips).masks[4].spatial
  np.testing.assert_allclose(metrics["mask_mean"], masks[valid].mean(), rtol=1e-5)
  chex.assert_trees_all_close(metrics, wanted_metrics, rtol=1e-5)
  chex.assert_trees_all_close(found, wanted, rtol=1e-5, atol=1e-6)
  after = network.apply(found.variables, clips).masks[4].spatial
  assert after[valid].mean() < masks[valid].mean()
