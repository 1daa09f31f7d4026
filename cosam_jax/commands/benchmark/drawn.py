"""Draws variables on the host, since `init` is itself a program that must be compiled first."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

_CONSTANTS = {"scale": 1, "var": 1, "exponent": 3}


def variables(initialise: Callable[[], Any], seed: int = 0) -> Any:
  """The variables of a module, drawn so that activations neither vanish nor grow.

  Args:
    initialise: makes them with the module's own `init`; only their shapes are used.
    seed: of the draw.

  Returns:
    The same tree of numpy arrays: kernels normal with variance 1/fan-in, scales and variances one,
    the rest zero.
  """
  rng = np.random.default_rng(seed)

  def draw(path: tuple[Any, ...], shape: jax.ShapeDtypeStruct) -> np.ndarray:
    name = jax.tree_util.keystr(path[-1:], simple=True)
    if len(shape.shape) > 1:
      fan_in = np.prod(shape.shape[:-1])
      return (rng.standard_normal(shape.shape, np.float32) / np.sqrt(fan_in)).astype(shape.dtype)
    return np.full(shape.shape, _CONSTANTS.get(name, 0), shape.dtype)

  return jax.tree_util.tree_map_with_path(draw, jax.eval_shape(initialise))
