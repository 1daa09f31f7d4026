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
from cosam_jax.models.matrix_product import multiply
from cosam_jax.models.normalise import Affine, Moments, moments_of, normalise, weight_and_count
from cosam_jax.models.parameters import parameter

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

  def __call__(self, x: jax.Array) -> jax.Array:
    """float[F, h, w, C_in] -> dtype[F, ceil(h/stride), ceil(w/stride), C_out]."""
    size, stride = self.kernel_size, self.stride
    kernel, bias = self._weights(x.shape[-1])
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
    return y if bias is None else y + bias.astype(self.dtype)

  def operands(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The matrices of which a 1x1 convolution without bias is the product, for `of_product`.

    Args:
      x: float[F, h, w, C_in].

    Returns:
      dtype[F, ceil(h/stride), ceil(w/stride), C_in], and the kernel, float32[C_in, C_out].
    """
    kernel, _ = self._weights(x.shape[-1])
    return x[:, :: self.stride, :: self.stride].astype(self.dtype), kernel[0, 0]

  @nn.compact
  def _weights(self, channels: int) -> tuple[jax.Array, jax.Array | None]:
    """The kernel for so many input channels, and the bias, if there is one."""
    size = self.kernel_size
    kernel = parameter(self, "kernel", self.kernel_init, (size, size, channels, self.features))
    if not self.use_bias:
      return kernel, None
    return kernel, parameter(self, "bias", nn.initializers.zeros, (self.features,))


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
    scale, bias, running_mean, running_var = self._variables(x.shape[-1])
    x = x.astype(jnp.float32)
    if not train:
      multiplier = scale * jax.lax.rsqrt(running_var.value + self.epsilon)
      y = x * multiplier + (bias - running_mean.value * multiplier)
      return y.astype(self.dtype)
    weight, count = weight_and_count(x, valid)
    y, mean, var = normalise(x, scale, bias, weight, count, self.epsilon)
    self._move(running_mean, running_var, Moments(mean, var), count)
    return y.astype(self.dtype)

  def affine(self, x: jax.Array, *, valid: jax.Array | None = None) -> Affine:
    """What a call would do to `x` while training, as a map; updates the running statistics."""
    scale, bias, running_mean, running_var = self._variables(x.shape[-1])
    weight, count = weight_and_count(x, valid)
    mean, var = moments_of(x.astype(jnp.float32), weight, count)
    self._move(running_mean, running_var, Moments(mean, var), count)
    return Affine(mean, scale * jax.lax.rsqrt(var + self.epsilon), bias)

  def of_product(
    self,
    x: jax.Array,
    kernel: jax.Array,
    before: Affine | None = None,
    *,
    valid: jax.Array | None = None,
  ) -> jax.Array:
    """What a call would do, while training, to a product; all of it in kernels for GPUs.

    Args:
      x: float[F, h, w, C_in].
      kernel: float32[C_in, C].
      before: a norm that `x` passes first, with a ReLU, see `affine`; None: there is none.
      valid: bool[F]; frames marked False take no part in the statistics.

    Returns:
      dtype[F, h, w, C].
    """
    # Imported late, since few runs need Pallas.
    from cosam_jax.models.fused_product import normed_product

    scale, bias, running_mean, running_var = self._variables(kernel.shape[-1])
    weight, count = weight_and_count(x, valid)
    rows = x.reshape(-1, x.shape[-1])
    if weight is not None:
      weight = jnp.broadcast_to(weight, (*x.shape[:-1], 1)).reshape(-1)
    y, moments = normed_product(rows, before, kernel, scale, bias, weight, epsilon=self.epsilon)
    self._move(running_mean, running_var, moments, count)
    return y.reshape(*x.shape[:-1], -1).astype(self.dtype)

  @nn.compact
  def _variables(self, channels: int) -> tuple[jax.Array, jax.Array, Any, Any]:
    """Scale, bias, and the running mean and variance of so many channels."""
    scale = parameter(self, "scale", _around_one(self.deviation), (channels,))
    bias = parameter(self, "bias", nn.initializers.zeros, (channels,))
    bias = bias if self.bias_trained else jax.lax.stop_gradient(bias)
    mean = self.variable("batch_stats", "mean", jnp.zeros, (channels,), jnp.float32)
    var = self.variable("batch_stats", "var", jnp.ones, (channels,), jnp.float32)
    return scale, bias, mean, var

  def _move(self, running_mean: Any, running_var: Any, moments: Moments, count: jax.Array) -> None:
    """Moves the running statistics towards a batch's."""
    if self.is_initializing():
      return
    keep = self.momentum
    unbiased = moments.var * (count / jnp.maximum(count - 1, 1))
    running_mean.value = keep * running_mean.value + (1 - keep) * moments.mean
    running_var.value = keep * running_var.value + (1 - keep) * unbiased


def _around_one(deviation: float) -> Initializer:
  if not deviation:
    return nn.initializers.ones

  def draw(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return 1 + deviation * jax.random.normal(key, shape)

  return draw
