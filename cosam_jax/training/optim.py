"""Adam with the published schedule and weight decay."""

from typing import Any

import chex
import optax

from cosam_jax.training.parameter_groups import EVERY_PARAMETER, Groups


def learning_rate_schedule(
  *, learning_rate: float, decay_every_steps: int, decay_factor: float
) -> optax.Schedule:
  """Multiplies `learning_rate` by `decay_factor` after every `decay_every_steps` steps."""

  # In whole numbers: if XLA divides by a constant in floating point, as in optax's own staircase,
  # the quotient at a border can fall just below it, and the drop comes a step late.
  def schedule(step: chex.Numeric) -> chex.Numeric:
    return learning_rate * decay_factor ** (step // decay_every_steps)

  return schedule


def make_optimizer(
  schedule: optax.Schedule,
  *,
  weight_decay: float,
  weight_decay_form: str = "coupled",
  clip_norm: float = 0.0,
  groups: Groups = EVERY_PARAMETER,
) -> optax.GradientTransformation:
  """Adam on every parameter, norms and biases included, unless `groups` says otherwise.

  Args:
    schedule: step -> learning rate.
    weight_decay: factor of the parameters.
    weight_decay_form: `"coupled"` adds the decay to the gradient before Adam's moments, as
      PyTorch's `Adam(weight_decay=...)` does, and so the published code; `"decoupled"` is AdamW.
    clip_norm: largest global norm of the gradient, 0 for no clipping.
    groups: parameters with other rates or without decay. As in PyTorch, a rate's factor also counts
      for decoupled decay.
  """
  nothing = optax.identity()
  coupled = weight_decay_form == "coupled"

  def decay(updates: Any, params: Any) -> Any:
    return groups.decayed(updates, params, weight_decay) if weight_decay else updates

  def after_adam(updates: Any, params: Any) -> Any:
    return groups.scaled(updates if coupled else decay(updates, params))

  # The chain has the same length with any settings, and all but Adam and the rate have no state, so
  # that every checkpoint has the same tree.
  return optax.chain(
    optax.clip_by_global_norm(clip_norm) if clip_norm else nothing,
    optax.stateless(decay) if coupled else nothing,
    optax.scale_by_adam(b1=0.9, b2=0.999, eps=1e-8),
    optax.stateless(after_adam),
    optax.scale_by_learning_rate(schedule),
  )
