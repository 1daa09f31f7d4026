"""The kernels' tiles, their sums by a loop, and their lowering for NVIDIA GPUs without one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cosam_jax.models import fused_product_kernels as kernels
from cosam_jax.models.fused_product import normed_product
from cosam_jax.models.fused_product_kernels import Blocks, blocks_of
from cosam_jax.models.normalise import Affine

# The kernels are for GPUs, and slow where a CPU pretends to be one.
pytestmark = pytest.mark.slow

# M, I, O of conv3 and conv1 in ResNet-50's stages, for 128 frames at 256x128.
STAGES = [
  (128 * grid, *sides)
  for grid, inner in ((2048, 64), (512, 128), (128, 256), (128, 512))
  for sides in ((inner, 4 * inner), (4 * inner, inner))
]


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_tiles_divide_their_axes_and_are_powers_of_two(dtype):
  for shape in [*STAGES, (98 * 16, 48, 192), (16, 16, 16)]:
    blocks = blocks_of(shape, dtype)
    sides = (blocks.rows, blocks.inputs, blocks.outputs)
    for size, side in zip(shape, sides, strict=True):
      assert size % side == side % blocks.step == 0
      assert 16 <= side <= 128
      assert side & (side - 1) == 0
    assert blocks.step >= 16
    run, rest = divmod(shape[0], blocks.parts)
    assert rest == run % blocks.step == 0
    tiles = shape[1] * shape[2] // (blocks.inputs * blocks.outputs)
    assert blocks.parts == 1 or tiles * blocks.parts <= 256


@pytest.mark.parametrize(
  "shape",
  [(8, 16, 16), (24, 16, 16), (16, 8, 16), (16, 16, 40), (0, 16, 16), (16 * 65_537, 16, 16),
   (2**20, 16, 2048)],
)  # fmt: skip
def test_no_tiles_for_odd_sizes_and_for_more_than_a_gpu_counts(shape):
  assert blocks_of(shape, jnp.float32) is None


def test_sums_are_those_of_the_rows_of_each_tile():
  rng = np.random.default_rng(0)
  x = rng.normal(5, 1, (48, 32)).astype(np.float32)
  kernel = rng.normal(0, 1, (32, 16)).astype(np.float32)
  weight = (rng.random(48) < 0.6).astype(np.float32)
  weight[16:32] = 0
  blocks = Blocks(rows=16, inputs=16, outputs=16, step=16, parts=1)
  for given in (weight, None):
    y, sums, squares = kernels.product(x, None, kernel, given, blocks, interpret=True)
    np.testing.assert_allclose(y, x @ kernel, rtol=1e-5, atol=1e-4)
    for tile in range(3):
      rows = [i for i in range(16 * tile, 16 * tile + 16) if given is None or weight[i]]
      taken = np.asarray(y, np.float64)[rows]
      np.testing.assert_allclose(sums[tile], taken.sum(0), rtol=1e-5, atol=1e-4)
      apart = np.square(taken - taken.mean(0)).sum(0) if rows else np.zeros(16)
      np.testing.assert_allclose(squares[tile], apart, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("normed", [False, True])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_the_three_kernels_lower_for_cuda(dtype, normed, weighted):
  for rows, inputs, outputs in STAGES:
    channels = jax.ShapeDtypeStruct((inputs,), jnp.float32)
    before = Affine(channels, channels, channels) if normed else None
    weight = jax.ShapeDtypeStruct((rows,), jnp.float32) if weighted else None

    def total(x, before, kernel, scale, weight):
      y, _ = normed_product(x, before, kernel, scale, scale, weight, epsilon=1e-5)
      return jnp.square(y).sum()

    program = (
      jax.jit(jax.grad(total, (0, 2)))
      .trace(
        jax.ShapeDtypeStruct((rows, inputs), dtype),
        before,
        jax.ShapeDtypeStruct((inputs, outputs), jnp.float32),
        jax.ShapeDtypeStruct((outputs,), jnp.float32),
        weight,
      )
      .lower(lowering_platforms=("cuda",))
      .as_text()
    )
    for name in ("fused_product", "fused_product_to_rows", "fused_product_to_kernel"):
      (call,) = [line for line in program.splitlines() if f'name = "{name}"' in line]
      assert "__gpu$xla.gpu.triton" in call
    assert "stablehlo.while" not in program  # Of an interpreted kernel.
