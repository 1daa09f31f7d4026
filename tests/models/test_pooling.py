"""Means over the cells of a coarser grid; `test_reid` has the stem's pool."""

import math

import jax
import numpy as np
import pytest

from cosam_jax.models.pooling import mean_to_grid

GRIDS = [((4, 6), (2, 3)), ((8, 4), (8, 2)), ((5, 8), (3, 4)), ((7, 3), (3, 1)), ((5, 4), (2, 4))]


def drawn(size):
  return np.random.default_rng(0).standard_normal((2, *size, 3)).astype(np.float32)


def loop_means(x, grid):
  (_, height, width, _), (rows, columns) = x.shape, grid
  out = np.zeros((len(x), rows, columns, x.shape[-1]))
  for i in range(rows):
    for j in range(columns):
      top, bottom = math.floor(i * height / rows), math.ceil((i + 1) * height / rows)
      left, right = math.floor(j * width / columns), math.ceil((j + 1) * width / columns)
      out[:, i, j] = x[:, top:bottom, left:right].astype(np.float64).mean((1, 2))
  return out


@pytest.mark.parametrize(("size", "grid"), GRIDS)
def test_means_equal_a_loop_over_cells(size, grid):
  x = drawn(size)
  found = jax.jit(mean_to_grid, static_argnums=1)(x, grid)
  np.testing.assert_allclose(found, loop_means(x, grid), atol=1e-6)
  assert found.dtype == x.dtype
  assert mean_to_grid(x.astype("bfloat16"), grid).dtype == "bfloat16"


@pytest.mark.parametrize(("size", "grid"), GRIDS)
def test_means_equal_pytorchs(torch, size, grid):
  x = drawn(size)
  wanted = torch.nn.functional.adaptive_avg_pool2d(torch.tensor(x).permute(0, 3, 1, 2), grid)
  np.testing.assert_allclose(mean_to_grid(x, grid), wanted.permute(0, 2, 3, 1), atol=1e-6)


def test_features_on_the_grid_stay_as_they_are():
  x = drawn((4, 2))
  assert mean_to_grid(x, (4, 2)) is x
