"""The forms that convolutions take on CPUs, with and without a gradient, against XLA's own."""

import chex
import jax
import numpy as np
import pytest

from cosam_jax.models.layers import Conv

CASES = {  # Channels in and out, kernel, stride, grid.
  "few channels": (3, 8, 7, 2, (12, 9)),
  "a large grid": (64, 64, 3, 1, (16, 8)),
  "XLA's without a gradient": (96, 128, 3, 1, (16, 8)),
  "many channels on a small grid": (256, 256, 3, 1, (8, 4)),
  "few channels on a very large grid": (32, 32, 3, 1, (32, 16)),
  "too small": (32, 48, 3, 1, (6, 4)),
  "a grid smaller than the kernel": (16, 24, 3, 1, (4, 2)),
  "the same with a stride": (16, 24, 3, 2, (4, 2)),
  "a single position": (16, 24, 3, 1, (1, 1)),
}


def plain(x, kernel, stride):
  pad = kernel.shape[0] // 2
  return jax.lax.conv_general_dilated(
    x, kernel, (stride, stride), ((pad, pad), (pad, pad)),
    dimension_numbers=("NHWC", "HWIO", "NHWC"), precision=jax.lax.Precision.HIGHEST,
  )  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients(case):
  channels, features, size, stride, grid = CASES[case]
  rng = np.random.default_rng(0)
  x = rng.standard_normal((2, *grid, channels)).astype(np.float32)
  kernel = rng.standard_normal((size, size, channels, features)).astype(np.float32)
  layer = Conv(features, size, stride)

  def ours(x, kernel):
    return layer.apply({"params": {"kernel": kernel}}, x)

  wanted, pull_back = jax.vjp(lambda x, kernel: plain(x, kernel, stride), x, kernel)
  ahead = rng.standard_normal(wanted.shape).astype(np.float32)
  closeness = {"rtol": 1e-4, "atol": 1e-5 * float(np.abs(wanted).max())}
  np.testing.assert_allclose(jax.jit(ours)(x, kernel), wanted, **closeness)

  @jax.jit
  def both(x, kernel):
    found, back = jax.vjp(ours, x, kernel)
    return found, back(ahead)

  found, gradients = both(x, kernel)
  np.testing.assert_allclose(found, wanted, **closeness)
  for mine, theirs in zip(gradients, pull_back(ahead), strict=True):
    chex.assert_trees_all_close(mine, theirs, rtol=1e-3, atol=1e-4 * float(np.abs(theirs).max()))
