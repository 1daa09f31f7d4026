"""The training state: a small frozen record of the arrays that a checkpoint holds."""

from typing import Any

import flax
import jax
import jax.numpy as jnp
import optax

from cosam_jax.errors import InputError
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


@flax.struct.dataclass
class AveragedState(TrainState):
  """A training state that also has an average of the weights over the steps.

  It is a class of its own, so that checkpoints without an average are as they always were.

  Attributes:
    average: `params` and `batch_stats`, see `moved_average`.
  """

  average: dict[str, Any]


TRAINED, AVERAGE = "trained", "average"


def weights_of(state: TrainState, which: str) -> dict[str, Any]:
  """The variables that `ReidNet.apply` takes: those of the latest step, or their average.

  Args:
    state: with an average, if that is asked for.
    which: `TRAINED` or `AVERAGE`.

  Raises:
    InputError: the state has no average.
  """
  if which == TRAINED:
    return state.variables
  if not isinstance(state, AveragedState):
    raise InputError("there is no average of the weights: they were trained without train.average")
  return dict(state.average)


def moved_average(average: Any, variables: Any, decay: float, step: jax.Array) -> Any:
  """The exponential moving average after another step, of parameters and of running statistics.

  It moves by 1 - min(decay, (1 + n) / (10 + n)) of the way. So it soon forgets the initial weights,
  and has the whole decay d from about step 9 / (1 - d) on. Statistics are averaged as parameters
  are, as in timm: statistics of the last step would be those of other weights.

  Args:
    average: the average so far.
    variables: a tree of the same form: the weights after the step.
    decay: the share of the average that a late step keeps; from 0 to 1.
    step: int32 scalar, n: the number of steps before this one.
  """
  share = jnp.maximum(1 - decay, 9 / (10 + step))
  return jax.tree.map(lambda old, new: old + share * (new - old), average, variables)


def init_variables(model: ReidNet, seed: int) -> dict[str, Any]:
  """Draws the network's variables; the same seed gives the same ones."""
  # It runs once; on CPUs the compiler's optimisation takes far longer than running it without.
  hasty = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
  options = hasty if jax.default_backend() == "cpu" else None
  variables = jax.jit(model.init, compiler_options=options)(jax.random.key(seed), _one_clip(model))
  return dict(variables)


def _one_clip(model: ReidNet) -> jax.Array:
  return jnp.zeros((1, model.num_frames, *model.image_size, 3))


def create_state(
  variables: dict[str, Any], optimizer: optax.GradientTransformation, *, averaged: bool = False
) -> TrainState:
  """The state before the first step; with `averaged`, an `AveragedState`."""
  params, statistics = variables["params"], variables["batch_stats"]
  begun = (jnp.int32(0), params, statistics, optimizer.init(params))
  if not averaged:
    return TrainState(*begun)
  # Copies, since a step takes over all buffers of its state, and can take each of them once only.
  average = jax.tree.map(jnp.copy, {"params": params, "batch_stats": statistics})
  return AveragedState(*begun, average)


def state_shapes(
  model: ReidNet, optimizer: optax.GradientTransformation, *, averaged: bool = False
) -> TrainState:
  """The tree of `jax.ShapeDtypeStruct` of a state, without computing it."""

  def create() -> TrainState:
    variables = dict(model.init(jax.random.key(0), _one_clip(model)))
    return create_state(variables, optimizer, averaged=averaged)

  return jax.eval_shape(create)
