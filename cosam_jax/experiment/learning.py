"""How a configuration learns: the rate of each step, the optimiser, the average of the weights."""

import optax
from ml_collections import ConfigDict

from cosam_jax.experiment.learning_rules import frozen_parts
from cosam_jax.training import optim, schedules
from cosam_jax.training.parameter_groups import Groups
from cosam_jax.training.steps import Learning


def schedule_of(config: ConfigDict, steps_per_epoch: int) -> optax.Schedule:
  """Step (from 0) -> learning rate.

  Args:
    config: the configuration, resolved.
    steps_per_epoch: number of steps in an epoch, in which the fields count.
  """
  fields = config.optim
  made: optax.Schedule
  if fields.schedule == "cosine":
    made = schedules.cosine_schedule(
      learning_rate=fields.learning_rate,
      last_step=steps_per_epoch * config.train.epochs,
      final_factor=fields.final_factor,
    )
  elif fields.schedule == "milestones":
    made = schedules.milestone_schedule(
      learning_rate=fields.learning_rate,
      milestones=[steps_per_epoch * epoch for epoch in fields.milestones],
      decay_factor=fields.decay_factor,
    )
  else:
    made = optim.learning_rate_schedule(
      learning_rate=fields.learning_rate,
      decay_every_steps=steps_per_epoch * fields.decay_every_epochs,
      decay_factor=fields.decay_factor,
    )
  return schedules.with_warmup(
    made, warmup_steps=steps_per_epoch * fields.warmup_epochs, warmup_start=fields.warmup_start
  )


def optimizer_of(config: ConfigDict, schedule: optax.Schedule) -> optax.GradientTransformation:
  """The optimiser of a configuration with a schedule, such as that of `schedule_of`."""
  return optim.make_optimizer(
    schedule,
    weight_decay=config.optim.weight_decay,
    weight_decay_form=config.optim.weight_decay_form,
    clip_norm=config.optim.clip_norm,
    groups=_groups(config),
  )


def learning_of(config: ConfigDict) -> Learning:
  """The other choices of a configuration's training step."""
  return Learning(_groups(config), config.train.average)


def _groups(config: ConfigDict) -> Groups:
  fields, model = config.optim, config.model
  return Groups(
    backbone_factor=fields.backbone_factor,
    bias_factor=fields.bias_factor,
    decay_biases=fields.decay_biases,
    frozen=frozen_parts(fields.frozen),
    fixed=(("neck_norm", "bias"),) if model.neck and not model.neck_bias else (),
  )
