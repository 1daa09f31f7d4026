"""Temporal heads: the vectors of a clip's frames -> one vector.

Each head takes the frames' feature maps, of which only TA makes use, and the vectors that
`spatial_pool` makes of them.

Notation: `B` clips, `T` frames, `h w` grid, `C` channels of a map, `V` numbers of a frame's vector,
`D` embedding size.
Source: the poster's temporal aggregations TP, TA and RNN, with the published code's layers. AP is
ours to offer; much of today's video re-identification has it.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from cosam_jax.models.cosam import masked_mean
from cosam_jax.models.layers import Dtype
from cosam_jax.models.parameters import parameter

ATTENTION_SIZE = 256
LSTM_SIZE = 512
_torch_init = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")


def weighted_mean(
  vectors: jax.Array, weights: jax.Array | None, valid: jax.Array | None
) -> jax.Array:
  """float32[B, T, V] -> float32[B, V], by a head's weights, or the mean over valid frames."""
  if weights is None:
    return masked_mean(vectors, valid)
  return jnp.einsum("btc,bt->bc", vectors, weights)


class TemporalPooling(nn.Module):
  """TP: the mean over the frames."""

  @nn.compact
  def __call__(
    self, features: jax.Array, vectors: jax.Array, valid: jax.Array | None = None
  ) -> tuple[jax.Array, jax.Array | None]:
    """float[B, T, h, w, C], float32[B, T, V] -> float32[B, V]; no frame weights."""
    del features
    return masked_mean(vectors, valid), None


class AttentionPooling(nn.Module):
  """AP: frames weighted by a softmax over one learned linear score of their vectors."""

  @nn.compact
  def __call__(
    self, features: jax.Array, vectors: jax.Array, valid: jax.Array | None = None
  ) -> tuple[jax.Array, jax.Array | None]:
    """float[B, T, h, w, C], float32[B, T, V] -> float32[B, V] and the weights, float32[B, T]."""
    del features
    kernel, bias = _Weights((vectors.shape[-1], 1), name="score")()
    scores = (vectors @ kernel + bias)[..., 0]
    if valid is not None:
      scores = jnp.where(valid, scores, jnp.finfo(scores.dtype).min)
    weights = nn.softmax(scores, axis=1)
    return weighted_mean(vectors, weights, valid), weights


class TemporalAttention(nn.Module):
  """TA: frames weighted by a softmax over scores from their whole feature map.

  Attributes:
    score_relu: apply a ReLU to the scores before the softmax, as the published code does; if it
      dies, all weights are 1/T. False leaves it out (ours).
    dtype: compute dtype of the convolution over the grid.
  """

  score_relu: bool = True
  dtype: Dtype = jnp.float32

  @nn.compact
  def __call__(
    self, features: jax.Array, vectors: jax.Array, valid: jax.Array | None = None
  ) -> tuple[jax.Array, jax.Array | None]:
    """float[B, T, h, w, C], float32[B, T, V] -> float32[B, V] and the weights, float32[B, T]."""
    # A convolution as large as its grid is one matrix product over the flattened grid.
    clips, frames = features.shape[:2]
    x = features.reshape(clips, frames, -1).astype(self.dtype)
    kernel, bias = _Weights((*features.shape[2:], ATTENTION_SIZE), name="conv")()
    x = x @ kernel.reshape(-1, ATTENTION_SIZE).astype(self.dtype)
    x = nn.relu(x.astype(jnp.float32) + bias)
    if valid is not None:
      x = x * valid[..., None]
    kernel, bias = _Weights((3, ATTENTION_SIZE, 1), name="tconv")()
    padded = jnp.pad(x, ((0, 0), (1, 1), (0, 0)))
    scores = sum(padded[:, i : i + frames] @ kernel[i, :, 0] for i in range(3)) + bias[0]
    scores = nn.relu(scores) if self.score_relu else scores
    if valid is not None:
      scores = jnp.where(valid, scores, jnp.finfo(scores.dtype).min)
    weights = nn.softmax(scores, axis=1)
    return weighted_mean(vectors, weights, valid), weights


class TemporalRnn(nn.Module):
  """RNN: an LSTM over the frames' vectors; the mean of its outputs.

  Parameters are PyTorch's (gate order i, f, g, o and two bias vectors), so that weights and
  optimiser steps carry over.
  """

  @nn.compact
  def __call__(
    self, features: jax.Array, vectors: jax.Array, valid: jax.Array | None = None
  ) -> tuple[jax.Array, jax.Array | None]:
    """float[B, T, h, w, C], float32[B, T, V] -> float32[B, 512]; no frame weights."""
    del features
    clips, frames, channels = vectors.shape

    def uniform(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
      return jax.random.uniform(key, shape, minval=-1, maxval=1) / LSTM_SIZE**0.5

    to_gates = parameter(self, "input_kernel", uniform, (channels, 4 * LSTM_SIZE))
    recur = parameter(self, "hidden_kernel", uniform, (LSTM_SIZE, 4 * LSTM_SIZE))
    bias = parameter(self, "input_bias", uniform, (4 * LSTM_SIZE,))
    bias = bias + parameter(self, "hidden_bias", uniform, (4 * LSTM_SIZE,))
    gates_in = vectors @ to_gates + bias
    alive = jnp.ones((clips, frames), bool) if valid is None else valid

    def step(carry, inputs):
      hidden, cell = carry
      gate_in, here = inputs
      i, f, g, o = jnp.split(gate_in + hidden @ recur, 4, axis=-1)
      new_cell = nn.sigmoid(f) * cell + nn.sigmoid(i) * jnp.tanh(g)
      new_hidden = nn.sigmoid(o) * jnp.tanh(new_cell)
      cell = jnp.where(here[:, None], new_cell, cell)
      hidden = jnp.where(here[:, None], new_hidden, hidden)
      return (hidden, cell), hidden

    start = (jnp.zeros((clips, LSTM_SIZE)), jnp.zeros((clips, LSTM_SIZE)))
    _, outputs = jax.lax.scan(step, start, (gates_in.swapaxes(0, 1), alive.T))
    return masked_mean(outputs.swapaxes(0, 1), valid), None


class _Weights(nn.Module):
  """A kernel and its bias under one name, applied by the caller."""

  shape: tuple[int, ...]

  @nn.compact
  def __call__(self) -> tuple[jax.Array, jax.Array]:
    kernel = parameter(self, "kernel", _torch_init, self.shape)
    return kernel, parameter(self, "bias", nn.initializers.zeros, self.shape[-1:])
