"""The co-segmentation activation module (COSAM): what a clip's frames agree on is the person.

Every grid position of every frame is compared, by normalised cross-correlation (NCC), with every
position of the clip's other frames; a small network turns those correlations into one weight a
position (spatial mask), and a gate shared by the frames weighs the channels.
Source: the poster's "COSAM components"; where the published code differs, see each function.

Notation: `B` clips, `T` frames, `h w` grid, `N = h*w`, `C` channels, `D` descriptor size,
`K` summary channels (64).
"""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from cosam_jax.errors import InputError
from cosam_jax.models.layers import BatchNorm, Conv, Dtype

Ncc = Literal["unbiased", "population"]
Summary = Literal["two_layers", "one_layer", "order_free"]
SUMMARY_CHANNELS = 64

# PyTorch's default for convolutions and linear layers: uniform within 1/sqrt(fan_in).
_torch_init = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")


class CosamMasks(NamedTuple):
  """What COSAM multiplies features with: `spatial` [B, T, h, w] and `channel` [B, C], in 0..1."""

  spatial: jax.Array
  channel: jax.Array


def descriptor_size(channels: int) -> int:
  """D for a stage of `channels`: 64 up to 256 channels, else 256 (published code)."""
  return 64 if channels <= 256 else 256


def normalise_descriptors(descriptors: jax.Array, ncc: Ncc = "unbiased") -> jax.Array:
  """Centres and scales each descriptor, so that NCC is a dot product divided by D.

  Args:
    descriptors: float[..., D].
    ncc: `"unbiased"` divides by the unbiased deviation plus 1e-4 (published code);
      `"population"` by the population deviation (poster, equation of NCC).

  Returns:
    float32[..., D]; a constant descriptor becomes zero.
  """
  descriptors = descriptors.astype(jnp.float32)
  size = descriptors.shape[-1]
  centred = descriptors - descriptors.mean(-1, keepdims=True)
  degrees = size - 1 if ncc == "unbiased" else size
  variance = jnp.square(centred).sum(-1, keepdims=True) / degrees
  # The root's slope at zero is infinite; a constant descriptor must still have a gradient.
  positive = variance > 0
  deviation = jnp.where(positive, jnp.sqrt(jnp.where(positive, variance, 1.0)), 0.0)
  return centred / (deviation + 1e-4 if ncc == "unbiased" else jnp.maximum(deviation, 1e-12))


def ncc_cost_volume(descriptors: jax.Array, ncc: Ncc = "unbiased") -> jax.Array:
  """Correlates every position of every frame with every position of the clip's other frames.

  Args:
    descriptors: float[B, T, h, w, D], not yet normalised.
    ncc: see `normalise_descriptors`.

  Returns:
    float32[B, T, h*w, T-1, h*w]: frame, its position (row-major), other frame (in order, without
    the frame itself), its position. Values lie in -1..1.
  """
  clips, frames, height, width, size = descriptors.shape
  normal = normalise_descriptors(descriptors, ncc).reshape(clips, frames, height * width, size)

  def one_frame(frame: jax.Array, index: jax.Array, clip: jax.Array) -> jax.Array:
    slots = jnp.arange(frames - 1)
    others = clip[slots + (slots >= index)]
    return jnp.einsum("nd,mpd->nmp", frame, others) / size

  one_clip = jax.vmap(one_frame, in_axes=(0, 0, None))
  return jax.vmap(lambda clip: one_clip(clip, jnp.arange(frames), clip))(normal)


def summarise_explicit(
  volume: jax.Array, kernel: jax.Array, valid: jax.Array | None = None
) -> jax.Array:
  """Applies the summary's first 1x1 convolution to a cost volume that exists in memory.

  Args:
    volume: float[B, T, N, T-1, N] from `ncc_cost_volume`.
    kernel: float[(T-1)*N, K], inputs ordered by other frame, then by its position; or float[N, K],
      one kernel shared by the other frames, whose results are averaged (order-free).
    valid: bool[B, T]; frames marked False are nobody's other frame.

  Returns:
    float32[B, T, N, K].
  """
  frames, positions = volume.shape[1], volume.shape[2]
  index = jnp.arange(frames)[:, None]
  slots = jnp.arange(frames - 1)[None]
  other = slots + (slots >= index)  # [T, T-1]: which frame stands in each slot of each frame
  weight = jnp.ones(volume.shape[:2]) if valid is None else jnp.asarray(valid, jnp.float32)
  weight = weight[:, other]  # [B, T, T-1]
  volume = volume * weight[:, :, None, :, None]
  if kernel.shape[0] == positions:
    total = jnp.einsum("btnmp,pk->btnk", volume, kernel)
    return total / jnp.maximum(weight.sum(-1), 1.0)[..., None, None]
  return jnp.einsum("btnmp,mpk->btnk", volume, kernel.reshape(frames - 1, positions, -1))


def summarise_factored(
  normal: jax.Array, kernel: jax.Array, valid: jax.Array | None = None
) -> jax.Array:
  """The same as `summarise_explicit` of the cost volume, without the cost volume.

  The convolution acts on correlations linearly, so it commutes with them:
  `sum_p W[p] (q . d_p) = q . (sum_p d_p W[p])`. Each frame j thus offers two D x K operators: one
  for the frames before it, in whose list it stands in slot j-1, and one for the frames after it,
  where it stands in slot j. Frame i's operator is a suffix sum of the first kind plus a prefix sum
  of the second, so time and memory grow linearly in T and in N.

  Args:
    normal: float32[B, T, N, D] from `normalise_descriptors`.
    kernel: float[(T-1)*N, K] or float[N, K]; see `summarise_explicit`.
    valid: bool[B, T].

  Returns:
    float32[B, T, N, K].
  """
  _, frames, positions, size = normal.shape
  offered = normal if valid is None else normal * valid.astype(normal.dtype)[..., None, None]
  if kernel.shape[0] == positions:
    operator = jnp.einsum("btpd,pk->btdk", offered, kernel)
    others = operator.sum(1, keepdims=True) - operator
    if valid is None:
      count = jnp.float32(frames - 1)
    else:
      total = valid.sum(1, keepdims=True) - valid
      count = jnp.maximum(total, 1).astype(jnp.float32)[..., None, None]
    return jnp.einsum("btnd,btdk->btnk", normal, others / (count * size))
  kernel = kernel.reshape(frames - 1, positions, -1)
  earlier = jnp.einsum("btpd,tpk->btdk", offered[:, :-1], kernel)  # frame j in slot j
  later = jnp.einsum("btpd,tpk->btdk", offered[:, 1:], kernel)  # frame j in slot j-1
  nothing = jnp.zeros_like(earlier[:, :1])
  before = jnp.concatenate([nothing, jnp.cumsum(earlier, axis=1)], 1)
  after = jnp.concatenate([jax.lax.cumsum(later, axis=1, reverse=True), nothing], 1)
  return jnp.einsum("btnd,btdk->btnk", normal, (before + after) / size)


class Cosam(nn.Module):
  """COSAM on the features of any backbone.

  Attributes:
    cost_volume: `"factored"` never builds the cost volume; `"explicit"` is the readable
      definition. Same parameters, same outputs.
    ncc: see `normalise_descriptors`.
    summary: `"two_layers"` (published code: (T-1)N -> 64, norm, ReLU, -> 1), `"one_layer"` (the
      paper's algorithm: (T-1)N -> 1) or `"order_free"` (ours: one N -> 64 kernel shared by the
      other frames and averaged, so any T fits the weights and the frames' order does not matter).
    channel_gate: `"residual"` puts out x + x*gate (published code), `"multiply"` x*gate (poster).
    dtype: compute dtype of the convolutions; NCC, statistics and masks stay float32.
  """

  cost_volume: Literal["factored", "explicit"] = "factored"
  ncc: Ncc = "unbiased"
  summary: Summary = "two_layers"
  channel_gate: Literal["residual", "multiply"] = "residual"
  dtype: Dtype = jnp.float32

  @nn.compact
  def __call__(
    self, features: jax.Array, valid: jax.Array | None = None, *, train: bool
  ) -> tuple[jax.Array, CosamMasks]:
    """Keeps what the frames of a clip share.

    Args:
      features: float[B, T, h, w, C], T at least 2.
      valid: bool[B, T]; frames marked False change nothing in the others.
      train: use and update the batch's statistics.

    Returns:
      The attended features, dtype[B, T, h, w, C], and the masks.

    Raises:
      InputError: T is 1, or the given weights belong to another clip length or grid.
    """
    clips, frames, height, width, channels = features.shape
    size = descriptor_size(channels)
    if frames < 2:
      raise InputError(f"COSAM compares a clip's frames with each other: num_frames is {frames}, "
                       "choose 2 or more, or no COSAM")  # fmt: skip
    flat_valid = None if valid is None else valid.reshape(-1)

    x = features.reshape(clips * frames, height, width, channels)
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
    x = jnp.tanh(nn.Dense(size, kernel_init=_torch_init, name="channel_reduce")(x))
    gates = nn.sigmoid(nn.Dense(channels, kernel_init=_torch_init, name="channel_expand")(x))
    channel = masked_mean(gates, valid)
    gate = channel[:, None, None, None].astype(features.dtype)
    attended = masked * gate if self.channel_gate == "multiply" else masked + masked * gate
    return attended, CosamMasks(spatial, channel)

  def _summarise(self, descriptors: jax.Array, valid: jax.Array | None) -> jax.Array:
    """float32[B, T, h, w, D] -> float32[B, T, N, K]: the first layer of the summary, with bias."""
    clips, frames, height, width, size = descriptors.shape
    positions = height * width
    inputs = positions if self.summary == "order_free" else (frames - 1) * positions
    outputs = 1 if self.summary == "one_layer" else SUMMARY_CHANNELS
    kernel, bias = _SummaryWeights(inputs, outputs, (frames, height, width), name="summary")()
    if self.cost_volume == "explicit":
      volume = ncc_cost_volume(descriptors, self.ncc)
      return summarise_explicit(volume, kernel, valid) + bias
    normal = normalise_descriptors(descriptors, self.ncc)
    normal = normal.reshape(clips, frames, positions, size)
    return summarise_factored(normal, kernel, valid) + bias


class _SummaryWeights(nn.Module):
  """The summary's first convolution as parameters only: how it is applied is Cosam's choice."""

  inputs: int
  outputs: int
  shape: tuple[int, int, int]

  @nn.compact
  def __call__(self) -> tuple[jax.Array, jax.Array]:
    stored: jax.Array | None = self.get_variable("params", "kernel")
    if stored is not None and stored.shape[2] != self.inputs:
      frames, height, width = self.shape
      raise InputError(
        f"COSAM's summary weights have {stored.shape[2]} inputs, but {frames} frames on a "
        f"{height}x{width} grid need {self.inputs}: use the clip length and image size that the "
        "weights were trained with"
      )
    kernel = self.param("kernel", _torch_init, (1, 1, self.inputs, self.outputs))
    return kernel[0, 0], self.param("bias", nn.initializers.zeros, (self.outputs,))


def masked_mean(x: jax.Array, valid: jax.Array | None) -> jax.Array:
  """Mean over axis 1 of float[B, T, ...] where bool[B, T] `valid`; zero where nothing is valid."""
  if valid is None:
    return x.mean(1)
  weight = valid.astype(x.dtype).reshape(valid.shape + (1,) * (x.ndim - 2))
  return (x * weight).sum(1) / jnp.maximum(weight.sum(1), 1)
