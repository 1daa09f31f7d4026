"""The depthwise convolution's two forms, values and gradients, against a slow loop."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cosam_jax.models.depthwise import DepthwiseConv, convolve


def draw(*shape, seed=0):
  return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def loop(x, kernel):
  frames, height, width = x.shape[:3]
  y = np.zeros_like(x)
  for f in range(frames):
    for row in range(height):
      for column in range(width):
        for i in range(3):
          for j in range(3):
            r, c = row + i - 1, column + j - 1
            if 0 <= r < height and 0 <= c < width:
              y[f, row, column] += x[f, r, c] * kernel[i, j, 0]
  return y


@pytest.mark.parametrize("shape", [(2, 5, 4, 3), (1, 1, 7, 2), (3, 2, 1, 4)])
@pytest.mark.parametrize("portable", [False, True])
def test_values(shape, portable):
  x, kernel = draw(*shape), draw(3, 3, 1, shape[-1], seed=1)
  layer = DepthwiseConv(portable=portable)
  found = layer.apply({"params": {"kernel": kernel}}, x)
  np.testing.assert_allclose(found, loop(x, kernel), rtol=1e-5, atol=1e-5)


def test_gradients_are_those_of_xlas_convolution():
  x, kernel, ahead = draw(2, 6, 5, 3), draw(3, 3, 1, 3, seed=1), draw(2, 6, 5, 3, seed=2)

  def plain(x, kernel):
    return jax.lax.conv_general_dilated(
      x, kernel, (1, 1), ((1, 1), (1, 1)), dimension_numbers=("NHWC", "HWIO", "NHWC"),
      feature_group_count=3,
    )  # fmt: skip

  def gradients(function):
    return jax.jit(jax.grad(lambda x, k: (function(x, k) * ahead).sum(), (0, 1)))(x, kernel)

  chex.assert_trees_all_close(gradients(convolve), gradients(plain), rtol=1e-4, atol=1e-5)


def test_in_bfloat16_the_result_is_bfloat16():
  layer = DepthwiseConv(dtype=jnp.bfloat16)
  found = layer.apply({"params": {"kernel": draw(3, 3, 1, 2)}}, draw(1, 4, 4, 2))
  assert found.dtype == jnp.bfloat16
