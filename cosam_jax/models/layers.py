"""Convolution, batch normalisation and pooling with PyTorch's conventions, channels last.

Notation: `F` frames (clips and time flattened), `h w` grid, `C` channels.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

Dtype = Any
_FEW_CHANNELS = 4
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
    elif x.shape[-1] <= _FEW_CHANNELS:
      # XLA's CPU convolution is slow on few channels, forward and above all for the kernel's
      # gradient; gathered patches make it one matrix product.
      y = jax.lax.platform_dependent(
        x, kernel, cpu=functools.partial(_convolve_patches, stride=stride),
        default=functools.partial(_convolve, stride=stride),
      )  # fmt: skip
    else:
      y = _convolve(x, kernel, stride=stride)
    if self.use_bias:
      y = y + self.param("bias", nn.initializers.zeros, (self.features,)).astype(self.dtype)
    return y


def _convolve(x: jax.Array, kernel: jax.Array, *, stride: int) -> jax.Array:
  pad = kernel.shape[0] // 2
  return jax.lax.conv_general_dilated(
    x, kernel, (stride, stride), ((pad, pad), (pad, pad)),
    dimension_numbers=("NHWC", "HWIO", "NHWC"),
  )  # fmt: skip


def _convolve_patches(x: jax.Array, kernel: jax.Array, *, stride: int) -> jax.Array:
  """The same as `_convolve`, as a matrix product over patches that exist in memory."""
  size, pad = kernel.shape[0], kernel.shape[0] // 2
  for axis in (2, 1):
    pads = [(pad, pad) if a == axis else (0, 0) for a in range(4)]
    padded = jnp.pad(x, pads)
    steps = (x.shape[axis] - 1) // stride * stride + 1
    shifted = [jax.lax.slice_in_dim(padded, i, i + steps, stride, axis=axis) for i in range(size)]
    x = jnp.concatenate(shifted, -1)
  return x @ kernel.reshape(-1, kernel.shape[-1])


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


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def max_pool(x: jax.Array, ceil_mode: bool) -> jax.Array:
  """3x3 maximum with stride 2.

  Where a window's maximum stands twice, both places get the gradient. The network pools after a
  ReLU, where only zeros repeat, and those pass no gradient on.

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


def _max_pool_forward(
  x: jax.Array, ceil_mode: bool
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
  pooled = max_pool(x, ceil_mode)
  return pooled, (x, pooled)


def _max_pool_backward(
  ceil_mode: bool, saved: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array]:
  """Compares each place with the up to four windows that it lies in.

  XLA's own rule (select and scatter) is several times slower on CPU. In padded coordinates, place
  q lies in window q // 2, and, if q is even, in window q // 2 - 1 too.
  """
  x, pooled = saved
  left = 0 if ceil_mode else 1
  rows, columns = (2 * size + 1 for size in pooled.shape[1:3])
  right = (rows - left - x.shape[1], columns - left - x.shape[2])
  padded = jnp.pad(x, ((0, 0), (left, right[0]), (left, right[1]), (0, 0)))
  even = [(jnp.arange(size) % 2 == 0) for size in (rows, columns)]

  def spread(windows: jax.Array, down: int, across: int, filler: float) -> jax.Array:
    pads = ((0, 0), (down, 1 - down), (across, 1 - across), (0, 0))
    windows = jnp.pad(windows, pads, constant_values=filler)
    return jnp.repeat(jnp.repeat(windows, 2, 1), 2, 2)[:, :rows, :columns]

  total = jnp.zeros_like(padded)
  for down in (0, 1):
    for across in (0, 1):
      hit = padded == spread(pooled, down, across, jnp.inf)
      hit &= even[0][None, :, None, None] if down else True
      hit &= even[1][None, None, :, None] if across else True
      total += jnp.where(hit, spread(gradient, down, across, 0.0), 0.0)
  return (total[:, left : left + x.shape[1], left : left + x.shape[2]],)


max_pool.defvjp(_max_pool_forward, _max_pool_backward)


def pooled_size(size: int, *, ceil_mode: bool) -> int:
  """The length that `max_pool` gives for a side of `size`."""
  return max(1, size // 2) if ceil_mode else (size + 1) // 2
