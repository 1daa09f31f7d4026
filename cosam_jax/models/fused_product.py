"""A norm, its ReLU, a matrix product and the product's moments as one operation.

A 1x1 convolution between two batch norms is bound by memory, not by arithmetic: written one after
the other, the first norm's output is written and read again, and the second norm reads the product
twice for its moments. Here the product's kernel normalises what it reads and sums what it writes,
and the gradient's kernels do the same, so that the activation between is never in memory and the
moments take no pass. The kernels are for NVIDIA GPUs (`fused_product_kernels`); on other devices
they are interpreted, far slower, which serves tests alone.

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
  affine: Affine | None
  kernel: jax.Array
  weight: jax.Array | None
  y: jax.Array
  moments: Moments


def fits(rows: int, inputs: int, outputs: int, dtype: Any) -> bool:
  """Whether the kernels take a product of these sizes; others are written out in plain JAX."""
  return blocks_of((rows, inputs, outputs), dtype) is not None


def norm_relu_product(
  x: jax.Array,
  affine: Affine | None,
  kernel: jax.Array,
  weight: jax.Array | None = None,
  *,
  blocks: Blocks | None = None,
) -> tuple[jax.Array, Moments]:
  """ReLU((x - centre) * multiplier + shift) @ kernel, and the moments of its rows of weight 1.

  All gradients are defined, also those of the moments; of the weights there is none.

  Args:
    x: float[M, I].
    affine: the norm before the ReLU; None: the product is that of x itself.
    kernel: float[I, O]; rounded to the type of x.
    weight: float32[M], 0 or 1; None: all are 1.
    blocks: the kernels' tiles; None: those of `blocks_of`, or no kernels if the sizes do not fit.

  Returns:
    The product in the type of x, summed in float32, and the moments of what is so rounded: mean and
    biased variance over rows, float32[O] each. Without a row of weight 1, both are 0.
  """
  if blocks is None:
    blocks = blocks_of((len(x), kernel.shape[0], kernel.shape[1]), x.dtype)
  return _operation(blocks, x, affine, kernel, weight)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _operation(blocks, x, affine, kernel, weight):
  return _forward(blocks, x, affine, kernel, weight)[0]


def _forward(blocks, x, affine, kernel, weight):
  rounded, stacked = kernel.astype(x.dtype), _stacked(affine)
  if blocks is None:
    y, sums, squares = _plain_product(x, stacked, rounded, weight)
  else:
    y, sums, squares = _run(kernels.product, blocks, x, stacked, rounded, weight)
  moments = _combined(sums, squares, len(x), weight)
  return (y, moments), _Saved(x, affine, kernel, weight, y, moments)


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


def _backward(blocks, saved, gradients):
  x, affine, kernel, weight, y, (mean, _) = saved
  ahead, (to_mean, to_variance) = gradients
  count = len(x) if weight is None else jnp.maximum(weight.sum(), 1)
  # A row moves the mean by 1/count of its change, and the variance by 2/count of its distance.
  spread = jnp.stack([mean, to_mean / count, 2 * to_variance / count])
  rounded, stacked = kernel.astype(x.dtype), _stacked(affine)
  if blocks is None:
    to_x, multipliers, shifts, parts = _plain_gradients(
      ahead, y, spread, weight, rounded, x, stacked
    )
  else:
    to_x, multipliers, shifts = _run(
      kernels.to_rows, blocks, ahead, y, spread, weight, rounded, x, stacked
    )
    parts = _run(kernels.to_kernel, blocks, ahead, y, spread, weight, x, stacked)
  to_kernel = parts.sum(0).astype(kernel.dtype)
  if affine is None:
    return to_x, None, to_kernel, None
  to_shift = shifts.sum(0)
  to_affine = Affine(-affine.multiplier * to_shift, multipliers.sum(0), to_shift)
  return to_x, to_affine, to_kernel, None


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
  mean, constant, slope = spread
  through = constant + slope * (y.astype(jnp.float32) - mean)
  through = through if weight is None else through * weight[:, None]
  gradient = (ahead.astype(jnp.float32) + through).astype(y.dtype)
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
