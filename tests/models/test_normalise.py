"""Batch normalisation's moments and gradient against numpy and JAX's own gradient."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cosam_jax.models.layers import BatchNorm
from cosam_jax.models.normalise import moments_of, normalise, weight_and_count

X = np.random.default_rng(0).normal(2, 3, (4, 3, 2, 5)).astype(np.float32)
VALIDS = [None, np.array([True, False, True, True])]


@pytest.mark.parametrize("valid", VALIDS)
def test_moments_are_those_of_the_valid_frames(valid):
  weight, count = weight_and_count(X, valid)
  taken = (X if valid is None else X[valid]).astype(np.float64).reshape(-1, 5)
  assert count == len(taken)
  mean, var = moments_of(X, weight, count)
  np.testing.assert_allclose(mean, taken.mean(0), rtol=1e-5)
  np.testing.assert_allclose(var, taken.var(0), rtol=1e-5)


@pytest.mark.parametrize("valid", VALIDS)
def test_gradients_written_out_are_the_derived_ones(valid):
  rng = np.random.default_rng(1)
  weight, count = weight_and_count(X, valid)
  scale, bias = rng.normal(1, 1, (2, 5)).astype(np.float32)
  ahead = rng.normal(0, 1, X.shape).astype(np.float32)

  def derived(x, scale, bias):
    rows = np.ones((4, 1, 1, 1), np.float32) if weight is None else weight
    mean = (x * rows).sum((0, 1, 2)) / count
    var = (jnp.square(x - mean) * rows).sum((0, 1, 2)) / count
    return (((x - mean) / jnp.sqrt(var + 1e-5) * scale + bias) * ahead).sum()

  def ours(x, scale, bias):
    return (normalise(x, scale, bias, weight, count, 1e-5)[0] * ahead).sum()

  def by_moments(x, scale, bias):
    mean, var = moments_of(x, weight, count)
    return (((x - mean) * jax.lax.rsqrt(var + 1e-5) * scale + bias) * ahead).sum()

  wanted = jax.grad(derived, (0, 1, 2))(X, scale, bias)
  for function in (ours, by_moments):
    found = jax.grad(function, (0, 1, 2))(X, scale, bias)
    chex.assert_trees_all_close(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("valid", VALIDS)
@pytest.mark.parametrize("trained", [True, False])
def test_a_norm_as_a_map_does_what_its_call_does(trained, valid):
  norm = BatchNorm(bias_trained=trained)
  params = {"scale": np.arange(1, 6, dtype=np.float32), "bias": np.ones(5, np.float32)}
  variables = norm.init(jax.random.key(0), X, train=True) | {"params": params}
  ahead = np.random.default_rng(1).normal(0, 1, X.shape).astype(np.float32)

  def called(params, x):
    given = variables | {"params": params}
    y, updated = norm.apply(given, x, train=True, valid=valid, mutable=["batch_stats"])
    return (y * ahead).sum(), (y, updated)

  def mapped(params, x):
    given, way = variables | {"params": params}, {"valid": valid, "mutable": ["batch_stats"]}
    (centre, multiplier, shift), updated = norm.apply(given, x, method="affine", **way)
    y = (x - centre) * multiplier + shift
    return (y * ahead).sum(), (y, updated)

  wanted, found = [
    jax.grad(function, (0, 1), has_aux=True)(params, X) for function in (called, mapped)
  ]
  assert np.any(wanted[0][0]["bias"]) == trained
  chex.assert_trees_all_close(found, wanted, rtol=1e-4, atol=1e-4)
