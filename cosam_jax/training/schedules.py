"""Learning rates over the steps, besides the published drops of `optim.learning_rate_schedule`.

A schedule is a function of the step alone (from 0), which may be traced. Steps are counted in whole
numbers up to a border, so that a rate changes at the border's step and at no other.
"""

import math
from collections.abc import Sequence

import chex
import jax.numpy as jnp
import optax

_LARGEST = 2**31 - 1
"""The most steps that int32 can count; nobody trains so long."""


def milestone_schedule(
  *, learning_rate: float, milestones: Sequence[int], decay_factor: float
) -> optax.Schedule:
  """`learning_rate`, multiplied by `decay_factor` at each of the steps `milestones`."""
  borders = [min(border, _LARGEST) for border in milestones]

  def schedule(step: chex.Numeric) -> chex.Numeric:
    passed = sum((step >= border for border in borders), start=0)
    return learning_rate * decay_factor**passed

  return schedule


def cosine_schedule(
  *, learning_rate: float, last_step: int, final_factor: float = 0.0
) -> optax.Schedule:
  """Half a cosine from `learning_rate` down to `final_factor` times it, which `last_step` has.

  Args:
    learning_rate: the rate of step 0.
    last_step: at least 1; the rate stays from this step on.
    final_factor: from 0 to 1.
  """
  last = min(last_step, _LARGEST)

  def schedule(step: chex.Numeric) -> chex.Numeric:
    # (1 + cos(pi * share)) / 2, written so that it is exact at both ends.
    left = last - jnp.minimum(step, last)
    height = jnp.square(jnp.sin(math.pi / 2 * (left / last)))
    return learning_rate * (final_factor + (1 - final_factor) * height)

  return schedule


def with_warmup(
  schedule: optax.Schedule, *, warmup_steps: int, warmup_start: float = 0.01
) -> optax.Schedule:
  """A schedule times a factor that rises by equal parts from `warmup_start` to 1.

  Args:
    schedule: step -> rate.
    warmup_steps: the first step that has the whole rate; 0 for no warm-up.
    warmup_start: the factor of step 0, from 0 to 1.
  """
  if not warmup_steps:
    return schedule
  steps = min(warmup_steps, _LARGEST)

  def warmed(step: chex.Numeric) -> chex.Numeric:
    left = steps - jnp.minimum(step, steps)
    return schedule(step) * (1 - (1 - warmup_start) * (left / steps))

  return warmed
