"""A 3x3 convolution in 16 instead of 36 products for each 2x2 outputs, for CPUs.

Lavin and Gray, *Fast Algorithms for Convolutional Neural Networks*, 2016, F(2x2, 3x3): 4x4 windows
of the input, two apart, and the kernel are transformed by small matrices of 0, 1 and 1/2; their
products, one matrix product for each of the 16 places, are transformed back. XLA's CPU compiler has
no such algorithm; accelerators' libraries choose them by themselves.

Notation: `F` frames, `h w` grid, `C` channels in, `O` out; *places* are the 16 positions in a
window, row by row; each is an array over all windows, `[F * ceil(h/2) * ceil(w/2), C or O]`.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

_Matrix = tuple[tuple[float, ...], ...]

_FROM_INPUT: _Matrix = ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1))
_FROM_KERNEL: _Matrix = ((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1))
_TO_OUTPUT: _Matrix = ((1, 1, 1, 0), (0, 1, -1, -1))


@jax.custom_vjp
def convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
  """Convolution with a 3x3 kernel, stride 1 and one zero around the grid.

  The gradient needs as few products. Only the input is kept for it: the windows would take four
  times the memory, and making them again takes a fraction of the products' time.

  Args:
    x: float32[F, h, w, C].
    kernel: float32[3, 3, C, O].

  Returns:
    float32[F, h, w, O]; differs from a plain convolution by about 1e-6 of its largest value.
  """
  x = _whole(x)
  places = [
    rows @ matrix for rows, matrix in zip(_input_places(x), _kernel_places(kernel), strict=True)
  ]
  frames, height, width, _ = x.shape
  down, across = -(-height // 2), -(-width // 2)
  grids = [place.reshape(frames, down, across, -1) for place in places]
  return _whole(_interleave(_both_sides(_TO_OUTPUT, grids))[:, :height, :width])


def forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
  """The result of `convolve`, and what `backward` needs."""
  return convolve(x, kernel), (x, kernel)


def backward(
  saved: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
  """The gradients of input and kernel: each linear step of `convolve` transposed, in reverse.

  Args:
    saved: from `forward`.
    gradient: float32[F, h, w, O], of the result.
  """
  (x, gradient), kernel = _whole((saved[0], gradient)), saved[1]
  frames, height, width, channels = x.shape
  down, across = -(-height // 2), -(-width // 2)
  even = _pad(gradient, (0, 2 * down - height), (0, 2 * across - width))
  places = [_rows(place) for place in _both_sides(_transposed(_TO_OUTPUT), _parities(even))]

  to_kernel = _both_sides(
    _transposed(_FROM_KERNEL),
    [rows.T @ place for rows, place in zip(_input_places(x), places, strict=True)],
  )
  windows = [
    (place @ matrix.T).reshape(frames, down, across, channels)
    for place, matrix in zip(places, _kernel_places(kernel), strict=True)
  ]
  windows = _both_sides(_transposed(_FROM_INPUT), windows)

  def overlap(row: int, column: int) -> jax.Array:
    """The sum of up to four windows over a place; row and column are its parities."""
    return sum(
      _pad(windows[4 * (row + 2 * up) + column + 2 * left], (up, 1 - up), (left, 1 - left))
      for up in (0, 1)
      for left in (0, 1)
    )  # type: ignore[return-value]

  padded = _interleave([overlap(row, column) for row in (0, 1) for column in (0, 1)])
  to_x = padded[:, 1 : height + 1, 1 : width + 1]
  return _whole(to_x), jnp.stack(to_kernel).reshape(kernel.shape)


convolve.defvjp(forward, backward)


# Values that are read several times are kept in memory; otherwise XLA repeats the norm that a value
# comes from, at each place.
_whole = jax.lax.optimization_barrier


def _input_places(x: jax.Array) -> list[jax.Array]:
  """float32[F, h, w, C] -> 16 places of the transformed windows."""
  down, across = (-(-size // 2) for size in x.shape[1:3])
  ends = [(1, 2 * count + 1 - size) for count, size in zip((down, across), x.shape[1:3])]
  padded = _pad(x, *ends)
  windows = [
    padded[:, i : i + 2 * down - 1 : 2, j : j + 2 * across - 1 : 2]
    for i in range(4)
    for j in range(4)
  ]
  return [_rows(place) for place in _both_sides(_FROM_INPUT, windows)]


def _kernel_places(kernel: jax.Array) -> list[jax.Array]:
  """float32[3, 3, C, O] -> 16 matrices [C, O]."""
  return _both_sides(_FROM_KERNEL, [kernel[i, j] for i in range(3) for j in range(3)])


def _both_sides(matrix: _Matrix, square: Sequence[jax.Array]) -> list[jax.Array]:
  """matrix @ square @ matrix.T, for a square matrix of arrays that is listed row by row."""
  size = len(matrix[0])
  columns = [_combine(matrix, square[j::size]) for j in range(size)]
  return [value for row in zip(*columns, strict=True) for value in _combine(matrix, row)]


def _combine(matrix: _Matrix, values: Sequence[jax.Array]) -> list[jax.Array]:
  """matrix @ values, without products by zero or one."""

  def combined(row: tuple[float, ...]) -> jax.Array:
    terms = [v if c == 1 else -v if c == -1 else c * v
             for c, v in zip(row, values, strict=True) if c]  # fmt: skip
    return sum(terms[1:], start=terms[0])

  return [combined(row) for row in matrix]


def _transposed(matrix: _Matrix) -> _Matrix:
  return tuple(zip(*matrix, strict=True))


def _rows(grid: jax.Array) -> jax.Array:
  return grid.reshape(-1, grid.shape[-1])


def _pad(x: jax.Array, rows: tuple[int, int], columns: tuple[int, int]) -> jax.Array:
  return jnp.pad(x, ((0, 0), rows, columns, (0, 0)))


def _parities(x: jax.Array) -> list[jax.Array]:
  """[F, 2a, 2b, C] -> its places (even, even), (even, odd), (odd, even), (odd, odd)."""
  return [x[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]


def _interleave(parities: Sequence[jax.Array]) -> jax.Array:
  """The inverse of `_parities`: four [F, a, b, C] -> [F, 2a, 2b, C]."""
  frames, down, across, channels = parities[0].shape
  rows = [jnp.stack(parities[i : i + 2], 3) for i in (0, 2)]
  return jnp.stack(rows, 2).reshape(frames, 2 * down, 2 * across, channels)
