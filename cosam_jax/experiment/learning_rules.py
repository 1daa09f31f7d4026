"""Rules between the fields that say how a network learns; loads nothing slow."""

from typing import Any

from ml_collections import ConfigDict

from cosam_jax.errors import InputError, suggestion
from cosam_jax.experiment.fields import FIELDS
from cosam_jax.models.backbones.registry import embeds_frames
from cosam_jax.runtime.text_numbers import shown
from cosam_jax.training.part_names import TRAINED_PARTS

OF_LENGTH = ("optim.schedule", "optim.milestones", "optim.warmup_epochs")
"""Fields that must fit the length of a training, besides `train.epochs`."""


def frozen_parts(text: str) -> tuple[str, ...]:
  """`"stem, stage2"` -> `("stem", "stage2")`."""
  return tuple(name.strip() for name in text.split(",") if name.strip())


def check_learning(config: ConfigDict) -> None:
  """Refuses a (resolved) configuration with a contradiction in how it learns.

  Raises:
    InputError: it names the field.
  """
  _check_milestones(config)
  _check_frozen(config)
  _check_switched_off(config)
  if config.evaluation.weights == "average" and not config.train.average:
    raise InputError(
      "config.evaluation.weights is 'average', but config.train.average is 0, so that nothing is "
      "averaged: set it to a decay such as 0.999, or use 'trained'"
    )


def check_training(config: ConfigDict) -> None:
  """Refuses a training that ends before its warm-up, or holds people out and never looks at them.

  For a training that begins, or goes on with other fields of `OF_LENGTH`. Others may be asked for
  fewer epochs than they once were, and whatever was trained must stay readable, so
  `check_learning` does not call this.

  Raises:
    InputError: it names the fields.
  """
  held_out = config.data.validation_identities
  if held_out and not config.train.validate_every_epochs:
    raise InputError(
      f"config.data.validation_identities is {held_out}, but config.train.validate_every_epochs is "
      "0: set it to 1 or more, or hold out nobody"
    )
  epochs, warmup = config.train.epochs, config.optim.warmup_epochs
  if warmup > epochs:
    raise InputError(
      f"config.optim.warmup_epochs is {warmup}, but config.train.epochs is {epochs}, so that "
      f"training would end before its warm-up: use at most {epochs}, or train for {warmup} epochs "
      "or more"
    )


def drops_beyond_the_end(config: ConfigDict) -> str | None:
  """A sentence, if the learning rate was to drop at epochs that the training does not reach.

  A short trial of a long recipe is one, so this is said and not refused.
  """
  epochs = config.train.epochs
  beyond = [epoch for epoch in config.optim.milestones if epoch >= epochs]
  if not beyond:
    return None
  return (
    f"the learning rate does not drop at {', '.join(map(str, beyond))} (optim.milestones), since "
    f"training ends after {epochs} epoch{'s' if epochs > 1 else ''}"
  )


def _check_milestones(config: ConfigDict) -> None:
  milestones, schedule = tuple(config.optim.milestones), config.optim.schedule
  if milestones and schedule != "milestones":
    raise InputError(
      f"config.optim.milestones is {shown(milestones)}, but config.optim.schedule is "
      f"{schedule!r}, which has none: use 'milestones', or config.optim.milestones=()"
    )
  if schedule == "milestones" and not milestones:
    raise InputError(
      "config.optim.schedule is 'milestones', but config.optim.milestones is empty: name the "
      "epochs after which the rate drops, such as (60, 120)"
    )
  if list(milestones) != sorted(set(milestones)):
    raise InputError(
      f"config.optim.milestones is {shown(milestones)}: name each epoch once, in ascending order"
    )


# A field that needs another one, the values of that which it needs, in words.
_NEEDS = (
  ("clips.stride", "clips.selection", lambda value: value == "strided", "'strided'"),
  ("clips.erase_per", "clips.erase", bool, "above 0"),
  ("optim.final_factor", "optim.schedule", lambda value: value == "cosine", "'cosine'"),
  ("optim.warmup_start", "optim.warmup_epochs", bool, "above 0"),
  ("init.missing", "init.weights", bool, "a file or a name"),
  ("loss.mask_sparsity", "model.cosam_stages", bool, "some of the stages 2 to 5"),
)


def _check_switched_off(config: ConfigDict) -> None:
  """Refuses a value that would change nothing, since what it is about is switched off."""
  for name, other, is_on, wanted in _NEEDS:
    value, usual = _value(config, name), FIELDS[name].default
    if value != usual and not is_on(_value(config, other)):
      raise InputError(
        f"config.{name} is {shown(value)}, which changes nothing while config.{other} is "
        f"{shown(_value(config, other))}: set that to {wanted}, or use {usual!r}"
      )


def _value(config: ConfigDict, name: str) -> Any:
  group, _, last = name.partition(".")
  return config[group][last]


def _check_frozen(config: ConfigDict) -> None:
  model = config.model
  absent = {f"cosam{stage}" for stage in range(2, 6) if stage not in model.cosam_stages}
  absent |= set() if model.neck else {"neck"}
  absent |= {"head"} if model.temporal == "tp" else set()  # It has no parameters.
  absent |= set() if model.spatial_pool == "generalised_mean" else {"pool"}
  absent |= set() if embeds_frames(model.backbone) else {"frame_layers"}
  legal = [part for part in TRAINED_PARTS if part not in absent]
  for name in frozen_parts(config.optim.frozen):
    if name not in legal:
      raise InputError(
        f"config.optim.frozen names {shown(name)}, which this network does not have: name some of "
        f"{', '.join(legal)}{suggestion(name, legal)}"
      )
