"""Rules between the fields that say how a network learns; loads nothing slow."""

from ml_collections import ConfigDict

from cosam_jax.errors import InputError, suggestion
from cosam_jax.models.backbones.registry import embeds_frames
from cosam_jax.runtime.text_numbers import shown
from cosam_jax.training.part_names import TRAINED_PARTS


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
  if config.evaluation.weights == "average" and not config.train.average:
    raise InputError(
      "config.evaluation.weights is 'average', but config.train.average is 0, so that nothing is "
      "averaged: set it to a decay such as 0.999, or use 'trained'"
    )


def _check_milestones(config: ConfigDict) -> None:
  milestones, schedule = tuple(config.optim.milestones), config.optim.schedule
  if milestones and schedule != "milestones":
    raise InputError(
      f"config.optim.milestones is {shown(milestones)}, but config.optim.schedule is "
      f"{schedule!r}, which has none: use 'milestones', or leave them out"
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


def _check_frozen(config: ConfigDict) -> None:
  model = config.model
  absent = {f"cosam{stage}" for stage in range(2, 6) if stage not in model.cosam_stages}
  absent |= set() if model.neck else {"neck"}
  absent |= set() if model.spatial_pool == "generalised_mean" else {"pool"}
  absent |= set() if embeds_frames(model.backbone) else {"frame_layers"}
  legal = [part for part in TRAINED_PARTS if part not in absent]
  for name in frozen_parts(config.optim.frozen):
    if name not in legal:
      raise InputError(
        f"config.optim.frozen names {shown(name)}, which this network does not have: name some of "
        f"{', '.join(legal)}{suggestion(name, legal)}"
      )
