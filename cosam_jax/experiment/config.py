"""Rules of a configuration: the values of presets, and rules between fields.

`resolve` fills in the values of a preset. `check` refuses a configuration that cannot work before
any work, with one sentence that names field, value and legal values.
"""

from collections.abc import Callable

from ml_collections import ConfigDict

from cosam_jax.data.sets.registry import DATASETS
from cosam_jax.errors import InputError, suggestion
from cosam_jax.experiment.field_kinds import FROM_PRESET
from cosam_jax.experiment.fields import FIELDS, PRESETS, SCHEMA, schema_for
from cosam_jax.experiment.flat_config import complete as complete
from cosam_jax.experiment.flat_config import flatten as flatten
from cosam_jax.experiment.flat_config import plain as plain
from cosam_jax.experiment.flat_config import unflatten as unflatten
from cosam_jax.experiment.learning_rules import check_learning
from cosam_jax.experiment.synthetic_fields import SYNTHETIC_SCHEMA
from cosam_jax.models.backbones.registry import BACKBONES, backbone_of
from cosam_jax.models.hub_names import is_hub_name, why_no_name
from cosam_jax.models.temporal_names import stage5_stride
from cosam_jax.runtime.text_numbers import shown
from cosam_jax.runtime.user_paths import user_text

FREE_ON_RESUME = tuple(name for name, field in FIELDS.items() if field.free_on_resume)
"""Fields that may change between two runs in the same workdir: they do not alter the training."""
_OPTIM = "optim"
CHANGED_OPTIM = tuple(name for name in FIELDS if name.startswith(f"{_OPTIM}."))
"""Fields that may change too if `--change_optim` says so."""
MOST_BATCH_FRAMES = 2**20
"""The augmentation of a batch's frame is drawn by its number below this."""
PATHS = tuple(name for name, field in FIELDS.items() if field.path)


def free_on_resume(config: ConfigDict, change_optim: bool = False) -> tuple[str, ...]:
  """The fields in which a run may differ from the checkpoint that it continues from.

  With a cosine the number of epochs is no such field: it alters the rate of every step.

  Args:
    config: the configuration that is asked for.
    change_optim: whether those of `CHANGED_OPTIM` may differ too, and with them the cosine's end.
  """
  if change_optim:
    return (*FREE_ON_RESUME, _OPTIM)
  cosine = config.optim.schedule == "cosine"
  return tuple(name for name in FREE_ON_RESUME if not (cosine and name == "train.epochs"))


def resolve(config: ConfigDict) -> ConfigDict:
  """Returns a copy with presets and `~` resolved.

  A field with the value `preset` gets the preset's value, and `~` in a path becomes the home
  directory.

  Raises:
    InputError: a path begins with an unknown home directory.
  """
  config = with_home(config)
  for field, value in PRESETS.get(config.get("preset", ""), {}).items():
    group, name = field.split(".")
    if config.get(group, {}).get(name) == FROM_PRESET:
      config[group][name] = value
  return config


def with_home(config: ConfigDict) -> ConfigDict:
  """A copy with the home directory for `~` in every path."""
  config = ConfigDict(config.to_dict())
  for field in PATHS:
    group, name = field.split(".")
    if isinstance(config.get(group), ConfigDict) and isinstance(config[group].get(name), str):
      config[group][name] = user_text(config[group][name])
  return config


def check(config: ConfigDict) -> None:
  """Refuses a configuration that cannot work.

  Raises:
    InputError: a field is missing, unknown, of the wrong type or outside its set, or two fields
      contradict each other. The error is one sentence with field, value and legal values.
  """
  schema, given = schema_for(config), dict(flatten(config))
  for name, value in given.items():
    # The fields of the drawing may stay if a flag asks for another data set.
    field = schema.get(name) or SYNTHETIC_SCHEMA.get(name)
    if field is None:
      raise InputError(f"config.{name} is not a field{suggestion(name, schema)}")
    if not field.accepts(value):
      close = suggestion(value, map(str, field.legal or ())) if isinstance(value, str) else ""
      raise InputError(f"config.{name} is {shown(value)}: it must be {field.allowed()}{close}")
  for name, field in schema.items():
    if name not in given:
      raise InputError(f"config.{name} is missing: set it to {field.allowed()}")
  resolved = resolve(config)
  for rule in _RULES:
    rule(resolved)


# Sides of frames: from the first on, the last grid of any backbone has four positions or more; up
# to the second, it has one.
_ALWAYS_ENOUGH, _NEVER_ENOUGH = 64, 16


def _frames_and_grid(config: ConfigDict) -> None:
  model, clips = config.model, config.clips
  stages = tuple(model.cosam_stages)
  if len(set(stages)) != len(stages):
    raise InputError(f"config.model.cosam_stages is {stages}: name each stage once")
  if stages and clips.num_frames < 2:
    raise InputError(
      f"config.clips.num_frames is {clips.num_frames}: COSAM compares a clip's frames with each "
      "other, so it must be at least 2, or config.model.cosam_stages empty"
    )
  family = {"stride_in": model.stride_in, "pool": model.pool}
  for name, value in family.items():
    if value != "family" and name not in BACKBONES[model.backbone].settings:
      raise InputError(
        f"config.model.{name} is {value!r}, but backbone {model.backbone} has no such choice: use "
        "'family'"
      )
  if BACKBONES[model.backbone].fixed_grid and model.last_stride:
    raise InputError(
      f"config.model.last_stride is {model.last_stride}, but backbone {model.backbone} has no such "
      "choice: use 0"
    )
  size = tuple(clips.image_size)
  if min(size) >= _ALWAYS_ENOUGH:
    return
  if max(size) <= _NEVER_ENOUGH:
    height = width = 1
  else:  # Only now, since the backbone's module takes half a second to load.
    chosen = {key: None if value == "family" else value for key, value in family.items()}
    backbone = backbone_of(
      model.backbone, width=model.width, stride_in=chosen["stride_in"], pool=chosen["pool"]
    )
    stride = stage5_stride(model.temporal, model.last_stride)
    height, width = backbone.grid_size(size, 5, stride)
  if stages and height * width < 2:
    raise InputError(
      f"config.clips.image_size is {size}: the last grid is {height}x{width}, and a spatial mask "
      "needs two positions or more; use larger frames"
    )


def _norms(config: ConfigDict) -> None:
  model = config.model
  if model.norms == "compiler":  # The backbone's module takes half a second to load.
    return
  if not backbone_of(model.backbone, width=model.width).fusible:
    raise InputError(
      f"config.model.norms is {model.norms!r}, but backbone {model.backbone} of width "
      f"{model.width:g} has no bottleneck with a multiple of 16 channels inside, which the kernels "
      "need: use 'compiler'"
    )


def _neck(config: ConfigDict) -> None:
  model = config.model
  for name in ("neck_losses", "neck_place", "neck_bias", "neck_deviation", "embedding"):
    value, usual = model[name], SCHEMA[f"model.{name}"].default
    if value != usual and not model.neck:
      raise InputError(
        f"config.model.{name} is {value!r}, but there is no neck: set config.model.neck=True, or "
        f"use {usual!r}"
      )
  if model.neck_place == "frame" and model.temporal == "rnn":
    raise InputError(
      "config.model.neck_place is 'frame', which the rnn head cannot have: use 'clip'"
    )


def _batch(config: ConfigDict) -> None:
  train, frames = config.train, config.clips.num_frames
  count = train.identities_per_batch * train.instances * frames
  if count > MOST_BATCH_FRAMES:
    raise InputError(
      f"config.train.identities_per_batch is {train.identities_per_batch}, config.train.instances "
      f"{train.instances} and config.clips.num_frames {frames}: a batch has {count:,} frames, and "
      f"{MOST_BATCH_FRAMES:,} are the most"
    )
  if config.evaluation.batch_clips * frames > MOST_BATCH_FRAMES:
    raise InputError(
      f"config.evaluation.batch_clips is {config.evaluation.batch_clips} and "
      f"config.clips.num_frames {frames}: {MOST_BATCH_FRAMES:,} frames are the most at once"
    )


def _training(config: ConfigDict) -> None:
  if config.train.validate_every_epochs and config.data.validation_identities < 2:
    raise InputError(
      f"config.train.validate_every_epochs is {config.train.validate_every_epochs}, but "
      f"config.data.validation_identities is {config.data.validation_identities}: hold out at "
      "least 2 identities to validate on (the test set is never used to choose a model)"
    )
  if config.evaluation.checkpoint == "best" and not config.train.validate_every_epochs:
    raise InputError(
      "config.evaluation.checkpoint is 'best', but nothing is validated: set "
      "config.train.validate_every_epochs and config.data.validation_identities, or use 'last'"
    )


def _data(config: ConfigDict) -> None:
  row = DATASETS[config.data.name]
  count = row.num_splits
  if config.data.split >= count:
    raise InputError(
      f"config.data.split is {config.data.split}: {config.data.name} has {count} split(s), "
      f"numbered from 0 to {count - 1}"
    )
  if not config.data.dir:
    raise InputError("config.data.dir is empty: give the data set's directory with --data_dir")
  if config.data.source == "prepared" and not config.data.prepared_dir:
    raise InputError(
      "config.data.source is 'prepared', but config.data.prepared_dir is empty: say where the "
      "prepared set lies"
    )
  if config.data.source == "prepared" and not row.prepared:
    raise InputError(
      f"config.data.source is 'prepared', but {config.data.name} has no prepared form: use "
      "'directory'"
    )


def _evaluation(config: ConfigDict) -> None:
  evaluation = config.evaluation
  if evaluation.rerank_k2 > evaluation.rerank_k1:
    raise InputError(
      f"config.evaluation.rerank_k2 is {evaluation.rerank_k2}: it must be at most rerank_k1, "
      f"which is {evaluation.rerank_k1}"
    )
  if evaluation.rerank and evaluation.distance != "sqeuclidean":
    raise InputError(
      f"config.evaluation.distance is {evaluation.distance!r}: re-ranking is defined on "
      "'sqeuclidean'; use that, or set config.evaluation.rerank=False"
    )
  if evaluation.attributes and not evaluation.attributes_file:
    raise InputError(
      f"config.evaluation.attributes is {evaluation.attributes!r}, but there is nothing to read it "
      "from: give mars_attributes.csv or duke_attribute.mat with --attributes_file"
    )


def _weights(config: ConfigDict) -> None:
  weights = config.init.weights
  if is_hub_name(weights) and (why := why_no_name(weights)):
    raise InputError(f"config.init.weights: {why}")


def _synthetic(config: ConfigDict) -> None:
  if DATASETS[config.data.name].drawn and config.synthetic.frames[0] > config.synthetic.frames[1]:
    raise InputError(
      f"config.synthetic.frames is {tuple(config.synthetic.frames)}: the first number, the fewest "
      "frames of a tracklet, must be at most the second"
    )


def check_network(config: ConfigDict) -> None:
  """Refuses fields of the network that contradict each other.

  Args:
    config: resolved; its groups `model` and `clips` are read.

  Raises:
    InputError: one sentence, as `check`.
  """
  for rule in (_frames_and_grid, _neck, _norms):
    rule(config)


_RULES: tuple[Callable[[ConfigDict], None], ...] = (
  _batch, _training, check_learning, _data, _weights, _evaluation, _synthetic, check_network,
)  # fmt: skip
