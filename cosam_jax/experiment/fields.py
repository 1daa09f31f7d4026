"""The fields of a configuration: default, role, meaning and legal values of each; the two presets.

Each field is described here or in a file that is included here (`data_fields.py`,
`model_fields.py`, `evaluation_fields.py`, `synthetic_fields.py`), and only there. To add one, add a
row: configurations and runs without it get its default, and its role puts it into the lists of
fields that matter for some purpose.
"""

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from cosam_jax.data.sets.registry import data_set_of
from cosam_jax.experiment.data_fields import DATA_FIELDS
from cosam_jax.experiment.evaluation_fields import EVALUATION_FIELDS
from cosam_jax.experiment.field_kinds import (
  MEASURING,
  NETWORK,
  PLACE,
  REPORT,
  SPEED,
  TRAINING,
  Field,
)
from cosam_jax.experiment.field_kinds import choice as _choice
from cosam_jax.experiment.model_fields import MODEL_FIELDS
from cosam_jax.experiment.synthetic_fields import SYNTHETIC_SCHEMA

FRAME_SELECTIONS = ("sequential", "random", "evenly", "restricted", "strided")
MOST_EPOCHS = 10**6

# The two sides of the fidelity table: the value that each preset gives to a field set to "preset".
PRESETS: dict[str, dict[str, Any]] = {
  "published_code": {
    "clips.sequential_start": "published",
    "loss.cross_entropy": "smoothed",
    "model.channel_gate": "residual",
    "model.ncc": "unbiased",
    "model.summary": "two_layers",
  },
  "poster": {
    "clips.sequential_start": "all",
    "loss.cross_entropy": "plain",
    "model.channel_gate": "multiply",
    "model.ncc": "population",
    "model.summary": "one_layer",
  },
}


# Each field with its kind, default, role and meaning. The defaults are those of the published
# recipe on MARS, the poster's best row (configs/mars.py).
SCHEMA: dict[str, Field] = {
  "preset": _choice("published_code", TRAINING,
    "The side of the fidelity table that fields set to `preset` take.", *PRESETS),
  "seed": Field(int, 0, TRAINING,
    "Seed of initial weights, batches and augmentation.", least=0, most=2**32 - 1),
  **DATA_FIELDS,
  "clips.image_size": Field(tuple, (256, 128), NETWORK,
    "Frame height and width in pixels.", length=2, least=8, most=4096),
  "clips.num_frames": Field(int, 4, NETWORK, "Frames in a clip (T).", least=1, most=1024),
  "clips.selection": _choice("sequential", TRAINING,
    "How a training clip's frames are chosen.", *FRAME_SELECTIONS),
  "clips.sequential_start": _choice("preset", TRAINING,
    "Starts of sequential clips: `published` never draws the last possible one.", "published",
    "all", preset=True),
  "clips.stride": Field(int, 8, TRAINING, "Strided clips take one frame in this many.", least=1,
    most=10**4, late=True),
  "clips.cut_frames": Field(int, 0, TRAINING,
    "Cut long training tracklets into pieces of this many frames, which count as tracklets; 0 cuts "
    "nothing.", least=0, most=10**6, late=True),
  "clips.resize": _choice("bilinear", NETWORK,
    "How frames are resized to image_size: for training, and then in every use of the network.",
    "bilinear", "bicubic", late=True),
  "clips.pixels": _choice("float32", TRAINING,
    "How frames of data sets reach the devices, for training and evaluation: as normalised floats, "
    "or rounded to whole grey levels, as bytes that are normalised there. Embedding people's own "
    "files and --mode=attention always take floats.", "float32", "uint8", tested=True, late=True),
  "clips.augment_per": _choice("frame", TRAINING,
    "Draw crop and flip for each frame, or once for each clip.", "frame", "clip"),
  "clips.crop": _choice("enlarged", TRAINING,
    "Enlarge half of the frames by 9/8 and crop them at random (published), or only resize all.",
    "enlarged", "none", late=True),
  "clips.erase": Field(float, 0.0, TRAINING,
    "Probability that a rectangle is erased from a clip's frames.", least=0, most=1, late=True),
  "clips.erase_per": _choice("frame", TRAINING,
    "Draw the size of the erased rectangle for each frame, or once for each clip.", "frame",
    "clip", late=True),
  "clips.jitter": Field(float, 0.0, TRAINING,
    "Strength of the colour jitter, drawn once for each clip; 0 for none.", least=0, most=1,
    late=True),
  **MODEL_FIELDS,
  "loss.cross_entropy": _choice("preset", TRAINING,
    "Smoothed or plain labels.", "smoothed", "plain", preset=True),
  "loss.label_smoothing": Field(float, 0.1, TRAINING, "Smoothing of `smoothed`.", least=0, most=1),
  "loss.triplet_margin": Field(float, 0.3, TRAINING,
    "Margin of the batch-hard triplet loss.", least=0, most=10**6),
  "loss.triplet_distance": _choice("euclidean", TRAINING,
    "Distance of the triplet loss: Euclidean (published), or 1 - cosine.", "euclidean", "cosine",
    late=True),
  "loss.triplet_weight": Field(float, 1.0, TRAINING, "The poster's lambda.", least=0, most=10**6),
  "loss.mask_sparsity": Field(float, 0.0, TRAINING,
    "Weight of the mean of COSAM's spatial masks, which is added to the loss so that masks become "
    "sparse (ours); 0 for none.", least=0, most=10**6, late=True),
  "optim.learning_rate": Field(float, 3e-4, TRAINING, "Adam's learning rate.", above=0,
    most=100),
  "optim.decay_every_epochs": Field(int, 200, TRAINING,
    "Epochs between drops of the rate.", least=1, most=MOST_EPOCHS),
  "optim.decay_factor": Field(float, 0.1, TRAINING,
    "Factor of each drop of the rate.", above=0, most=1),
  "optim.schedule": _choice("steps", TRAINING,
    "Course of the rate: drops every decay_every_epochs, drops after the epochs of milestones, or "
    "half a cosine until the last epoch.", "steps", "milestones", "cosine", late=True),
  "optim.milestones": Field(tuple, (), TRAINING,
    "For `milestones`: the epochs after which the rate drops, ascending.", least=1,
    most=MOST_EPOCHS, late=True),
  "optim.final_factor": Field(float, 0.0, TRAINING,
    "For `cosine`: the rate at the end, as a multiple of the rate.", least=0, most=1, late=True),
  "optim.warmup_epochs": Field(int, 0, TRAINING,
    "Epochs in which the rate rises linearly, step by step, to what the schedule says; 0 for none.",
    least=0, most=MOST_EPOCHS, late=True),
  "optim.warmup_start": Field(float, 0.01, TRAINING,
    "Start of the warm-up, as a multiple of the rate.", least=0, most=1, late=True),
  "optim.weight_decay": Field(float, 5e-4, TRAINING, "Weight decay.", least=0, most=100),
  "optim.weight_decay_form": _choice("coupled", TRAINING,
    "Coupled (added to the gradient) or decoupled (AdamW).", "coupled", "decoupled"),
  "optim.clip_norm": Field(float, 0.0, TRAINING,
    "Largest global norm of the gradient; 0 for none.", least=0, most=10**9),
  "optim.backbone_factor": Field(float, 1.0, TRAINING,
    "Rate of the backbone (stem and stages), as a multiple of the rate; 0 freezes it.", least=0,
    most=1000, late=True),
  "optim.bias_factor": Field(float, 1.0, TRAINING,
    "Rate of biases, the norms' too, as a multiple of their part's; 0 freezes them.", least=0,
    most=1000, late=True),
  "optim.decay_biases": Field(bool, True, TRAINING,
    "Weight decay also on biases and on the norms' parameters (published).", late=True),
  "optim.frozen": Field(str, "", TRAINING,
    "Parts whose parameters stay as they are, separated by commas: stem, stage2 to stage5, "
    "frame_layers, cosam2 to cosam5, pool, head, neck, classifier; their norms' statistics follow "
    "the data.", late=True),
  "train.epochs": Field(int, 800, TRAINING,
    "Epochs; train.sampler says what one is.", least=1, most=MOST_EPOCHS, resumable=True),
  "train.sampler": _choice("every_identity", TRAINING,
    "What an epoch draws: every identity once (published), or every tracklet at least once.",
    "every_identity", "every_tracklet", late=True),
  "train.identities_per_batch": Field(int, 8, TRAINING, "P: identities in a batch.", least=2,
    most=4096),
  "train.instances": Field(int, 4, TRAINING, "K: clips of each identity in a batch.", least=2,
    most=1024),
  "train.accumulate": Field(int, 1, TRAINING,
    "Number of parts in which a batch goes through the network, one after the other, to save "
    "memory; triplets are of the whole batch, the norms' statistics of each part.", least=1,
    most=4096),
  "train.average": Field(float, 0.0, TRAINING,
    "Also keep an exponential moving average of the weights: its decay per step, such as 0.999; 0 "
    "for none.", least=0, most=0.999999, late=True),
  "train.log_every_steps": Field(int, 20, SPEED, "Steps between lines of scalars.jsonl.", least=1,
    most=10**9),
  "train.health_every_steps": Field(int, 500, SPEED,
    "Steps between lines of health.jsonl (step times, input wait, memory); 0 for none.", least=0,
    most=10**9),
  "train.checkpoint_every_epochs": Field(int, 10, SPEED, "Epochs between checkpoints.", least=1,
    most=MOST_EPOCHS),
  "train.keep_checkpoints": Field(int, 2, SPEED, "Number of latest checkpoints to keep.", least=1,
    most=10**6),
  "train.validate_every_epochs": Field(int, 0, TRAINING,
    "Epochs between validations on the held-out identities; 0 for none.", least=0,
    most=MOST_EPOCHS, resumable=True),
  **EVALUATION_FIELDS,
}  # fmt: skip

FIELDS = SCHEMA | SYNTHETIC_SCHEMA
"""All fields."""


def role_of(name: str) -> str:
  """The role of a field; for a name that is not a field (any more), the usual role of its group."""
  if name in FIELDS:
    return FIELDS[name].role
  return {"model": NETWORK, "evaluation": MEASURING, "report": REPORT}.get(
    name.partition(".")[0], TRAINING
  )


def alters_results(name: str) -> bool:
  """Whether two runs that differ in this field alone may have other results."""
  return role_of(name) not in (PLACE, SPEED, REPORT)


def fields_in_evaluation(*without: str) -> tuple[str, ...]:
  """The fields on which an evaluation of given weights depends.

  Args:
    *without: beginnings of names that are left out.
  """
  names = (name for name, field in SCHEMA.items() if field.in_evaluation)
  return tuple(name for name in names if not name.startswith(without))


def in_fingerprint(name: str, value: Any) -> bool:
  """Whether a field with this value is part of the hash of a configuration that results keep.

  The hash has more fields than `alters_results`. It has always included the reports and the way in
  which the network is computed; without them it would no longer equal the hash in older results.
  For the same reason it is without late fields that have the value of older runs.
  """
  field = FIELDS.get(name)
  if field is not None and field.late and _listed(value) == _listed(field.earlier):
    return False
  return name.startswith("model.") or role_of(name) not in (PLACE, SPEED)


def _listed(value: Any) -> Any:
  return list(value) if isinstance(value, tuple) else value


def schema_of(dataset: Any) -> dict[str, Field]:
  """The fields that a configuration of a data set, by its `data.name`, must have."""
  drawn = isinstance(dataset, str) and data_set_of(dataset).drawn
  return FIELDS if drawn else SCHEMA


def schema_for(config: ConfigDict) -> dict[str, Field]:
  """The fields that this configuration must have."""
  data = config.get("data")
  return schema_of(data.get("name") if isinstance(data, ConfigDict) else None)


def describe_fields(values: Mapping[str, Any] | None = None) -> str:
  """Every field with its meaning, legal values and value, a line each, for `--helpfull`.

  Args:
    values: dotted name -> the field's value in a configuration.
  """
  lines = []
  for name, field in FIELDS.items():
    value = f" (default: {values[name]!r})" if values and name in values else ""
    lines.append(f"  --config.{name}: {field.help} ({field.allowed()}){value}")
  return "\n".join(lines)
