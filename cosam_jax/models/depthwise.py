"""The depthwise 3x3 convolution, with a form that XLA's CPU compiler runs well.

Notation: `F` frames (clips and time flattened), `h w` grid, `C` channels.
"""

import functools

import jax
import jax.numpy as jnp
from flax import linen as nn

from cosam_jax.models.layers import Dtype, kaiming_fan_out
from cosam_jax.models.parameters import parameter

_SIZE = 3


class DepthwiseConv(nn.Module):
  """A 3x3 convolution of each channel by itself, stride 1, one zero around the grid, no bias.

  The parameter has the shape `[3, 3, 1, C]` of a convolution with C groups.

  `portable`: always a convolution, and no choice by platform; see `layers.Conv`.
  """

  dtype: Dtype = jnp.float32
  portable: bool = False

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """float[F, h, w, C] -> dtype[F, h, w, C]."""
    kernel = parameter(self, "kernel", kaiming_fan_out, (_SIZE, _SIZE, 1, x.shape[-1]))
    x, kernel = x.astype(self.dtype), kernel.astype(self.dtype)
    if self.portable:
      return _convolve(x, kernel)
    return jax.lax.platform_dependent(x, kernel, cpu=convolve, default=_convolve)


def _convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
  return jax.lax.conv_general_dilated(
    x, kernel, (1, 1), ((1, 1), (1, 1)),
    dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=x.shape[-1],
  )  # fmt: skip


@jax.custom_vjp
def convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
  """The same as a convolution with C groups, as nine products of whole grids, which XLA fuses.

  Args:
    x: float[F, h, w, C].
    kernel: float[3, 3, 1, C].

  Returns:
    float[F, h, w, C].
  """
  terms = [place * kernel[i, j, 0] for (i, j), place in zip(_PLACES, _shifted(x), strict=True)]
  return functools.reduce(jnp.add, terms)


_PLACES = [(i, j) for i in range(_SIZE) for j in range(_SIZE)]


def _shifted(x: jax.Array) -> list[jax.Array]:
  """The grid as seen from each of the nine places of the kernel, zeros beyond its border."""
  height, width = x.shape[1:3]
  padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
  return [padded[:, i : i + height, j : j + width] for i, j in _PLACES]


def _convolve_forward(
  x: jax.Array, kernel: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
  return convolve(x, kernel), (x, kernel)


def _convolve_backward(
  saved: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
  x, kernel = saved
  to_x = convolve(gradient, kernel[::-1, ::-1])
  to_kernel = [(place * gradient).sum((0, 1, 2)) for place in _shifted(x)]
  return to_x, jnp.stack(to_kernel).reshape(kernel.shape)


convolve.defvjp(_convolve_forward, _convolve_backward)
