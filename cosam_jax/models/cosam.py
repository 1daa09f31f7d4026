"""The co-segmentation activation module (COSAM): the frames of a clip agree on the person.

Every grid position of every frame is compared, by normalised cross-correlation (NCC), with every
position of the clip's other frames; a small network turns those correlations into one weight a
position (spatial mask), and a gate shared by the frames weighs the channels.
Source: "COSAM components" on the poster of the paper (Subramaniam et al., ICCV 2019). Each function
says where the published code differs.

Notation: `B` clips, `T` frames, `h w` grid, `N = h*w`, `C` channels, `D` descriptor size,
`K` summary channels (64).
"""

import math
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from cosam_jax.errors import InputError
from cosam_jax.models.cosam_names import Summary
from cosam_jax.models.cost_volume import (
  Ncc,
  ncc_cost_volume,
  normalise_descriptors,
  summarise_explicit,
  summarise_factored,
)
from cosam_jax.models.layers import BatchNorm, Conv, Dtype
from cosam_jax.models.match_statistics import (
  MATCH_STATISTICS,
  match_statistics_explicit,
  match_statistics_factored,
)
from cosam_jax.models.parameters import parameter
from cosam_jax.models.pooling import mean_to_grid

SUMMARY_CHANNELS = 64

# PyTorch's default for convolutions and linear layers: uniform within 1/sqrt(fan_in).
_torch_init = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")


class CosamMasks(NamedTuple):
  """Factors of COSAM's features: `spatial` [B, T, h, w] and `channel` [B, C], in 0..1."""

  spatial: jax.Array
  channel: jax.Array


def descriptor_size(channels: int) -> int:
  """D for a stage of `channels`: 64 up to 256 channels, else 256 (published code)."""
  return 64 if channels <= 256 else 256


class Cosam(nn.Module):
  """COSAM on the features of any backbone.

  Attributes:
    cost_volume: `"factored"` never builds the cost volume; `"explicit"` is the readable
      definition. Same parameters, same outputs.
    ncc: see `cost_volume.normalise_descriptors`.
    summary: `"two_layers"` (published code: (T-1)N -> 64, norm, ReLU, -> 1), `"one_layer"` (the
      paper's algorithm: (T-1)N -> 1), `"order_free"` (ours: one N -> 64 kernel shared by the
      other frames and averaged, so any T fits the weights and the frames' order does not matter) or
      `"position_free"` (ours: 3 -> 64, norm, ReLU, -> 1 on the numbers of `match_statistics`, so
      any T and grid fit the weights, and neither order nor position matters).
    channel_gate: `"residual"` returns x + x*gate (published code), `"multiply"` x*gate (poster).
    dtype: compute dtype of the convolutions; NCC, statistics and masks stay float32.
  """

  cost_volume: Literal["factored", "explicit"] = "factored"
  ncc: Ncc = "unbiased"
  summary: Summary = "two_layers"
  channel_gate: Literal["residual", "multiply"] = "residual"
  dtype: Dtype = jnp.float32

  @nn.compact
  def __call__(
    self,
    features: jax.Array,
    valid: jax.Array | None = None,
    *,
    train: bool,
    described: jax.Array | None = None,
  ) -> tuple[jax.Array, CosamMasks]:
    """Keeps the features that the frames of a clip share.

    Args:
      features: float[B, T, h, w, C], T at least 2.
      valid: bool[B, T]; frames marked False do not affect the others.
      train: use and update the batch's statistics.
      described: float[B, T, h', w', C'], the features that descriptors are made of, which are
        averaged over the cells of the grid `h w`; None, as published: `features`.

    Returns:
      The attended features, dtype[B, T, h, w, C], and the masks.

    Raises:
      InputError: T is 1, or the given weights belong to another clip length, grid or summary.
    """
    clips, frames, height, width, channels = features.shape
    if frames < 2:
      raise InputError(f"COSAM compares a clip's frames with each other: num_frames is {frames}, "
                       "choose 2 or more, or no COSAM")  # fmt: skip
    flat_valid = None if valid is None else valid.reshape(-1)

    described = features if described is None else described
    size = descriptor_size(described.shape[-1])
    x = described.reshape(clips * frames, *described.shape[2:])
    x = mean_to_grid(x, (height, width))
    x = Conv(size, use_bias=True, dtype=self.dtype, kernel_init=_torch_init, name="reduce")(x)
    x = BatchNorm(name="reduce_norm")(x, train=train, valid=flat_valid)
    descriptors = nn.relu(x).reshape(clips, frames, height, width, size)

    x = self._summarise(descriptors, valid)
    if self.summary != "one_layer":
      x = x.reshape(clips * frames, height, width, SUMMARY_CHANNELS)
      x = nn.relu(BatchNorm(name="summary_norm")(x, train=train, valid=flat_valid))
      x = Conv(1, use_bias=True, kernel_init=_torch_init, name="summary_out")(x)
    spatial = nn.sigmoid(x.reshape(clips, frames, height, width))

    masked = features * spatial[..., None].astype(features.dtype)
    x = masked.astype(jnp.float32).mean((2, 3))
    inner = descriptor_size(channels)  # The gate is about what is masked, not what is compared.
    x = jnp.tanh(nn.Dense(inner, kernel_init=_torch_init, name="channel_reduce")(x))
    gates = nn.sigmoid(nn.Dense(channels, kernel_init=_torch_init, name="channel_expand")(x))
    channel = masked_mean(gates, valid)
    gate = channel[:, None, None, None].astype(features.dtype)
    attended = masked * gate if self.channel_gate == "multiply" else masked + masked * gate
    return attended, CosamMasks(spatial, channel)

  def _summarise(self, descriptors: jax.Array, valid: jax.Array | None) -> jax.Array:
    """float32[B, T, h, w, D] -> float32[B, T, N, K]: the first layer of the summary, with bias."""
    clips, frames, height, width, size = descriptors.shape
    positions, explicit = height * width, self.cost_volume == "explicit"
    position_free = self.summary == "position_free"
    if position_free:
      inputs = MATCH_STATISTICS
      fits = f"summary='position_free' needs {inputs}: use the summary that they were trained with"
    else:
      inputs = positions if self.summary == "order_free" else (frames - 1) * positions
      fits = (
        f"{frames} frames on a {height}x{width} grid need {inputs}: use the clip length and image "
        "size that the weights were trained with"
      )
    outputs = 1 if self.summary == "one_layer" else SUMMARY_CHANNELS
    kernel, bias = _SummaryWeights(inputs, outputs, fits, name="summary")()
    if explicit:
      volume = ncc_cost_volume(descriptors, self.ncc)
    else:
      normal = normalise_descriptors(descriptors, self.ncc)
      normal = normal.reshape(clips, frames, positions, size)
    if position_free:
      matches = (
        match_statistics_explicit(volume, valid)
        if explicit
        else match_statistics_factored(normal, valid)
      )
      return matches @ kernel + bias
    if explicit:
      return summarise_explicit(volume, kernel, valid) + bias
    return summarise_factored(normal, kernel, valid) + bias


class _SummaryWeights(nn.Module):
  """The parameters of the summary's first convolution; `Cosam` decides how to apply them.

  `fits`: the end of the sentence that refuses weights with another number of inputs.
  """

  inputs: int
  outputs: int
  fits: str

  @nn.compact
  def __call__(self) -> tuple[jax.Array, jax.Array]:
    stored: jax.Array | None = self.get_variable("params", "kernel")
    if stored is not None and stored.shape[2] != self.inputs:
      raise InputError(f"COSAM's summary weights have {stored.shape[2]} inputs, but {self.fits}")
    kernel = parameter(self, "kernel", _torch_init, (1, 1, self.inputs, self.outputs))
    return kernel[0, 0], parameter(self, "bias", nn.initializers.zeros, (self.outputs,))


def start_masks(params: dict[str, Any], start: float) -> dict[str, Any]:
  """Initial parameters of a `Cosam`, with its spatial mask around `start` instead of around 0.5.

  The mask is a sigmoid, and the logit of `start` is added to the bias before it. Nothing else
  changes, so weights that were trained from there are like any others.

  Args:
    params: of one `Cosam`.
    start: in 0..1, exclusive; 0.5, the published code's value, changes nothing.
  """
  last = "summary_out" if "summary_out" in params else "summary"  # `one_layer` has only the second.
  bias = params[last]["bias"] + math.log(start / (1 - start))
  return {**params, last: {**params[last], "bias": bias}}


def masked_mean(x: jax.Array, valid: jax.Array | None) -> jax.Array:
  """Mean over the `valid` (bool[B, T]) entries of axis 1 of float[B, T, ...]; zero if none is."""
  if valid is None:
    return x.mean(1)
  weight = valid.astype(x.dtype).reshape(valid.shape + (1,) * (x.ndim - 2))
  return (x * weight).sum(1) / jnp.maximum(weight.sum(1), 1)
