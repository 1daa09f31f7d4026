"""Weights for inference, with the norms' running statistics folded into the layers before them.

At inference a batch norm multiplies and shifts each channel by constants, and so does the last step
of the convolution (or the summary) before it: `(x @ k + b) * m + s = x @ (k * m) + (b * m + s)`.
The folded network multiplies once, and of the norm only the shift is left.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from cosam_jax.models.backbones.family import Backbone
from cosam_jax.models.layers import BatchNorm
from cosam_jax.models.reid import ReidNet
from cosam_jax.models.state_names import is_of_backbone

Path = tuple[str, ...]
_IN_COSAM = {"reduce_norm": "reduce", "summary_norm": "summary"}
"""Of COSAM, the name of a norm -> that of the layer before it."""


def fold(variables: dict[str, Any], backbone: Backbone) -> dict[str, Any]:
  """The same network's weights with each norm folded into the linear layer before it.

  A norm that follows no linear layer, such as the neck's, stays as it is. The folded weights serve
  for inference only: there are no statistics left to update.

  Args:
    variables: `{"params": ..., "batch_stats": ...}` of a `ReidNet`, float32.
    backbone: the network's; it says which norms follow which layers.

  Returns:
    Variables of the same form, for the same network; its outputs differ by rounding.
  """
  params, statistics = (
    {path: np.asarray(value) for path, value in traverse_util.flatten_dict(tree).items()}
    for tree in (variables["params"], variables["batch_stats"])
  )
  for norm in [path[:-1] for path in list(statistics) if path[-1] == "mean"]:
    linear = _layer_before(norm, backbone)
    if linear is None:
      continue
    scale, shift = params.pop((*norm, "scale")), params.pop((*norm, "bias"))
    mean, var = statistics.pop((*norm, "mean")), statistics.pop((*norm, "var"))
    multiplier = scale / np.sqrt(var + np.float32(BatchNorm.epsilon))
    bias = params.get((*linear, "bias"), np.zeros_like(mean))
    params[(*linear, "kernel")] = params[(*linear, "kernel")] * multiplier
    params[(*norm, "shift")] = shift + (bias - mean) * multiplier
    if (*linear, "bias") in params:  # It is part of the shift now.
      params[(*linear, "bias")] = np.zeros_like(bias)
  return {
    "params": traverse_util.unflatten_dict(params),
    "batch_stats": traverse_util.unflatten_dict(statistics),
  }


def _layer_before(norm: Path, backbone: Backbone) -> Path | None:
  """The path of the linear layer before a norm; None if none is known."""
  *place, name = norm
  pairs = backbone.FOLDED if is_of_backbone(norm[0]) else _IN_COSAM
  return (*place, pairs[name]) if name in pairs else None


def for_inference(model: ReidNet, variables: dict[str, Any]) -> dict[str, Any]:
  """The weights that inference takes: folded, if the network computes in float32.

  In bfloat16 a folded kernel is rounded at another place than the norm's result would be, and the
  outputs would differ by more than they should.
  """
  return fold(variables, model.settings) if model.dtype == jnp.float32 else variables
