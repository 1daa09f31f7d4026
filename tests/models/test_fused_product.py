"""The fused operation, interpreted, against the same written out with JAX's own gradient."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cosam_jax.models.fused_product import fits, normed_product
from cosam_jax.models.fused_product_kernels import Blocks
from cosam_jax.models.normalise import Affine

# The kernels are for GPUs, and slow where a CPU pretends to be one.
pytestmark = pytest.mark.slow

# M, I, O, and tiles, several along each axis.
SEVERAL = (64, 48, 32), Blocks(rows=16, inputs=16, outputs=16, step=16, parts=2)
EPSILON = 1e-5
CASES = {
  "several tiles along each axis": SEVERAL,
  "one tile, several steps": ((32, 32, 32), Blocks(32, 32, 32, 16, 1)),
  "tiles of its own choice": ((96, 32, 64), None),
  "sizes without kernels": ((15, 12, 10), None),
}


def drawn(shape, seed=0):
  """x, far from zero; a norm; a kernel; the next norm's scale and bias; weights, at first 0."""
  rng = np.random.default_rng(seed)
  rows, inputs, outputs = shape
  x = rng.normal(3, 1, (rows, inputs)).astype(np.float32)
  centre, multiplier, shift = rng.normal(0, 1, (3, inputs)).astype(np.float32)
  before = Affine(centre + 3, multiplier, shift)
  kernel = (rng.normal(0, 1, (inputs, outputs)) / np.sqrt(inputs)).astype(np.float32)
  scale, bias = rng.normal(1, 1, (2, outputs)).astype(np.float32)
  weight = (rng.random(rows) < 0.7).astype(np.float32)
  weight[: min(16, rows // 2)] = 0
  return x, before, kernel, scale, bias, weight


def written_out(x, before, kernel, scale, bias, weight, bits=23):
  """The same in single operations; the moments by their definition.

  What goes into and comes out of the product, and their gradients, are rounded to `bits` bits, of
  which bfloat16 has 7. A compiler may leave out roundings by types.
  """

  def kept(values):
    return jax.lax.reduce_precision(values, 8, bits)

  z = x = kept(x)
  if before is not None:
    z = jax.nn.relu((x - before.centre) * before.multiplier + before.shift)
  y = kept(kept(z) @ kept(kernel))
  weight = jnp.ones(len(x)) if weight is None else weight
  mean = (weight[:, None] * y).sum(0) / weight.sum()
  var = (weight[:, None] * jnp.square(y - mean)).sum(0) / weight.sum()
  return (y - mean) / jnp.sqrt(var + EPSILON) * scale + bias, (mean, var)


def values_and_gradients(function, arguments):
  """The results, and the gradients of the first one's product with drawn numbers."""
  *differentiated, weight = arguments

  @jax.jit
  def both(*arguments):
    result, pull_back, moments = jax.vjp(
      lambda *arguments: function(*arguments, weight), *arguments, has_aux=True
    )
    ahead = jax.random.normal(jax.random.key(1), result.shape)
    return result, tuple(moments), pull_back(ahead)

  return jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), both(*differentiated))


def assert_close(found, wanted):
  for mine, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
    np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5 * np.abs(theirs).max())


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("normed", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_values_and_all_gradients(case, normed, weighted):
  shape, blocks = CASES[case]
  assert fits(*shape, jnp.float32) == (case != "sizes without kernels")
  x, before, *others, weight = drawn(shape)
  arguments = (x, before if normed else None, *others, weight if weighted else None)
  ours = functools.partial(normed_product, epsilon=EPSILON, blocks=blocks)
  found = values_and_gradients(ours, arguments)
  wanted = values_and_gradients(written_out, arguments)
  assert_close(found, wanted)


@pytest.mark.parametrize("blocks", [SEVERAL[1], None])
def test_bfloat16_is_as_near_to_the_truth_as_single_operations(blocks):
  shape = SEVERAL[0] if blocks else (30, 20, 10)
  x, before, kernel, *others = drawn(shape)
  x, kernel = (np.asarray(jnp.asarray(a, jnp.bfloat16), np.float32) for a in (x, kernel))

  def ours(x, *others):
    return normed_product(x.astype(jnp.bfloat16), *others, epsilon=EPSILON, blocks=blocks)

  singly = functools.partial(written_out, bits=7)
  truth, theirs, found = (
    jax.tree.leaves(values_and_gradients(function, (x, before, kernel, *others)))
    for function in (written_out, singly, ours)
  )
  for wanted, their, mine in zip(truth, theirs, found, strict=True):
    least = 1e-6 * np.linalg.norm(wanted)
    assert np.linalg.norm(mine - wanted) <= 1.5 * np.linalg.norm(their - wanted) + least


def test_moments_do_not_cancel():
  """With a mean a thousand times the deviation, sums of squares in float32 would leave nothing."""
  rng = np.random.default_rng(0)
  x = rng.normal(1000, 1, (64, 16)).astype(np.float32)
  ones, identity = np.ones(16, np.float32), np.eye(16, dtype=np.float32)
  y, moments = normed_product(
    x, None, identity, ones, ones, epsilon=0.0, blocks=Blocks(*[16] * 4, 1)
  )
  exact = x.astype(np.float64)
  np.testing.assert_allclose(moments.mean, exact.mean(0), rtol=1e-6)
  np.testing.assert_allclose(moments.var, exact.var(0), rtol=1e-4)
  np.testing.assert_allclose(y, (exact - exact.mean(0)) / exact.std(0) + 1, atol=1e-3)


@pytest.mark.parametrize("rows", [32, 31])
def test_without_a_valid_row_the_moments_are_zero_and_gradients_finite(rows):
  *arguments, weight = drawn((rows, 16, 16))
  found = values_and_gradients(
    functools.partial(normed_product, epsilon=EPSILON), (*arguments, 0 * weight)
  )
  chex.assert_trees_all_equal(found[1], (np.zeros(16, np.float32),) * 2)
  chex.assert_tree_all_finite(found)


def test_the_gradient_is_the_same_under_rematerialisation():
  shape, blocks = SEVERAL
  ours = functools.partial(normed_product, epsilon=EPSILON, blocks=blocks)
  wanted = values_and_gradients(ours, drawn(shape))
  found = values_and_gradients(jax.checkpoint(ours), drawn(shape))
  assert_close(found, wanted)
