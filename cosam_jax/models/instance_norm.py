"""Instance normalisation with PyTorch's conventions, channels last, alone and in half of a norm.

Notation: `F` frames (clips and time flattened), `h w` grid, `C` channels.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from cosam_jax.models.layers import BatchNorm, Dtype
from cosam_jax.models.parameters import parameter


class InstanceNorm(nn.Module):
  """Normalises each frame and channel over the grid; has no running statistics.

  Source: PyTorch's `InstanceNorm2d(affine=True)`.
  """

  epsilon: float = 1e-5
  dtype: Dtype = jnp.float32

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """float[F, h, w, C] -> dtype[F, h, w, C]."""
    channels = x.shape[-1:]
    scale = parameter(self, "scale", nn.initializers.ones, channels)
    bias = parameter(self, "bias", nn.initializers.zeros, channels)
    x = x.astype(jnp.float32)
    centred = x - x.mean((1, 2), keepdims=True)
    var = jnp.square(centred).mean((1, 2), keepdims=True)
    return (centred * (scale * jax.lax.rsqrt(var + self.epsilon)) + bias).astype(self.dtype)


class HalfInstanceNorm(nn.Module):
  """IBN-a: instance normalisation of the first half of the channels, batch norm of the others.

  Source: Pan et al., Two at Once: Enhancing Learning and Generalization Capacities via IBN-Net,
  ECCV 2018.
  """

  dtype: Dtype = jnp.float32

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool, valid: jax.Array | None = None) -> jax.Array:
    """float[F, h, w, C] -> dtype[F, h, w, C]; `train` and `valid` as for `BatchNorm`."""
    half = x.shape[-1] // 2
    alone = InstanceNorm(dtype=self.dtype, name="instance")(x[..., :half])
    others = BatchNorm(dtype=self.dtype, name="batch")(x[..., half:], train=train, valid=valid)
    return jnp.concatenate([alone, others], -1)
