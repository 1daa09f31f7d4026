"""The pool over the grid: the feature map of each frame -> one vector.

Notation: `B` clips, `T` frames, `h w` grid, `C` channels.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from cosam_jax.errors import InputError
from cosam_jax.models.parameters import parameter
from cosam_jax.models.pool_names import SPATIAL_POOLS

_START = 3.0
_LEAST = 1e-6


class SpatialPool(nn.Module):
  """Pools each frame's feature map over its grid.

  Attributes:
    kind: `"average"`, as published; `"max"`; or `"generalised_mean"`, the p-th root of the mean of
      p-th powers, with one learned p for all channels that starts at 3. Source of the last:
      Radenovic et al., Fine-tuning CNN Image Retrieval with No Human Annotation, 2018.
  """

  kind: str = "average"

  @nn.compact
  def __call__(self, features: jax.Array) -> jax.Array:
    """float[B, T, h, w, C] -> float32[B, T, C].

    The generalised mean takes values below 1e-6 as 1e-6.
    """
    if self.kind not in SPATIAL_POOLS:
      raise InputError(f"spatial_pool is {self.kind!r}: choose one of {', '.join(SPATIAL_POOLS)}")
    features = features.astype(jnp.float32)
    if self.kind == "average":
      return features.mean((2, 3))
    if self.kind == "max":
      return features.max((2, 3))
    exponent = parameter(self, "exponent", nn.initializers.constant(_START), (1,))
    # By logarithms, since powers of numbers near 0 fall below what float32 holds.
    logs = exponent * jnp.log(jnp.maximum(features, _LEAST))
    most = jax.lax.stop_gradient(logs.max((2, 3), keepdims=True))
    mean = jnp.log(jnp.exp(logs - most).mean((2, 3))) + most[:, :, 0, 0]
    return jnp.exp(mean / exponent)
