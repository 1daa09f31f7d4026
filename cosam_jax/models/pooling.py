"""Pools with PyTorch's conventions, channels last: the stem's maximum, and means over cells."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def max_pool(x: jax.Array, ceil_mode: bool) -> jax.Array:
  """3x3 maximum with stride 2.

  If a window has its maximum twice, both places get the gradient. The network pools after a ReLU,
  where only zeros repeat, and those pass no gradient on.

  Args:
    x: float[F, h, w, C].
    ceil_mode: False pads one on every side (torchvision). True pads nothing at the start of an axis
      and as much at its end as the last window needs (the SE family).

  Returns:
    float[F, pooled_size(h), pooled_size(w), C].
  """
  by_windows = functools.partial(_by_windows, ceil_mode=ceil_mode)
  by_places = functools.partial(_by_places, ceil_mode=ceil_mode)
  return jax.lax.platform_dependent(x, cpu=by_places, default=by_windows)


def _pads(x: jax.Array, ceil_mode: bool) -> list[tuple[int, int]]:
  """What is put around the grid, so that windows cover it."""
  pads = []
  for size in x.shape[1:3]:
    left = 0 if ceil_mode else 1
    covered = (pooled_size(size, ceil_mode=ceil_mode) - 1) * 2 + 3
    pads.append((left, max(0, covered - size - left)))
  return pads


def _by_windows(x: jax.Array, ceil_mode: bool) -> jax.Array:
  return nn.max_pool(x, (3, 3), (2, 2), tuple(_pads(x, ceil_mode)))


def _surrounded(x: jax.Array, ceil_mode: bool) -> jax.Array:
  return jnp.pad(x, ((0, 0), *_pads(x, ceil_mode), (0, 0)), constant_values=-jnp.inf)


def _by_places(x: jax.Array, ceil_mode: bool) -> jax.Array:
  """The maximum over the nine places of a window, which XLA's CPU compiler vectorises."""
  padded = _surrounded(x, ceil_mode)
  rows, columns = ((size - 3) // 2 * 2 + 1 for size in padded.shape[1:3])
  places = [padded[:, i : i + rows : 2, j : j + columns : 2] for i in range(3) for j in range(3)]
  return functools.reduce(jnp.maximum, places)


def _max_pool_forward(
  x: jax.Array, ceil_mode: bool
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
  # By places, XLA would repeat the norm before the pool at each of them.
  pooled = _by_windows(x, ceil_mode)
  return pooled, (x, pooled)


def _max_pool_backward(
  ceil_mode: bool, saved: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array]:
  """Compares each place with the windows, at most four, that it lies in.

  XLA's own rule (select and scatter) is several times slower on CPUs. In padded coordinates, place
  q lies in window q // 2, and, if q is even, in window q // 2 - 1 too.
  """
  x, pooled = saved
  left = 0 if ceil_mode else 1
  rows, columns = (2 * size + 1 for size in pooled.shape[1:3])
  right = (rows - left - x.shape[1], columns - left - x.shape[2])
  padded = jnp.pad(x, ((0, 0), (left, right[0]), (left, right[1]), (0, 0)))
  even = [(jnp.arange(size) % 2 == 0) for size in (rows, columns)]

  def spread(windows: jax.Array, down: int, across: int, filler: float) -> jax.Array:
    pads = ((0, 0), (down, 1 - down), (across, 1 - across), (0, 0))
    windows = jnp.pad(windows, pads, constant_values=filler)
    return jnp.repeat(jnp.repeat(windows, 2, 1), 2, 2)[:, :rows, :columns]

  total = jnp.zeros_like(padded)
  for down in (0, 1):
    for across in (0, 1):
      hit = padded == spread(pooled, down, across, jnp.inf)
      hit &= even[0][None, :, None, None] if down else True
      hit &= even[1][None, None, :, None] if across else True
      total += jnp.where(hit, spread(gradient, down, across, 0.0), 0.0)
  return (total[:, left : left + x.shape[1], left : left + x.shape[2]],)


max_pool.defvjp(_max_pool_forward, _max_pool_backward)


def portable_max_pool(x: jax.Array, ceil_mode: bool) -> jax.Array:
  """`max_pool` with the padding as an operation of its own, for converters to other formats.

  They mistake a pool that pads over four axes for a pool over four grid axes.
  """
  padded = _surrounded(x, ceil_mode)
  return nn.max_pool(padded, window_shape=(3, 3), strides=(2, 2), padding="VALID")


def pooled_size(size: int, *, ceil_mode: bool) -> int:
  """The length that `max_pool` gives for a side of `size`."""
  return max(1, size // 2) if ceil_mode else (size + 1) // 2


def mean_to_grid(x: jax.Array, grid: tuple[int, int]) -> jax.Array:
  """Means over the cells of a coarser grid.

  If sides do not divide, neighbouring cells share a row or column, as in PyTorch's adaptive average
  pooling: cell i of h cells takes rows from floor(i H / h) to ceil((i + 1) H / h), exclusive.

  Args:
    x: float[F, H, W, C].
    grid: h and w, at most H and W.

  Returns:
    x's type [F, h, w, C]; `x` itself if it is on this grid.
  """
  frames, height, width, channels = x.shape
  rows, columns = grid
  if (height, width) == grid:
    return x
  if height % rows == 0 and width % columns == 0:
    cells = x.reshape(frames, rows, height // rows, columns, width // columns, channels)
    return cells.mean((2, 4))
  down, across = _shares(height, rows), _shares(width, columns)
  # HIGHEST, since an accelerator's default would round the features.
  exact = jax.lax.Precision.HIGHEST
  means = jnp.einsum("ih,jw,fhwc->fijc", down, across, x, precision=exact)
  return means.astype(x.dtype)


def _shares(size: int, cells: int) -> np.ndarray:
  """float32[cells, size]: the share of each place in each cell's mean; rows sum to one."""
  first, place = np.arange(cells)[:, None], np.arange(size)[None]
  inside = (place >= first * size // cells) & (place < -(-(first + 1) * size // cells))
  return (inside / inside.sum(1, keepdims=True)).astype(np.float32)
