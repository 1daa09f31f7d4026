"""COSAM against loops from the poster's equations; its two evaluations against each other."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.models import Cosam
from cosam_jax.models.cosam import start_masks


def random_descriptors(shape, seed=0):
  return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def cosam_variables(module, features, seed=0):
  """Drawn variables away from their initial values, also those that begin as zeros."""
  variables = module.init(jax.random.key(seed), features, train=False)
  leaves, tree = jax.tree.flatten(variables)
  rng = np.random.default_rng(seed)
  drawn = [
    leaf + 0.1 * (np.abs(leaf).mean() or 1) * rng.standard_normal(leaf.shape) for leaf in leaves
  ]
  drawn = [np.asarray(leaf, np.float32) for leaf in drawn]
  return jax.tree.unflatten(tree, drawn)


@pytest.mark.parametrize("summary", ["two_layers", "one_layer", "order_free"])
@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("masked", [True, False])
def test_explicit_and_factored_agree_in_outputs_and_gradients(summary, train, masked):
  features = random_descriptors((3, 4, 4, 2, 24))
  valid = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 1, 1]], bool) if masked else None
  cotangent = random_descriptors(features.shape, seed=5)
  results = {}
  for cost_volume in ("explicit", "factored"):
    module = Cosam(cost_volume=cost_volume, summary=summary)
    variables = cosam_variables(module, features)

    def scalar(params, features, module=module, stats=variables["batch_stats"]):
      (out, masks), _ = module.apply(
        {"params": params, "batch_stats": stats},
        features, valid, train=train, mutable=["batch_stats"],
      )  # fmt: skip
      return (out * cotangent).sum() + masks.spatial.sum(), (out, masks)

    gradients, outputs = jax.jit(jax.grad(scalar, argnums=(0, 1), has_aux=True))(
      variables["params"], features
    )
    results[cost_volume] = jax.tree.leaves((gradients, outputs))
  # A bias before a norm in training mode has a gradient of zero: measure it against the others.
  scale = max(np.linalg.norm(leaf) for leaf in results["explicit"])
  for explicit, factored in zip(results["explicit"], results["factored"]):
    error = np.linalg.norm(explicit - factored) / max(np.linalg.norm(explicit), 5e-2 * scale)
    assert error < 1e-5


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("summary", ["two_layers", "order_free"])
def test_padded_frames_change_nothing(train, summary):
  features = random_descriptors((2, 4, 4, 2, 16))
  valid = np.array([[1, 1, 1, 1], [1, 1, 1, 0]], bool)
  module = Cosam(summary=summary)
  variables = cosam_variables(module, features)
  outputs = []
  for filler in (0.0, 50.0):
    filled = features.copy()
    filled[1, 3] = filler
    (out, masks), stats = module.apply(
      variables, filled, valid, train=train, mutable=["batch_stats"]
    )
    outputs.append((out[0], out[1, :3], masks.spatial[1, :3], masks.channel, stats))
  chex.assert_trees_all_close(*outputs, atol=1e-6)


def test_order_free_summary_ignores_the_order_of_the_other_frames():
  features = random_descriptors((1, 4, 4, 2, 16))
  module = Cosam(summary="order_free")
  variables = cosam_variables(module, features)
  _, masks = module.apply(variables, features, train=False)
  order = np.array([0, 3, 1, 2])
  _, reordered = module.apply(variables, features[:, order], train=False)
  np.testing.assert_allclose(reordered.spatial, masks.spatial[:, order], atol=1e-6)


def test_channel_gate_multiply_is_the_part_that_residual_adds():
  features = random_descriptors((1, 2, 4, 2, 16))
  variables = cosam_variables(Cosam(), features)
  residual, masks = Cosam().apply(variables, features, train=False)
  gated, _ = Cosam(channel_gate="multiply").apply(variables, features, train=False)
  masked = features * np.asarray(masks.spatial)[..., None]
  np.testing.assert_allclose(residual - gated, masked, atol=1e-5)


@pytest.mark.parametrize("summary", ["two_layers", "one_layer", "order_free"])
@pytest.mark.parametrize("start", [0.5, 0.9, 0.05])
def test_masks_start_where_they_are_told_to(summary, start):
  """The start multiplies the odds of every mask by its own odds."""
  features = random_descriptors((2, 3, 4, 2, 16))
  module = Cosam(summary=summary)
  variables = module.init(jax.random.key(0), features, train=False)
  moved = {**variables, "params": start_masks(variables["params"], start)}
  before = module.apply(variables, features, train=False)[1].spatial
  after = module.apply(moved, features, train=False)[1].spatial
  np.testing.assert_allclose(
    after / (1 - after), before / (1 - before) * (start / (1 - start)), rtol=1e-4
  )
  if start == 0.5:
    chex.assert_trees_all_equal(moved, variables)
  assert len(jax.tree.leaves(moved)) == len(jax.tree.leaves(variables))


def test_bf16_stays_near_float32():
  features = random_descriptors((2, 3, 4, 2, 32))
  variables = cosam_variables(Cosam(), features)
  full, _ = Cosam().apply(variables, features, train=False)
  half, masks = Cosam(dtype=jnp.bfloat16).apply(
    variables, features.astype(jnp.bfloat16), train=False
  )
  assert half.dtype == jnp.bfloat16
  assert masks.spatial.dtype == jnp.float32
  assert np.linalg.norm(half.astype(np.float32) - full) / np.linalg.norm(full) < 2e-2


def test_one_frame_is_refused():
  with pytest.raises(InputError, match="num_frames is 1"):
    Cosam().init(jax.random.key(0), jnp.zeros((1, 1, 4, 2, 8)), train=False)


def test_weights_of_another_grid_or_clip_length_are_refused():
  module = Cosam()
  variables = module.init(jax.random.key(0), jnp.zeros((1, 3, 4, 2, 8)), train=False)
  with pytest.raises(InputError, match=r"16 inputs, but 3 frames on a 8x2 grid need 32"):
    module.apply(variables, jnp.zeros((1, 3, 8, 2, 8)), train=False)
