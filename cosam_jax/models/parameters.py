"""Parameters of modules, without the time that flax takes to check them."""

import jax
from flax import errors
from flax import linen as nn
from flax.typing import Initializer


def parameter(module: nn.Module, name: str, init: Initializer, shape: tuple[int, ...]) -> jax.Array:
  """`module.param`, which traces at each use how an array would be drawn, to know its shape.

  A fifth of the time in which a network is traced went there.

  Args:
    module: in a `setup`, or a method with `nn.compact`.
    name: of the parameter.
    init: (key, shape) -> array.
    shape: of the parameter.

  Raises:
    flax.errors.ScopeParamShapeError: the module was given an array of another shape.
  """
  if not module.has_variable("params", name):
    return module.param(name, init, shape)
  value: jax.Array = module.get_variable("params", name)
  if value.shape != shape:
    place = "/".join(module.path)
    raise errors.ScopeParamShapeError(name, place, value.shape, shape)
  return value
