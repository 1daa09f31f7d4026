"""Parameters are those of flax, drawn, given and of a wrong shape."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import errors
from flax import linen as nn

from cosam_jax.models.parameters import parameter


class Scaled(nn.Module):
  """One parameter, by our function or by flax's."""

  ours: bool
  features: int = 3

  @nn.compact
  def __call__(self, x):
    init = nn.initializers.normal(0.5)
    if self.ours:
      return x * parameter(self, "scale", init, (self.features,))
    return x * self.param("scale", init, (self.features,))


def test_it_is_drawn_and_used_as_flax_does():
  key, x = jax.random.key(3), jnp.arange(3.0)
  ours, theirs = (Scaled(ours).init(key, x) for ours in (True, False))
  chex.assert_trees_all_equal(ours, theirs)
  given = {"params": {"scale": np.array([1.0, -2.0, 3.0], np.float32)}}
  np.testing.assert_array_equal(Scaled(True).apply(given, x), [0, -2, 6])


def test_another_shape_is_refused():
  given = {"params": {"scale": jnp.ones(4)}}
  with pytest.raises(errors.ScopeParamShapeError, match=r"generate shape \(3,\).*has shape \(4,\)"):
    Scaled(True).apply(given, jnp.ones(3))


def test_a_missing_one_is_refused():
  with pytest.raises(errors.ScopeParamNotFoundError, match="scale"):
    Scaled(True).apply({"params": {"other": jnp.ones(3)}}, jnp.ones(3))


def test_no_drawing_is_traced():
  x = jnp.ones(3)
  variables = Scaled(True).init(jax.random.key(0), x)

  def drawing(*_):
    raise ZeroDivisionError

  class Watched(nn.Module):
    @nn.compact
    def __call__(self, x):
      return x * parameter(self, "scale", drawing, (3,))

  np.testing.assert_array_equal(Watched().apply(variables, x), variables["params"]["scale"])
  with pytest.raises(ZeroDivisionError):
    Watched().init(jax.random.key(0), x)
