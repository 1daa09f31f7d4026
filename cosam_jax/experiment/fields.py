"""The fields of a configuration: default, role, meaning and legal values of each; the two presets.

Each field is described here, and only here. To add one, add a row: configurations and runs without
it get its default, and its role puts it into the lists of fields that matter for some purpose.
"""

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from cosam_jax.data.sets.registry import DATASETS, data_set_of, splits_in_words
from cosam_jax.experiment.field_kinds import (
  MEASURING,
  NETWORK,
  PLACE,
  REPORT,
  SPEED,
  TRAINING,
  Field,
)
from cosam_jax.models.backbones.registry import BACKBONES
from cosam_jax.models.temporal_names import TEMPORAL_HEADS

FRAME_SELECTIONS = ("sequential", "random", "evenly")
FROM_PRESET = "preset"
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


def _choice(
  default: str,
  role: str,
  text: str,
  *values: str,
  preset: bool = False,
  tested: bool | None = None,
) -> Field:
  legal = (*values, FROM_PRESET) if preset else values
  return Field(str, default, role, text, legal=legal, tested=tested)


# Each field with its kind, default, role and meaning. The defaults are those of the published
# recipe on MARS, the poster's best row (configs/mars.py).
SCHEMA: dict[str, Field] = {
  "preset": _choice("published_code", TRAINING,
    "The side of the fidelity table that fields set to `preset` take.", *PRESETS),
  "seed": Field(int, 0, TRAINING,
    "Seed of initial weights, batches and augmentation.", least=0, most=2**32 - 1),
  "data.name": _choice("mars", TRAINING, "The data set, by the name of its reader.", *DATASETS,
    tested=True),
  "data.dir": Field(str, "data/mars", PLACE,
    "Directory of the data set, or a manifest (.csv, .jsonl).", path=True),
  "data.source": _choice("directory", PLACE,
    "Read frames from the directory or the prepared set.", "directory", "prepared"),
  "data.prepared_dir": Field(str, "data/prepared", PLACE,
    "Folder that --mode=prepare writes and `prepared` reads.", path=True),
  "data.split": Field(int, 0, TRAINING,
    f"Number of the split, from 0; sets with several: {splits_in_words()}.", least=0, most=99,
    tested=True),
  "data.split_seed": Field(int, 0, TRAINING, "Seed of splits that are drawn.", least=0,
    most=2**32 - 1, tested=True),
  "data.check_files": Field(bool, True, PLACE,
    "Check before the start that every frame of the index exists."),
  "data.validation_identities": Field(int, 0, TRAINING,
    "Training identities held out for choosing the best checkpoint; 0 for none.", least=0,
    most=10**6),
  "data.on_unreadable": _choice("error", TRAINING,
    "A frame that does not decode: stop, or skip and count it.", "error", "skip", tested=True),
  "data.retry_seconds": Field(int, 300, PLACE,
    "Seconds to wait for a data directory that is out of reach; 0 for no wait.", least=0,
    most=10**7),
  "data.follow_links": Field(bool, False, PLACE,
    "Follow links that lead out of the data directory."),
  "data.single_tracklet": _choice("repeat", TRAINING,
    "Training identities with one tracklet: refuse them, leave them out, or repeat the tracklet "
    "(published).", "error", "drop", "repeat"),
  "clips.image_size": Field(tuple, (256, 128), NETWORK,
    "Frame height and width in pixels.", length=2, least=8, most=4096),
  "clips.num_frames": Field(int, 4, NETWORK, "Frames in a clip (T).", least=1, most=1024),
  "clips.selection": _choice("sequential", TRAINING,
    "How a training clip's frames are chosen.", *FRAME_SELECTIONS),
  "clips.sequential_start": _choice("preset", TRAINING,
    "Starts of sequential clips: `published` never draws the last possible one.", "published",
    "all", preset=True),
  "clips.augment_per": _choice("frame", TRAINING,
    "Draw the augmentation for each frame, or once for each clip.", "frame", "clip"),
  "model.backbone": _choice("se_resnet50", NETWORK, "Backbone network.", *BACKBONES),
  "model.width": Field(float, 1.0, NETWORK,
    "Channel multiplier of the backbone's stages.", above=0, most=8),
  "model.cosam_stages": Field(tuple, (4, 5), NETWORK,
    "Stages that COSAM follows.", least=2, most=5),
  "model.temporal": _choice("tp", NETWORK,
    "Temporal head: average, attention, LSTM.", *TEMPORAL_HEADS),
  "model.last_stride": Field(int, 0, NETWORK,
    "Stride of stage 5; 0 takes 2 for ta and 1 for tp and rnn.", legal=(0, 1, 2)),
  "model.stride_in": _choice("family", NETWORK,
    "The convolution of a bottleneck that strides.", "family", "1x1", "3x3"),
  "model.pool": _choice("family", NETWORK,
    "Padding of the stem's pool.", "family", "padded", "ceil"),
  "model.cost_volume": _choice("factored", SPEED,
    "How COSAM evaluates its cost volume.", "factored", "explicit"),
  "model.ncc": _choice("preset", NETWORK,
    "Standard deviation in the correlation.", "unbiased", "population", preset=True),
  "model.summary": _choice("preset", NETWORK,
    "Network over the cost volume.", "two_layers", "one_layer", "order_free", preset=True),
  "model.channel_gate": _choice("preset", NETWORK,
    "The channel gate returns x + x*gate (residual) or x*gate (multiply).", "residual", "multiply",
    preset=True),
  "model.score_relu": Field(bool, True, NETWORK, "A ReLU on TA's scores before the softmax."),
  "model.neck": Field(bool, False, NETWORK, "Batch normalisation before the classifier."),
  "model.dtype": _choice("float32", TRAINING,
    "Compute precision; parameters stay float32.", "float32", "bfloat16", tested=True),
  "model.remat": Field(bool, False, SPEED,
    "Compute residual blocks again for the gradient: less memory, more time."),
  "init.weights": Field(str, "imagenet", TRAINING,
    "Initial weights: empty (random), a name such as imagenet, or a file.", path=True,
    resumable=True),
  "init.mask_start": Field(float, 0.5, TRAINING,
    "Start of COSAM's spatial masks, if no weights are given for them: 0.5 as published; near 1, "
    "features pass until masking pays.", least=0.01, most=0.99, before=0.5),
  "loss.cross_entropy": _choice("preset", TRAINING,
    "Smoothed or plain labels.", "smoothed", "plain", preset=True),
  "loss.label_smoothing": Field(float, 0.1, TRAINING, "Smoothing of `smoothed`.", least=0, most=1),
  "loss.triplet_margin": Field(float, 0.3, TRAINING,
    "Margin of the batch-hard triplet loss.", least=0, most=10**6),
  "loss.triplet_weight": Field(float, 1.0, TRAINING, "The poster's lambda.", least=0, most=10**6),
  "optim.learning_rate": Field(float, 3e-4, TRAINING, "Adam's learning rate.", above=0,
    most=100),
  "optim.decay_every_epochs": Field(int, 200, TRAINING,
    "Epochs between drops of the rate.", least=1, most=MOST_EPOCHS),
  "optim.decay_factor": Field(float, 0.1, TRAINING,
    "Factor of each drop of the rate.", above=0, most=1),
  "optim.weight_decay": Field(float, 5e-4, TRAINING, "Weight decay.", least=0, most=100),
  "optim.weight_decay_form": _choice("coupled", TRAINING,
    "Coupled (added to the gradient) or decoupled (AdamW).", "coupled", "decoupled"),
  "optim.clip_norm": Field(float, 0.0, TRAINING,
    "Largest global norm of the gradient; 0 for none.", least=0, most=10**9),
  "train.epochs": Field(int, 800, TRAINING,
    "Epochs; an epoch draws every identity once.", least=1, most=MOST_EPOCHS,
    resumable=True),
  "train.identities_per_batch": Field(int, 8, TRAINING, "P: identities in a batch.", least=2,
    most=4096),
  "train.instances": Field(int, 4, TRAINING, "K: clips of each identity in a batch.", least=2,
    most=1024),
  "train.accumulate": Field(int, 1, TRAINING,
    "Number of parts in which a batch goes through the network, one after the other, to save "
    "memory; triplets are of the whole batch, the norms' statistics of each part.", least=1,
    most=4096),
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
  "evaluation.gallery": _choice("reference", MEASURING,
    "reference: queries taken out of the gallery; official: left in.", "reference", "official"),
  "evaluation.frames": Field(int, 0, MEASURING,
    "Number of frames of each tracklet, evenly drawn; 0 for all.", least=0, most=10**6),
  "evaluation.batch_clips": Field(int, 32, SPEED, "Clips embedded at once.", least=1, most=4096),
  "evaluation.checkpoint": _choice("last", MEASURING,
    "The checkpoint that is evaluated.", "last", "best"),
  "evaluation.before_training": Field(bool, False, REPORT, "Also evaluate the initial weights."),
  "evaluation.resample": Field(bool, False, MEASURING,
    "Resample a checkpoint's weights to this num_frames and image_size."),
  "evaluation.distance": _choice("sqeuclidean", MEASURING,
    "Ranking distance.", "sqeuclidean", "cosine"),
  "evaluation.rerank": Field(bool, True, MEASURING, "Also report k-reciprocal re-ranking."),
  "evaluation.rerank_k1": Field(int, 20, MEASURING, "Re-ranking: neighbours in a set.", least=1,
    most=10**4),
  "evaluation.rerank_k2": Field(int, 6, MEASURING,
    "Re-ranking: neighbours whose descriptions are averaged.", least=1, most=10**4),
  "evaluation.rerank_lambda": Field(float, 0.3, MEASURING,
    "Re-ranking: weight of the original distance.", least=0, most=1),
  "evaluation.attributes_file": Field(str, "", MEASURING,
    "mars_attributes.csv or duke_attribute.mat, to evaluate by attribute too; empty: do not.",
    path=True),
  "evaluation.attributes": Field(str, "", MEASURING,
    "The attributes, NAME (for yes) or NAME=VALUE, separated by commas; empty: the poster's "
    "handbag,hat,backpack."),
  "report.write": Field(bool, True, REPORT, "Make the report page after training and evaluation."),
  "report.worst": Field(int, 4, REPORT,
    "Ranking sheets: number of queries with the lowest precision.", least=0, most=1000),
  "report.best": Field(int, 2, REPORT,
    "Ranking sheets: number of queries with the highest precision.", least=0, most=1000),
  "report.random": Field(int, 2, REPORT,
    "Ranking sheets: number of queries drawn by the seed.", least=0, most=1000),
  "report.tensorboard": Field(bool, False, REPORT,
    "Also write losses, rates and metrics as TensorBoard event files."),
  "report.queries": Field(str, "", REPORT,
    "Ranking sheets: names of queries, separated by commas."),
}  # fmt: skip

# Only the drawn data set has these fields.
SYNTHETIC_SCHEMA: dict[str, Field] = {
  "synthetic.identities_train": Field(int, 24, TRAINING, "People to train on.", least=2, most=4999),
  "synthetic.identities_test": Field(int, 16, TRAINING, "People to test on.", least=2, most=4999),
  "synthetic.cameras": Field(int, 3, TRAINING, "Number of cameras.", least=2, most=9),
  "synthetic.tracklets_per_camera": Field(int, 2, TRAINING,
    "Tracklets of each person under each camera.", least=2, most=99),
  "synthetic.frames": Field(tuple, (12, 24), TRAINING,
    "Fewest and most frames of a tracklet.", length=2, least=1, most=999),
  "synthetic.image_size": Field(tuple, (128, 64), TRAINING,
    "Height and width of the drawn frames in pixels.", length=2, least=32, most=2048),
  "synthetic.seed": Field(int, 0, TRAINING, "Seed of the drawing.", least=0, most=2**32 - 1),
  "synthetic.distractors": Field(int, 6, TRAINING,
    "Tracklets of people who match nobody.", least=0, most=9999),
  "synthetic.junk": Field(int, 4, TRAINING, "Tracklets without a person.", least=0, most=9999),
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


def evaluation_fields(*without: str) -> tuple[str, ...]:
  """The fields on which an evaluation of given weights depends.

  Args:
    *without: beginnings of names that are left out.
  """
  names = (name for name, field in SCHEMA.items() if field.in_evaluation)
  return tuple(name for name in names if not name.startswith(without))


def in_fingerprint(name: str) -> bool:
  """Whether the field is part of the hash of a configuration that results keep.

  The hash has more fields than `alters_results`. It has always included the reports and the way in
  which the network is computed; without them it would no longer equal the hash in older results.
  """
  return name.startswith("model.") or role_of(name) not in (PLACE, SPEED)


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
