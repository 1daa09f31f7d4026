"""Convolution, batch normalisation and pooling with PyTorch's conventions, channels last.

Notation: `F` frames (clips and time flattened), `h w` grid, `C` channels.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from cosam_jax.models import winograd

Dtype = Any
_FEW_CHANNELS = 4
# Least channels -> least positions of a grid from which `winograd` saves more of a training step's
# time than its transforms and its compilation take.
_LARGE = {32: 512, 64: 128, 256: 32}
# Between these numbers of channels, XLA's convolution is as fast if there is no gradient.
_XLA_ALONE = range(65, 256)
Initializer = Callable[..., jax.Array]

# He initialisation over the fan-out, as torchvision's and the published networks are drawn.
kaiming_fan_out = nn.initializers.variance_scaling(2.0, "fan_out", "normal")


@jax.custom_vjp
def multiply(x: jax.Array, kernel: jax.Array) -> jax.Array:
  """Matrix product over the last axis, with a gradient that XLA's CPU compiler runs well.

  By default the compiler computes the transposed gradient of the kernel. For that it writes the
  incoming gradient a second time, transposed, and recomputes the norm that it comes from.

  Args:
    x: float[..., I].
    kernel: float[I, O].

  Returns:
    float[..., O].
  """
  return x @ kernel


def _multiply_forward(
  x: jax.Array, kernel: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
  return x @ kernel, (x, kernel)


def _multiply_backward(
  saved: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
  x, kernel = saved
  # The barrier keeps the operations before it from being fused into the product and repeated there.
  rows, ahead = jax.lax.optimization_barrier(
    (x.reshape(-1, x.shape[-1]), gradient.reshape(-1, gradient.shape[-1]))
  )
  to_kernel = jax.lax.dot_general(rows, ahead, (((0,), (0,)), ((), ())))
  return (ahead @ kernel.T).reshape(x.shape), to_kernel


multiply.defvjp(_multiply_forward, _multiply_backward)


class Conv(nn.Module):
  """2-D convolution with symmetric integer padding, as PyTorch's `Conv2d`.

  A 1x1 convolution is evaluated as a matrix product on the (strided) grid, which XLA runs faster
  on CPUs than a convolution. A large 3x3 convolution in float32 is evaluated by `winograd` on CPUs.
  The parameter keeps its convolution shape `[kh, kw, C_in, C_out]`.

  `portable`: always a convolution, and no choice by platform, which converters to other programs'
  formats do not know; their runtimes fuse what follows into convolutions, and not into products.
  """

  features: int
  kernel_size: int = 1
  stride: int = 1
  use_bias: bool = False
  dtype: Dtype = jnp.float32
  kernel_init: Initializer = kaiming_fan_out
  portable: bool = False

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """float[F, h, w, C_in] -> dtype[F, ceil(h/stride), ceil(w/stride), C_out]."""
    size, stride = self.kernel_size, self.stride
    kernel = self.param("kernel", self.kernel_init, (size, size, x.shape[-1], self.features))
    x, kernel = x.astype(self.dtype), kernel.astype(self.dtype)
    if self.portable:
      y = _convolve(x, kernel, stride=stride)
    elif size == 1:
      x = x[:, ::stride, ::stride] if stride > 1 else x
      y = multiply(x, kernel[0, 0])
    elif x.shape[-1] <= _FEW_CHANNELS:
      y = jax.lax.platform_dependent(
        x, kernel, cpu=functools.partial(_convolve_few, stride),
        default=functools.partial(_convolve, stride=stride),
      )  # fmt: skip
    elif x.shape[1] * x.shape[2] < size * size:
      # XLA exchanges frames and kernel then, and runs that on CPUs hundreds of times slower.
      y = jax.lax.platform_dependent(
        x, kernel, cpu=functools.partial(_convolve_patches, stride=stride),
        default=functools.partial(_convolve, stride=stride),
      )  # fmt: skip
    elif (size, stride, self.dtype) == (3, 1, jnp.float32) and _is_large(
      min(x.shape[-1], self.features), x.shape[1] * x.shape[2]
    ):
      y = jax.lax.platform_dependent(
        x, kernel, cpu=_convolve_large, default=functools.partial(_convolve, stride=1)
      )
    else:
      y = _convolve(x, kernel, stride=stride)
    if self.use_bias:
      y = y + self.param("bias", nn.initializers.zeros, (self.features,)).astype(self.dtype)
    return y


def _is_large(channels: int, positions: int) -> bool:
  return any(channels >= least and positions >= grid for least, grid in _LARGE.items())


def _convolve(x: jax.Array, kernel: jax.Array, *, stride: int) -> jax.Array:
  pad = kernel.shape[0] // 2
  return jax.lax.conv_general_dilated(
    x, kernel, (stride, stride), ((pad, pad), (pad, pad)),
    dimension_numbers=("NHWC", "HWIO", "NHWC"),
  )  # fmt: skip


@jax.custom_vjp
def _convolve_large(x: jax.Array, kernel: jax.Array) -> jax.Array:
  """The same as `_convolve`, with few multiplications if that is faster on CPUs."""
  if min(kernel.shape[2:]) in _XLA_ALONE:
    return _convolve(x, kernel, stride=1)
  return winograd.convolve(x, kernel)


_convolve_large.defvjp(winograd.forward, winograd.backward)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _convolve_few(stride: int, x: jax.Array, kernel: jax.Array) -> jax.Array:
  """The same as `_convolve` for few channels, of which XLA's gradient of the kernel is slow.

  On gathered patches, which are kept for it, the gradient is one matrix product. Without a
  gradient, XLA's convolution is faster.
  """
  return _convolve(x, kernel, stride=stride)


def _few_forward(stride: int, x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, Any]:
  return jax.vjp(functools.partial(_convolve_patches, stride=stride), x, kernel)


def _few_backward(stride: int, pull_back: Any, gradient: jax.Array) -> tuple[jax.Array, jax.Array]:
  del stride
  return pull_back(gradient)


_convolve_few.defvjp(_few_forward, _few_backward)


def _convolve_patches(x: jax.Array, kernel: jax.Array, *, stride: int) -> jax.Array:
  """The same as `_convolve`, as a matrix product over patches in memory."""
  size, pad = kernel.shape[0], kernel.shape[0] // 2
  for axis in (2, 1):
    pads = [(pad, pad) if a == axis else (0, 0) for a in range(4)]
    padded = jnp.pad(x, pads)
    steps = (x.shape[axis] - 1) // stride * stride + 1
    shifted = [jax.lax.slice_in_dim(padded, i, i + steps, stride, axis=axis) for i in range(size)]
    x = jnp.concatenate(shifted, -1)
  return multiply(x, kernel.reshape(-1, kernel.shape[-1]))


class BatchNorm(nn.Module):
  """Batch normalisation over all leading axes, with PyTorch's running statistics.

  As in PyTorch, and unlike `nn.BatchNorm`, the running variance is the unbiased estimate.
  Statistics are float32 whatever the compute dtype. They are global under a sharded batch, because
  the mean is taken over the whole (logical) array.

  `bias_trained`: otherwise no gradient reaches the bias. `deviation`: the standard deviation around
  1 with which scales are drawn.
  """

  momentum: float = 0.9
  epsilon: float = 1e-5
  dtype: Dtype = jnp.float32
  bias_trained: bool = True
  deviation: float = 0.0

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool, valid: jax.Array | None = None) -> jax.Array:
    """Normalises the last axis.

    Args:
      x: float[F, ..., C].
      train: use the batch's statistics and update the running ones; otherwise use the running ones.
      valid: bool[F]; frames marked False take no part in the statistics.

    Returns:
      dtype[F, ..., C].
    """
    folded: jax.Array | None = self.get_variable("params", "shift")
    if folded is not None:  # Weights of `folded.fold`: the layer before does the rest.
      return (x.astype(jnp.float32) + folded).astype(self.dtype)
    channels = x.shape[-1]
    scale = self.param("scale", _around_one(self.deviation), (channels,))
    bias = self.param("bias", nn.initializers.zeros, (channels,))
    bias = bias if self.bias_trained else jax.lax.stop_gradient(bias)
    running_mean = self.variable("batch_stats", "mean", jnp.zeros, (channels,), jnp.float32)
    running_var = self.variable("batch_stats", "var", jnp.ones, (channels,), jnp.float32)
    x = x.astype(jnp.float32)
    if not train:
      multiplier = scale * jax.lax.rsqrt(running_var.value + self.epsilon)
      y = x * multiplier + (bias - running_mean.value * multiplier)
      return y.astype(self.dtype)
    rows = jnp.ones(x.shape[:1], bool) if valid is None else valid
    weight = rows.astype(jnp.float32).reshape(-1, *(1,) * (x.ndim - 1))
    count = jnp.maximum(weight.sum() * (x[0].size // channels), 1.0)
    y, mean, var = _normalise(x, scale, bias, None if valid is None else weight, count,
                              self.epsilon)  # fmt: skip
    if not self.is_initializing():
      keep = self.momentum
      unbiased = var * (count / jnp.maximum(count - 1, 1))
      running_mean.value = keep * running_mean.value + (1 - keep) * mean
      running_var.value = keep * running_var.value + (1 - keep) * unbiased
    return y.astype(self.dtype)


def _around_one(deviation: float) -> Initializer:
  if not deviation:
    return nn.initializers.ones

  def draw(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return 1 + deviation * jax.random.normal(key, shape)

  return draw


Moments = tuple[jax.Array, jax.Array, jax.Array]


@functools.partial(jax.custom_vjp, nondiff_argnums=(5,))
def _normalise(
  x: jax.Array,
  scale: jax.Array,
  bias: jax.Array,
  weight: jax.Array | None,
  count: jax.Array,
  epsilon: float,
) -> Moments:
  """Normalises with the moments of the rows of weight 1; returns (y, mean, biased variance).

  The gradient is written out, since the derived one reads the batch several times more. No gradient
  flows back from the moments, which only go into the running statistics.
  """
  axes = tuple(range(x.ndim - 1))
  mean = (x if weight is None else x * weight).sum(axes) / count
  squares = jnp.square(x - mean)
  var = (squares if weight is None else squares * weight).sum(axes) / count
  multiplier = scale * jax.lax.rsqrt(var + epsilon)
  return x * multiplier + (bias - mean * multiplier), mean, var


def _normalise_forward(x, scale, bias, weight, count, epsilon):
  y, mean, var = _normalise(x, scale, bias, weight, count, epsilon)
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


_normalise.defvjp(_normalise_forward, _normalise_backward)
