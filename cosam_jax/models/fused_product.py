"""A norm, its ReLU, a matrix product and the next norm as one operation.

A 1x1 convolution between two batch norms is bound by memory, not by arithmetic: written one after
the other, the first norm's output is written and read again, and the second norm reads the product
twice for its moments. Here the product's kernel normalises what it reads and sums what it writes.
The gradient's kernels do the same, so that neither the activation between nor the gradient of the
product is ever in memory. The kernels are for NVIDIA GPUs (`fused_product_kernels`); on other
devices they are interpreted, far slower, which serves tests alone.

Notation: `M` rows (frames and grid flattened), `I` input channels, `O` output channels, `R` tiles
of rows.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from cosam_jax.models import fused_product_kernels as kernels
from cosam_jax.models.fused_product_kernels import Blocks, blocks_of
from cosam_jax.models.normalise import Affine, Moments


class _Saved(NamedTuple):
  x: jax.Array
  before: Affine | None
  kernel: jax.Array
  weight: jax.Array | None
  y: jax.Array
  scale: jax.Array
  mean: jax.Array
  inverse: jax.Array


def fits(rows: int, inputs: int, outputs: int, dtype: Any) -> bool:
  """Whether the kernels take a product of these sizes; others are written out in plain JAX."""
  return blocks_of((rows, inputs, outputs), dtype) is not None


def normed_product(
  x: jax.Array,
  before: Affine | None,
  kernel: jax.Array,
  scale: jax.Array,
  bias: jax.Array,
  weight: jax.Array | None = None,
  *,
  epsilon: float,
  blocks: Blocks | None = None,
) -> tuple[jax.Array, Moments]:
  """The batch norm of ReLU((x - centre) * multiplier + shift) @ kernel.

  Args:
    x: float[M, I].
    before: the norm before the ReLU; None: the product is that of x itself.
    kernel: float[I, O]; rounded to the type of x.
    scale, bias: float32[O], of the norm after the product.
    weight: float32[M], 0 or 1, the rows that take part in the moments; None: all do.
    epsilon: is added to the variance.
    blocks: the kernels' tiles; None: those of `blocks_of`, or no kernels if the sizes do not fit.

  Returns:
    float32[M, O], the normalised product; and the moments by which it is, those of the product as
    it is kept in memory, in the type of x. No gradient flows back from the moments, as in
    `normalise`. Without a row of weight 1, both moments are 0.
  """
  if blocks is None:
    blocks = blocks_of((len(x), kernel.shape[0], kernel.shape[1]), x.dtype)
  return _operation(blocks, epsilon, x, before, kernel, scale, bias, weight)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _operation(blocks, epsilon, x, before, kernel, scale, bias, weight):
  return _forward(blocks, epsilon, x, before, kernel, scale, bias, weight)[0]


def _forward(blocks, epsilon, x, before, kernel, scale, bias, weight):
  rounded, stacked = kernel.astype(x.dtype), _stacked(before)
  if blocks is None:
    y, sums, squares = _plain_product(x, stacked, rounded, weight)
  else:
    y, sums, squares = _run(kernels.product, blocks, x, stacked, rounded, weight)
  mean, var = moments = _combined(sums, squares, len(x), weight)
  inverse = jax.lax.rsqrt(var + epsilon)
  normed = (y.astype(jnp.float32) - mean) * (scale * inverse) + bias
  return (normed, moments), _Saved(x, before, kernel, weight, y, scale, mean, inverse)


def _combined(sums: jax.Array, squares: jax.Array, rows: int, weight: jax.Array | None) -> Moments:
  """The moments from those of tiles, without cancellation.

  Source: Chan, Golub, LeVeque, Algorithms for Computing the Sample Variance, 1983, for many parts.

  Args:
    sums, squares: float32[R, O], see `fused_product_kernels.product`.
    rows: M.
    weight: float32[M] or None.
  """
  tiles = len(sums)
  if weight is None:
    counts = jnp.full((tiles, 1), rows / tiles, jnp.float32)
  else:
    counts = weight.reshape(tiles, -1).sum(1, keepdims=True)
  count = jnp.maximum(counts.sum(), 1)
  mean = sums.sum(0) / count
  apart = counts * jnp.square(sums / jnp.maximum(counts, 1) - mean)
  return Moments(mean, (squares + apart).sum(0) / count)


def _backward(blocks, epsilon, saved, gradients):
  del epsilon
  x, before, kernel, weight, y, scale, mean, inverse = saved
  ahead = gradients[0]
  count = len(x) if weight is None else jnp.maximum(weight.sum(), 1)
  to_bias = ahead.sum(0)
  to_scale = (ahead * (y.astype(jnp.float32) - mean)).sum(0) * inverse
  multiplier = scale * inverse
  through = -multiplier / count
  spread = jnp.stack([mean, multiplier, through * to_bias, through * inverse * to_scale])
  operands = (ahead.astype(x.dtype), y, spread, weight)
  rounded, stacked = kernel.astype(x.dtype), _stacked(before)
  if blocks is None:
    to_x, multipliers, shifts, parts = _plain_gradients(*operands, rounded, x, stacked)
  else:
    to_x, multipliers, shifts = _run(kernels.to_rows, blocks, *operands, rounded, x, stacked)
    parts = _run(kernels.to_kernel, blocks, *operands, x, stacked)
  to_kernel = parts.sum(0).astype(kernel.dtype)
  to_before = None
  if before is not None:
    to_shift = shifts.sum(0)
    to_before = Affine(-before.multiplier * to_shift, multipliers.sum(0), to_shift)
  return to_x, to_before, to_kernel, to_scale, to_bias, None


_operation.defvjp(_forward, _backward)


def _stacked(affine: Affine | None) -> jax.Array | None:
  """float32[3, I] as the kernels take it."""
  return None if affine is None else jnp.stack(affine).astype(jnp.float32)


def _run(kernel: Callable[..., Any], blocks: Blocks, *operands: Any) -> Any:
  """A kernel on the device that the program is compiled for."""
  return jax.lax.platform_dependent(
    *operands,
    cuda=functools.partial(_call, kernel, blocks, False),
    default=functools.partial(_call, kernel, blocks, True),
  )


def _call(kernel: Callable[..., Any], blocks: Blocks, interpret: bool, *operands: Any) -> Any:
  return kernel(*operands, blocks, interpret)


def _plain_product(x, affine, kernel, weight):
  """`kernels.product` with one tile of all rows."""
  y = _sum_of_products("mi,io->mo", _activation(x, affine), kernel).astype(x.dtype)
  counts = jnp.ones((len(x), 1), jnp.float32) if weight is None else weight[:, None]
  seen = y.astype(jnp.float32)
  sums = (seen * counts).sum(0, keepdims=True)
  distances = (seen - sums / jnp.maximum(counts.sum(), 1)) * counts
  return y, sums, jnp.square(distances).sum(0, keepdims=True)


def _plain_gradients(ahead, y, spread, weight, kernel, x, affine):
  """`kernels.to_rows` and `kernels.to_kernel` with one tile of all rows."""
  centre, multiplier, constant, slope = spread
  through = constant + slope * (y.astype(jnp.float32) - centre)
  through = through if weight is None else through * weight[:, None]
  gradient = (ahead.astype(jnp.float32) * multiplier + through).astype(y.dtype)
  parts = _sum_of_products("mi,mo->io", _activation(x, affine), gradient)[None]
  to_z = _sum_of_products("mo,io->mi", gradient, kernel)
  if affine is None:
    return to_z.astype(x.dtype), None, None, parts
  centre, multiplier, shift = affine
  distances = x.astype(jnp.float32) - centre
  to_z = jnp.where(distances * multiplier + shift > 0, to_z, 0)
  sums = [(to_z * distances).sum(0, keepdims=True), to_z.sum(0, keepdims=True)]
  return (to_z * multiplier).astype(x.dtype), *sums, parts


def _activation(x: jax.Array, affine: jax.Array | None) -> jax.Array:
  if affine is None:
    return x
  centre, multiplier, shift = affine
  return jax.nn.relu((x.astype(jnp.float32) - centre) * multiplier + shift).astype(x.dtype)


def _sum_of_products(axes: str, left: jax.Array, right: jax.Array) -> jax.Array:
  return jnp.einsum(axes, left, right, preferred_element_type=jnp.float32)
