"""Drawn variables: kernels keep a signal's size, constants are those of a fresh norm."""

import jax
import jax.numpy as jnp
import numpy as np

from cosam_jax.commands.benchmark.drawn import variables


def initialise():
  return {
    "params": {
      "conv": {"kernel": jnp.zeros((3, 3, 64, 128)), "bias": jnp.ones(128)},
      "norm": {"scale": jnp.zeros(8), "bias": jnp.ones(8)},
      "half": {"kernel": jnp.zeros((256, 16), jnp.bfloat16)},
      "pool": {"exponent": jnp.zeros(1)},
    },
    "batch_stats": {"norm": {"mean": jnp.ones(8), "var": jnp.zeros(8)}},
  }


def test_kernels_have_a_variance_of_one_over_their_inputs():
  params = variables(initialise)["params"]
  kernel = params["conv"]["kernel"]
  np.testing.assert_allclose(kernel.std(), 1 / np.sqrt(3 * 3 * 64), rtol=0.02)
  assert abs(kernel.mean()) < 0.001
  half = np.float32(params["half"]["kernel"])
  np.testing.assert_allclose(half.std(), 1 / np.sqrt(256), rtol=0.05)


def test_the_rest_is_constant():
  found = variables(initialise)
  params, statistics = found["params"], found["batch_stats"]["norm"]
  for values, constant in (
    (params["conv"]["bias"], 0), (params["norm"]["scale"], 1), (params["norm"]["bias"], 0),
    (params["pool"]["exponent"], 3), (statistics["mean"], 0), (statistics["var"], 1),
  ):  # fmt: skip
    np.testing.assert_array_equal(values, np.full(values.shape, constant))


def test_the_tree_has_the_modules_own_form_and_nothing_is_computed():
  calls = []

  def traced():
    calls.append(initialise())
    return calls[-1]

  found = variables(traced)
  assert all(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(calls))
  wanted = jax.eval_shape(initialise)
  assert jax.tree.structure(found) == jax.tree.structure(wanted)
  for leaf, shape in zip(*map(jax.tree.leaves, (found, wanted)), strict=True):
    assert isinstance(leaf, np.ndarray)
    assert (leaf.shape, leaf.dtype) == (shape.shape, shape.dtype)


def test_the_seed_decides_the_draw():
  one, same, other = (variables(initialise, seed)["params"]["conv"]["kernel"] for seed in (1, 1, 2))
  np.testing.assert_array_equal(one, same)
  assert (one != other).mean() > 0.99
