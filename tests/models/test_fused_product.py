"""The fused operation, interpreted, against the same written out with JAX's own gradient."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cosam_jax.models.fused_product import fits, norm_relu_product
from cosam_jax.models.fused_product_kernels import Blocks
from cosam_jax.models.normalise import Affine

# M, I, O, and tiles, several along each axis.
SEVERAL = (64, 48, 32), Blocks(rows=16, inputs=16, outputs=16, step=16, parts=2)
CASES = {
  "several tiles along each axis": SEVERAL,
  "one tile, several steps": ((32, 32, 32), Blocks(32, 32, 32, 16, 1)),
  "tiles of its own choice": ((96, 32, 64), None),
  "sizes without kernels": ((15, 12, 10), None),
}


def drawn(shape, seed=0):
  """x, far from zero; a norm; a kernel; weights of which the first rows are 0."""
  rng = np.random.default_rng(seed)
  rows, inputs, outputs = shape
  x = rng.normal(3, 1, (rows, inputs)).astype(np.float32)
  centre, multiplier, shift = rng.normal(0, 1, (3, inputs)).astype(np.float32)
  affine = Affine(centre + 3, multiplier, shift)
  kernel = (rng.normal(0, 1, (inputs, outputs)) / np.sqrt(inputs)).astype(np.float32)
  weight = (rng.random(rows) < 0.7).astype(np.float32)
  weight[: min(16, rows // 2)] = 0
  return x, affine, kernel, weight


def written_out(x, affine, kernel, weight):
  """The same in single operations; the moments by their definition."""
  z = x
  if affine is not None:
    z = jax.nn.relu((x - affine.centre) * affine.multiplier + affine.shift)
  y = z @ kernel
  weight = jnp.ones(len(x)) if weight is None else weight
  mean = (weight[:, None] * y).sum(0) / weight.sum()
  return y, (mean, (weight[:, None] * jnp.square(y - mean)).sum(0) / weight.sum())


def values_and_gradients(function, arguments, ahead):
  """The results, and the gradients of their product with `ahead`."""

  @jax.jit
  def both(x, affine, kernel):
    results, pull_back = jax.vjp(
      lambda x, affine, kernel: function(x, affine, kernel, arguments[3]), x, affine, kernel
    )
    cotangents = jax.tree.map(lambda result, drawn: drawn.astype(result.dtype), results, ahead)
    return tuple(results[1]), results[0], pull_back(cotangents)

  return jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), both(*arguments[:3]))


def ahead_of(shape, seed=1):
  rng = np.random.default_rng(seed)
  rows, _, outputs = shape
  moments = rng.normal(0, rows, (2, outputs)).astype(np.float32)
  return rng.normal(0, 1, (rows, outputs)).astype(np.float32), tuple(moments)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("normed", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_values_and_all_gradients(case, normed, weighted):
  shape, blocks = CASES[case]
  assert fits(*shape, jnp.float32) == (case != "sizes without kernels")
  x, affine, kernel, weight = drawn(shape)
  arguments = (x, affine if normed else None, kernel, weight if weighted else None)
  ahead = ahead_of(shape)

  def ours(*operands):
    y, moments = norm_relu_product(*operands, blocks=blocks)
    return y, tuple(moments)

  found = values_and_gradients(ours, arguments, ahead)
  wanted = values_and_gradients(written_out, arguments, ahead)
  for mine, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
    np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5 * np.abs(theirs).max())


@pytest.mark.parametrize("blocks", [SEVERAL[1], None])
def test_bfloat16_is_as_near_to_the_truth_as_its_rounding_lets_it_be(blocks):
  shape = SEVERAL[0] if blocks else (30, 20, 10)
  x, affine, kernel, weight = drawn(shape)
  x, kernel = (np.asarray(jnp.asarray(a, jnp.bfloat16), np.float32) for a in (x, kernel))
  ahead = ahead_of(shape)

  def ours(x, *others):
    y, moments = norm_relu_product(x.astype(jnp.bfloat16), *others, blocks=blocks)
    assert y.dtype == jnp.bfloat16
    assert {moment.dtype for moment in moments} == {jnp.dtype("float32")}
    return y, tuple(moments)

  found = values_and_gradients(ours, (x, affine, kernel, weight), ahead)
  wanted = values_and_gradients(written_out, (x, affine, kernel, weight), ahead)
  for mine, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
    # Eight bits, and few roundings behind each other.
    assert np.linalg.norm(mine - theirs) < 2**-7 * np.linalg.norm(theirs)


def test_moments_do_not_cancel():
  """With a mean a thousand times the deviation, sums of squares in float32 would leave nothing."""
  rng = np.random.default_rng(0)
  x = rng.normal(1000, 1, (64, 16)).astype(np.float32)
  _, moments = norm_relu_product(x, None, np.eye(16, dtype=np.float32), blocks=Blocks(*[16] * 4, 1))
  exact = x.astype(np.float64)
  np.testing.assert_allclose(moments.mean, exact.mean(0), rtol=1e-6)
  np.testing.assert_allclose(moments.var, exact.var(0), rtol=1e-4)


@pytest.mark.parametrize("rows", [32, 31])
def test_without_a_valid_row_the_moments_are_zero_and_gradients_finite(rows):
  x, affine, kernel, _ = drawn((rows, 16, 16))
  weight = np.zeros(rows, np.float32)
  _, moments = norm_relu_product(x, affine, kernel, weight)
  chex.assert_trees_all_equal(tuple(moments), (np.zeros(16, np.float32),) * 2)

  def total(x, affine, kernel):
    y, moments = norm_relu_product(x, affine, kernel, weight)
    return y.sum() + moments.mean.sum() + moments.var.sum()

  chex.assert_tree_all_finite(jax.grad(total, (0, 1, 2))(x, affine, kernel))


def test_the_gradient_is_the_same_under_rematerialisation():
  shape, blocks = SEVERAL
  arguments = drawn(shape)

  def total(x, affine, kernel):
    y, moments = norm_relu_product(x, affine, kernel, arguments[3], blocks=blocks)
    return jnp.square(y).sum() + moments.var.sum()

  gradient = functools.partial(jax.grad, argnums=(0, 1, 2))
  wanted = jax.jit(gradient(total))(*arguments[:3])
  found = jax.jit(gradient(jax.checkpoint(total)))(*arguments[:3])
  chex.assert_trees_all_close(found, wanted, rtol=1e-6)
