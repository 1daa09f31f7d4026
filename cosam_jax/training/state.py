"""The training state: a small frozen record of the arrays that a checkpoint holds."""

from typing import Any

import flax
import jax
import jax.numpy as jnp
import optax

from cosam_jax.models import ReidNet


@flax.struct.dataclass
class TrainState:
  """Everything that training changes.

  Attributes:
    step: int32 scalar, number of steps done; it is also the number of the next batch.
    params: the network's parameters.
    batch_stats: running statistics of the norms.
    opt_state: Adam's moments.
  """

  step: jax.Array
  params: Any
  batch_stats: Any
  opt_state: Any

  @property
  def variables(self) -> dict[str, Any]:
    """The collections that `ReidNet.apply` takes."""
    return {"params": self.params, "batch_stats": self.batch_stats}


def init_variables(model: ReidNet, seed: int) -> dict[str, Any]:
  """Draws the network's variables; the same seed gives the same ones."""
  # It runs once; on CPUs the compiler's optimisation takes far longer than running it without.
  hasty = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
  options = hasty if jax.default_backend() == "cpu" else None
  variables = jax.jit(model.init, compiler_options=options)(jax.random.key(seed), _one_clip(model))
  return dict(variables)


def _one_clip(model: ReidNet) -> jax.Array:
  return jnp.zeros((1, model.num_frames, *model.image_size, 3))


def create_state(variables: dict[str, Any], optimizer: optax.GradientTransformation) -> TrainState:
  """The state before the first step."""
  params = variables["params"]
  return TrainState(jnp.int32(0), params, variables["batch_stats"], optimizer.init(params))


def state_shapes(model: ReidNet, optimizer: optax.GradientTransformation) -> TrainState:
  """The tree of `jax.ShapeDtypeStruct` of a state, without computing it."""

  def create() -> TrainState:
    return create_state(dict(model.init(jax.random.key(0), _one_clip(model))), optimizer)

  return jax.eval_shape(create)
