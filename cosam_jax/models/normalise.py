"""The arithmetic of batch normalisation: moments, the affine map they give, and its gradient.

Notation: `F` frames, `C` channels.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp


class Moments(NamedTuple):
  """The mean and biased variance of each channel, float32[C]."""

  mean: jax.Array
  var: jax.Array


class Affine(NamedTuple):
  """A norm as the map (x - centre) * multiplier + shift of each channel, float32[C].

  The centre is apart, so that neither values nor gradients cancel if the mean is large.
  """

  centre: jax.Array
  multiplier: jax.Array
  shift: jax.Array


def weight_and_count(x: jax.Array, valid: jax.Array | None) -> tuple[jax.Array | None, jax.Array]:
  """The weights of frames for `moments_of`, and the number of places of weight 1, at least 1.

  Args:
    x: float[F, ..., C].
    valid: bool[F]; None: all frames have weight 1, and the first result is None too.
  """
  rows = jnp.ones(x.shape[:1], bool) if valid is None else valid
  weight = rows.astype(jnp.float32).reshape(-1, *(1,) * (x.ndim - 1))
  count = jnp.maximum(weight.sum() * (x[0].size // x.shape[-1]), 1.0)
  return None if valid is None else weight, count


def moments_of(x: jax.Array, weight: jax.Array | None, count: jax.Array) -> Moments:
  """The moments over all axes but the last, with a gradient.

  Args:
    x: float32[F, ..., C].
    weight: float32[F, 1, ..., 1], 0 or 1; None: all are 1.
    count: float32[], the number of places of weight 1, at least 1.
  """
  axes = tuple(range(x.ndim - 1))
  mean = (x if weight is None else x * weight).sum(axes) / count
  # The variance does not depend on where its centre is, to first order: no gradient goes there.
  squares = jnp.square(x - jax.lax.stop_gradient(mean))
  var = (squares if weight is None else squares * weight).sum(axes) / count
  return Moments(mean, var)


@functools.partial(jax.custom_vjp, nondiff_argnums=(5,))
def normalise(
  x: jax.Array,
  scale: jax.Array,
  bias: jax.Array,
  weight: jax.Array | None,
  count: jax.Array,
  epsilon: float,
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """Normalises with the moments of the rows of weight 1; returns (y, mean, biased variance).

  The gradient is written out, since the derived one reads the batch several times more. No gradient
  flows back from the moments, which only go into the running statistics.
  """
  mean, var = moments_of(x, weight, count)
  multiplier = scale * jax.lax.rsqrt(var + epsilon)
  return x * multiplier + (bias - mean * multiplier), mean, var


def _normalise_forward(x, scale, bias, weight, count, epsilon):
  y, mean, var = normalise(x, scale, bias, weight, count, epsilon)
  return (y, mean, var), (x, scale, weight, count, mean, jax.lax.rsqrt(var + epsilon))


def _normalise_backward(epsilon, saved, gradients):
  del epsilon
  x, scale, weight, count, mean, inverse = saved
  gradient = gradients[0]
  axes = tuple(range(x.ndim - 1))
  to_bias = gradient.sum(axes)
  to_scale = (gradient * (x - mean)).sum(axes) * inverse
  shared = (to_bias + (x - mean) * (inverse * to_scale)) / count
  shared = shared if weight is None else shared * weight
  to_x = (gradient - shared) * (scale * inverse)
  return to_x, to_scale, to_bias, None, None


normalise.defvjp(_normalise_forward, _normalise_backward)
