"""Convolution, batch normalisation and pooling with PyTorch's conventions, channels last.

Notation: `F` frames (clips and time flattened), `h w` grid, `C` channels.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

Dtype = Any
Initializer = Callable[..., jax.Array]

# He initialisation over the fan-out, as torchvision's and the published networks are drawn.
kaiming_fan_out = nn.initializers.variance_scaling(2.0, "fan_out", "normal")


class Conv(nn.Module):
  """2-D convolution with symmetric integer padding, as PyTorch's `Conv2d`.

  A 1x1 convolution is evaluated as a matrix product on the (strided) grid, which XLA runs faster
  on CPU than a convolution; the parameter keeps its convolution shape `[kh, kw, C_in, C_out]`.
  """

  features: int
  kernel_size: int = 1
  stride: int = 1
  use_bias: bool = False
  dtype: Dtype = jnp.float32
  kernel_init: Initializer = kaiming_fan_out

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """float[F, h, w, C_in] -> dtype[F, ceil(h/stride), ceil(w/stride), C_out]."""
    size, stride = self.kernel_size, self.stride
    kernel = self.param("kernel", self.kernel_init, (size, size, x.shape[-1], self.features))
    x, kernel = x.astype(self.dtype), kernel.astype(self.dtype)
    if size == 1:
      x = x[:, ::stride, ::stride] if stride > 1 else x
      y = x @ kernel[0, 0]
    else:
      pad = size // 2
      y = jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), ((pad, pad), (pad, pad)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
      )  # fmt: skip
    if self.use_bias:
      y = y + self.param("bias", nn.initializers.zeros, (self.features,)).astype(self.dtype)
    return y


class BatchNorm(nn.Module):
  """Batch normalisation over all leading axes, with PyTorch's running statistics.

  Differs from `nn.BatchNorm` where PyTorch does: the running variance is the unbiased estimate.
  Statistics are float32 whatever the compute dtype, and global under a sharded batch, because the
  mean is taken over the whole (logical) array.
  """

  momentum: float = 0.9
  epsilon: float = 1e-5
  dtype: Dtype = jnp.float32

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool, valid: jax.Array | None = None) -> jax.Array:
    """Normalises the last axis.

    Args:
      x: float[F, ..., C].
      train: use and update the batch's statistics; otherwise the running ones.
      valid: bool[F]; frames marked False take no part in the statistics.

    Returns:
      dtype[F, ..., C].
    """
    channels = x.shape[-1]
    scale = self.param("scale", nn.initializers.ones, (channels,))
    bias = self.param("bias", nn.initializers.zeros, (channels,))
    running_mean = self.variable("batch_stats", "mean", jnp.zeros, (channels,), jnp.float32)
    running_var = self.variable("batch_stats", "var", jnp.ones, (channels,), jnp.float32)
    if train:
      mean, var, count = _moments(x.astype(jnp.float32), valid)
      if not self.is_initializing():
        keep = self.momentum
        unbiased = var * (count / jnp.maximum(count - 1, 1))
        running_mean.value = keep * running_mean.value + (1 - keep) * mean
        running_var.value = keep * running_var.value + (1 - keep) * unbiased
    else:
      mean, var = running_mean.value, running_var.value
    multiplier = scale * jax.lax.rsqrt(var + self.epsilon)
    y = x.astype(jnp.float32) * multiplier + (bias - mean * multiplier)
    return y.astype(self.dtype)


def _moments(x: jax.Array, valid: jax.Array | None) -> tuple[jax.Array, jax.Array, jax.Array]:
  """Mean, biased variance (both [C]) and the count behind them, over the valid leading rows."""
  axes = tuple(range(x.ndim - 1))
  if valid is None:
    mean = x.mean(axes)
    return mean, jnp.square(x - mean).mean(axes), jnp.float32(x.size // x.shape[-1])
  weight = valid.astype(jnp.float32).reshape(valid.shape + (1,) * (x.ndim - valid.ndim))
  per_row = x.size // x.shape[-1] // valid.size
  count = jnp.maximum(weight.sum() * per_row, 1.0)
  mean = (x * weight).sum(axes) / count
  var = (jnp.square(x - mean) * weight).sum(axes) / count
  return mean, var, count


def max_pool(x: jax.Array, *, ceil_mode: bool) -> jax.Array:
  """3x3 maximum with stride 2.

  Args:
    x: float[F, h, w, C].
    ceil_mode: False pads one on every side (torchvision); True pads nothing on the left and as
      much on the right as the last window needs (the SE family).

  Returns:
    float[F, pooled_size(h), pooled_size(w), C].
  """
  pads = []
  for size in x.shape[1:3]:
    out = pooled_size(size, ceil_mode=ceil_mode)
    left = 0 if ceil_mode else 1
    pads.append((left, max(0, (out - 1) * 2 + 3 - size - left)))
  return nn.max_pool(x, (3, 3), (2, 2), tuple(pads))


def pooled_size(size: int, *, ceil_mode: bool) -> int:
  """The length that `max_pool` gives for a side of `size`."""
  return max(1, size // 2) if ceil_mode else (size + 1) // 2
