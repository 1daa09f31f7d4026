"""Drawn weights that keep values at their size through many layers, for comparisons of networks."""

import jax
import numpy as np

from cosam_jax.models.interop import variable_shapes


def spread_weights(model, seed=0):
  """Variables of a network: variances and scales around 1, kernels by their fan-in."""
  rng = np.random.default_rng(seed)

  def draw(path, like):
    if path[-1].key in ("var", "scale"):
      return rng.uniform(0.5, 1.5, like.shape).astype(np.float32)
    spread = 1 / np.sqrt(np.prod(like.shape[:-1])) if path[-1].key == "kernel" else 0.2
    return (spread * rng.standard_normal(like.shape)).astype(np.float32)

  return jax.tree_util.tree_map_with_path(draw, variable_shapes(model))
