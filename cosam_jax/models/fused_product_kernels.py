"""The three kernels of `fused_product`, in Pallas for NVIDIA GPUs; also run by interpretation.

Each computes one tile of its result: it loops over the axis that the product sums over, and makes
the normalised activation and the full gradient of the product from what lies in memory, tile by
tile. The sums over rows of which other numbers are made come out in parts, one for each tile.

Notation: `M` rows, `I` input channels, `O` output channels, `R` tiles of rows.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton

# Triton takes sides that are powers of two, and products of no fewer than 16.
_LEAST = 16
# Sides of a tile, and bytes along the axis that is summed over: tiles of two operands or three fit
# twice or three times into the fast memory of an A100's or H100's processor.
_LARGEST = 128
_STEP_BYTES = 128
# Programs that the gradient of the weights is split into: about two for each processor.
_PROGRAMS = 256
# CUDA's limit along the second axis of a grid; and that of numbers that count elements.
_MOST_TILES = 65_535
_MOST_ELEMENTS = 2**31


class Blocks(NamedTuple):
  """Sides of the tiles; each is a power of two, 16 or more, that divides its axis.

  Attributes:
    rows, inputs, outputs: along M, I and O.
    step: along the axis that a product sums over; divides the other three.
    parts: into how many runs of rows the gradient of the weights is split; they are added up.
  """

  rows: int
  inputs: int
  outputs: int
  step: int
  parts: int


def blocks_of(shape: tuple[int, int, int], dtype: Any) -> Blocks | None:
  """The tiles for M, I and O; None if 16 does not divide all three, or there are too many."""
  sides = [min(size & -size, _LARGEST) for size in shape]
  if min(shape) < 1 or min(sides) < _LEAST or shape[0] // sides[0] > _MOST_TILES:
    return None
  if shape[0] * max(shape[1:]) >= _MOST_ELEMENTS:
    return None
  rows, inputs, outputs = sides
  step = min(*sides, _STEP_BYTES // jnp.dtype(dtype).itemsize)
  tiles = (shape[1] // inputs) * (shape[2] // outputs)
  steps = shape[0] // step
  parts = max(n for n in range(1, max(1, _PROGRAMS // tiles) + 1) if steps % n == 0)
  return Blocks(rows, inputs, outputs, step, parts)


def product(
  x: jax.Array,
  affine: jax.Array | None,
  kernel: jax.Array,
  weight: jax.Array | None,
  blocks: Blocks,
  interpret: bool,
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """The product of the activation, and its sums over the rows of each tile.

  Args:
    x: dtype[M, I].
    affine: float32[3, I], centre, multiplier and shift: the activation is ReLU((x - centre) *
      multiplier + shift), rounded to dtype. None: it is x.
    kernel: dtype[I, O].
    weight: float32[M], 0 or 1; None: all are 1.
    blocks: the tiles.
    interpret: run on any device, far slower.

  Returns:
    dtype[M, O], the product, summed in float32; float32[R, O], its sums over each tile's rows of
    weight 1; and float32[R, O], the sums of their squared distances from their mean.
  """
  (size, inputs), outputs = x.shape, kernel.shape[1]
  rows, columns = blocks.rows, blocks.outputs
  tiles = size // rows
  # Programs beside each other take the same rows, which so are read from memory once.
  return pl.pallas_call(  # type: ignore[no-any-return]
    functools.partial(_product, blocks=blocks),
    grid=(outputs // columns, tiles),
    in_specs=[
      pl.BlockSpec((rows, inputs), lambda j, i: (i, 0)),
      None if affine is None else pl.BlockSpec((3, inputs), lambda j, i: (0, 0)),
      pl.BlockSpec((inputs, columns), lambda j, i: (0, j)),
      None if weight is None else pl.BlockSpec((rows,), lambda j, i: (i,)),
    ],
    out_specs=[
      pl.BlockSpec((rows, columns), lambda j, i: (i, j)),
      pl.BlockSpec((None, columns), lambda j, i: (i, j)),
      pl.BlockSpec((None, columns), lambda j, i: (i, j)),
    ],
    out_shape=[
      jax.ShapeDtypeStruct((size, outputs), x.dtype),
      jax.ShapeDtypeStruct((tiles, outputs), jnp.float32),
      jax.ShapeDtypeStruct((tiles, outputs), jnp.float32),
    ],
    name="fused_product",
    **_how(interpret, stages=3),
  )(x, affine, kernel, weight)


def _product(x, affine, kernel, weight, y, sums, squares, *, blocks):
  def add(k, total):
    at = pl.ds(k * blocks.step, blocks.step)
    activation = _activation(x[:, at], _rows_of(affine, at))
    return total + _dot(activation, kernel[at, :], (1, 0))

  start = jnp.zeros((blocks.rows, blocks.outputs), jnp.float32)
  written = jax.lax.fori_loop(0, x.shape[1] // blocks.step, add, start).astype(y.dtype)
  y[...] = written
  seen = written.astype(jnp.float32)
  if weight is None:
    total = seen.sum(0)
    distances = seen - total[None, :] / blocks.rows
  else:
    counts = weight[...]
    total = (seen * counts[:, None]).sum(0)
    distances = (seen - total[None, :] / jnp.maximum(counts.sum(), 1)) * counts[:, None]
  sums[...] = total
  squares[...] = (distances * distances).sum(0)


def to_rows(
  ahead: jax.Array,
  y: jax.Array,
  spread: jax.Array,
  weight: jax.Array | None,
  kernel: jax.Array,
  x: jax.Array,
  affine: jax.Array | None,
  blocks: Blocks,
  interpret: bool,
) -> tuple[jax.Array, jax.Array | None, jax.Array | None]:
  """The gradients of `product` with respect to x and, in parts, to multiplier and shift.

  Args:
    ahead: dtype[M, O], the gradient of the norm that follows the product.
    y: dtype[M, O], the product.
    spread: float32[4, O]: the norm's centre and multiplier; and the constant, and the slope around
      the centre, of the gradient that reaches each row of weight 1 through the moments.
    weight, kernel, x, affine, blocks, interpret: as for `product`.

  Returns:
    dtype[M, I], to x; float32[R, I], to the multiplier, and float32[R, I], to the shift, from each
    tile's rows; the latter two are None without `affine`.
  """
  (size, inputs), outputs = x.shape, kernel.shape[1]
  rows, columns = blocks.rows, blocks.inputs
  tiles = size // rows
  tile = pl.BlockSpec((rows, columns), lambda j, i: (i, j))
  whole_rows = pl.BlockSpec((rows, outputs), lambda j, i: (i, 0))
  part = pl.BlockSpec((None, columns), lambda j, i: (i, j))
  normed = affine is not None
  found = pl.pallas_call(
    functools.partial(_to_rows, blocks=blocks),
    grid=(inputs // columns, tiles),
    in_specs=[
      whole_rows,
      whole_rows,
      pl.BlockSpec((4, outputs), lambda j, i: (0, 0)),
      None if weight is None else pl.BlockSpec((rows,), lambda j, i: (i,)),
      pl.BlockSpec((columns, outputs), lambda j, i: (j, 0)),
      tile if normed else None,
      pl.BlockSpec((3, columns), lambda j, i: (0, j)) if normed else None,
    ],
    out_specs=[tile, *[part] * (2 * normed)],
    out_shape=[
      jax.ShapeDtypeStruct(x.shape, x.dtype),
      *[jax.ShapeDtypeStruct((tiles, inputs), jnp.float32)] * (2 * normed),
    ],
    name="fused_product_to_rows",
    **_how(interpret, stages=2),
  )(ahead, y, spread, weight, kernel, x if normed else None, affine)
  return tuple(found) if normed else (found[0], None, None)


def _to_rows(ahead, y, spread, weight, kernel, x, affine, to_x, *parts, blocks):
  counts = None if weight is None else weight[...]

  def add(k, total):
    at = pl.ds(k * blocks.step, blocks.step)
    gradient = _whole_gradient(ahead[:, at], y[:, at], _rows_of(spread, at), counts)
    return total + _dot(gradient, kernel[:, at], (1, 1))

  start = jnp.zeros((blocks.rows, blocks.inputs), jnp.float32)
  total = jax.lax.fori_loop(0, kernel.shape[1] // blocks.step, add, start)
  if affine is None:
    to_x[...] = total.astype(to_x.dtype)
    return
  centre, multiplier, shift = _rows_of(affine, slice(None))
  distances = x[...].astype(jnp.float32) - centre
  total = jnp.where(distances * multiplier + shift > 0, total, 0.0)
  to_x[...] = (total * multiplier).astype(to_x.dtype)
  to_multiplier, to_shift = parts
  to_multiplier[...] = (total * distances).sum(0)
  to_shift[...] = total.sum(0)


def to_kernel(
  ahead: jax.Array,
  y: jax.Array,
  spread: jax.Array,
  weight: jax.Array | None,
  x: jax.Array,
  affine: jax.Array | None,
  blocks: Blocks,
  interpret: bool,
) -> jax.Array:
  """The gradient of `product` with respect to the kernel, in parts: float32[parts, I, O].

  Args: as for `to_rows`.
  """
  (size, inputs), outputs = x.shape, y.shape[1]
  run = size // blocks.parts
  whole = pl.BlockSpec((run, blocks.outputs), lambda i, j, s: (s, j))
  return pl.pallas_call(  # type: ignore[no-any-return]
    functools.partial(_to_kernel, blocks=blocks),
    grid=(inputs // blocks.inputs, outputs // blocks.outputs, blocks.parts),
    in_specs=[
      whole,
      whole,
      pl.BlockSpec((4, blocks.outputs), lambda i, j, s: (0, j)),
      None if weight is None else pl.BlockSpec((run,), lambda i, j, s: (s,)),
      pl.BlockSpec((run, blocks.inputs), lambda i, j, s: (s, i)),
      None if affine is None else pl.BlockSpec((3, blocks.inputs), lambda i, j, s: (0, i)),
    ],
    out_specs=pl.BlockSpec((None, blocks.inputs, blocks.outputs), lambda i, j, s: (s, i, j)),
    out_shape=jax.ShapeDtypeStruct((blocks.parts, inputs, outputs), jnp.float32),
    name="fused_product_to_kernel",
    **_how(interpret, stages=2),
  )(ahead, y, spread, weight, x, affine)


def _to_kernel(ahead, y, spread, weight, x, affine, to_kernel, *, blocks):
  through, around = _rows_of(spread, slice(None)), _rows_of(affine, slice(None))

  def add(k, total):
    at = pl.ds(k * blocks.step, blocks.step)
    counts = None if weight is None else weight[at]
    gradient = _whole_gradient(ahead[at, :], y[at, :], through, counts)
    return total + _dot(_activation(x[at, :], around), gradient, (0, 0))

  start = jnp.zeros((blocks.inputs, blocks.outputs), jnp.float32)
  to_kernel[...] = jax.lax.fori_loop(0, x.shape[0] // blocks.step, add, start)


def _activation(x, affine):
  """The activation of a tile of rows, rounded to its type."""
  if affine is None:
    return x
  centre, multiplier, shift = affine
  value = (x.astype(jnp.float32) - centre) * multiplier + shift
  return jnp.maximum(value, 0.0).astype(x.dtype)


def _whole_gradient(ahead, y, spread, counts):
  """The gradient of a tile of the product, by itself and through the moments; rounded."""
  centre, multiplier, constant, slope = spread
  through = constant + slope * (y.astype(jnp.float32) - centre)
  through = through if counts is None else through * counts[:, None]
  return (ahead.astype(jnp.float32) * multiplier + through).astype(y.dtype)


def _rows_of(vectors, at):
  """Vectors in float32[n, channels] at some channels, each float32[1, channels]; None of None."""
  if vectors is None:
    return None
  return tuple(vectors[i, at][None, :] for i in range(vectors.shape[0]))


def _dot(left, right, contracted):
  dimensions = (((contracted[0],), (contracted[1],)), ((), ()))
  return jax.lax.dot_general(left, right, dimensions, preferred_element_type=jnp.float32)


def _how(interpret: bool, stages: int) -> dict[str, Any]:
  """Arguments of a call: interpreted, or for Triton with `stages` tiles on their way at a time."""
  if interpret:
    return {"interpret": True}
  return {"compiler_params": triton.CompilerParams(num_warps=8, num_stages=stages)}
