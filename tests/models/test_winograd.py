"""Winograd's convolution against a float64 loop and XLA's convolution, and the layers using it."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import parameterized

from cosam_jax.models import layers, winograd


def drawn(*shapes):
  random = np.random.default_rng(0)
  return [random.standard_normal(shape).astype(np.float32) for shape in shapes]


def loop(x, kernel):
  """One output at a time, float64."""
  frames, height, width, _ = x.shape
  padded = np.pad(x.astype(np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)))
  out = np.empty((frames, height, width, kernel.shape[-1]))
  for f, i, j in np.ndindex(frames, height, width):
    out[f, i, j] = np.einsum("ijc,ijco->o", padded[f, i : i + 3, j : j + 3], kernel)
  return out


class WinogradVariants(chex.TestCase):
  @chex.variants(with_jit=True)
  @parameterized.parameters((4, 6), (5, 7), (2, 1), (1, 1))
  def test_values_and_gradients_are_a_convolutions(self, height, width):
    x, kernel, gradient = drawn((3, height, width, 5), (3, 3, 5, 4), (3, height, width, 4))

    def both(convolve, *arguments):
      out, pull = jax.vjp(convolve, *arguments)
      return out, pull(gradient)

    found = self.variant(functools.partial(both, winograd.convolve))(x, kernel)
    wanted = both(functools.partial(layers._convolve, stride=1), x, kernel)
    chex.assert_trees_all_close(found, wanted, atol=2e-5, rtol=2e-5)
    np.testing.assert_allclose(found[0], loop(x, kernel), atol=1e-5)


def test_the_gradient_by_differences():
  """In float64 a linear function's differences are exact except for rounding."""
  with jax.enable_x64(True):
    x, kernel = (array.astype(np.float64) for array in drawn((1, 5, 4, 2), (3, 3, 2, 2)))
    jax.test_util.check_grads(winograd.convolve, (x, kernel), order=1, modes=["rev"], eps=1e-3)


def test_the_kernels_gradient_sums_many_places_no_worse_than_xla():
  """Sums over 65,536 places, with every product rounded, against sums in float64."""
  x, gradient = drawn((32, 64, 32, 4), (32, 64, 32, 3))
  kernel = np.zeros((3, 3, 4, 3), np.float32)
  padded = np.pad(x.astype(np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)))
  true = np.empty(kernel.shape)
  for i, j in np.ndindex(3, 3):
    true[i, j] = np.einsum("fhwc,fhwo->co", padded[:, i : i + 64, j : j + 32], gradient)

  def error(convolve):
    _, pull = jax.vjp(convolve, x, kernel)
    return np.abs(pull(jnp.asarray(gradient))[1] - true).max() / np.abs(true).max()

  assert error(winograd.convolve) < 5e-6
  assert error(winograd.convolve) < 2 * error(functools.partial(layers._convolve, stride=1))


@pytest.mark.parametrize(
  ("change", "used"),
  [
    ({}, True),
    ({"stride": 2}, False),
    ({"dtype": jnp.bfloat16}, False),
    ({"features": 63}, False),
    ({"kernel_size": 5}, False),
    ({"grid": (16, 7)}, False),
  ],
)
def test_who_uses_it(change, used):
  """Only large 3x3 convolutions in float32 use it, and they equal XLA's."""
  settings = {"features": 64, "kernel_size": 3, "grid": (16, 8)} | change
  grid = settings.pop("grid")
  (x,) = drawn((2, *grid, 64))
  conv = layers.Conv(**settings)
  variables = conv.init(jax.random.key(0), x)
  compiled = jax.jit(conv.apply).lower(variables, x).compile()
  assert ("conv_general_dilated" not in compiled.as_text()) == used
  if used:
    wanted = layers._convolve(x, variables["params"]["kernel"], stride=1)
    chex.assert_trees_all_close(compiled(variables, x), wanted, atol=1e-5)


def test_a_program_for_every_platform_and_any_number_of_frames():
  """As `--mode=export` writes it: the grid is known, the batch and the device are not."""
  x, kernel = drawn((3, 16, 8, 64), (3, 3, 64, 64))
  conv = layers.Conv(64, 3)
  shape = jax.ShapeDtypeStruct((*jax.export.symbolic_shape("F"), 16, 8, 64), jnp.float32)
  program = jax.jit(lambda x: conv.apply({"params": {"kernel": kernel}}, x))
  exported = jax.export.export(program, platforms=("cpu", "cuda", "tpu"))(shape)
  wanted = layers._convolve(x, kernel, stride=1)
  chex.assert_trees_all_close(exported.call(x), wanted, atol=1e-4)
