"""The fields of a configuration: type, meaning and legal values of each, and the two presets."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from cosam_jax.data.sets.registry import DATASETS, data_set_of
from cosam_jax.models.backbones.resnet import BACKBONES
from cosam_jax.models.reid import TEMPORAL_HEADS

FRAME_SELECTIONS = ("sequential", "random", "evenly")
FROM_PRESET = "preset"

# The two sides of the fidelity table: what each preset says for a field that reads "preset".
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


@dataclasses.dataclass(frozen=True)
class Field:
  """One field of the configuration.

  Attributes:
    kind: its Python type; `tuple` means a tuple of integers.
    help: what it decides, with its unit.
    legal: the values it may take, where they can be listed.
    least, most: inclusive bounds of a number (or of each number of a tuple).
    above: exclusive lower bound.
    length: how many numbers a tuple has.
    path: whether it names a file or folder, so that `~` is the home directory.
  """

  kind: type
  help: str
  legal: tuple[Any, ...] | None = None
  least: float | None = None
  most: float | None = None
  above: float | None = None
  length: int | None = None
  path: bool = False

  def allowed(self) -> str:
    """The legal values in words."""
    if self.legal is not None:
      return "one of " + ", ".join(str(value) for value in self.legal)
    noun = {bool: "True or False", int: "an integer", float: "a number", str: "a text"}.get(
      self.kind, f"a tuple of {self.length or 'any number of'} integers"
    )
    bounds = [f"at least {self.least}"] if self.least is not None else []
    bounds += [f"greater than {self.above}"] if self.above is not None else []
    bounds += [f"at most {self.most}"] if self.most is not None else []
    return " ".join([noun, " and ".join(bounds)]).strip()

  def accepts(self, value: Any) -> bool:
    """Whether `value` has the type and lies in the set."""
    if self.kind is float:
      fits = type(value) in (int, float) and math.isfinite(value)
    elif self.kind is tuple:
      fits = isinstance(value, tuple | list) and all(type(item) is int for item in value)
      fits = fits and self.length in (None, len(value))
    else:
      fits = type(value) is self.kind
    if not fits or (self.legal is not None and value not in self.legal):
      return False
    if self.kind not in (int, float, tuple):
      return True
    return all(
      (self.least is None or item >= self.least)
      and (self.most is None or item <= self.most)
      and (self.above is None or item > self.above)
      for item in (value if self.kind is tuple else (value,))
    )


def _choice(help_text: str, *values: str, preset: bool = False) -> Field:
  return Field(str, help_text, legal=(*values, FROM_PRESET) if preset else values)


SCHEMA: dict[str, Field] = {
  "preset": _choice("Which side of the fidelity table `preset` fields take.", *PRESETS),
  "seed": Field(int, "Seed of initial weights, batches and augmentation.", least=0, most=2**32 - 1),
  "data.name": _choice("Data set, by reader.", *DATASETS),
  "data.dir": Field(str, "Directory of the data set, or a manifest (.csv, .jsonl).", path=True),
  "data.source": _choice("Read frames from the directory or the prepared set.",
                         "directory", "prepared"),
  "data.prepared_dir": Field(str, "Where --mode=prepare packs and `prepared` reads.", path=True),
  "data.split": Field(int, "Which split (iLIDS-VID and PRID2011 have 10).", least=0),
  "data.split_seed": Field(int, "Seed of PRID2011's random splits.", least=0),
  "data.check_files": Field(bool, "Look that every frame of the index exists before starting."),
  "data.validation_identities": Field(
    int, "Training identities held out for choosing the best checkpoint; 0 for none.", least=0),
  "data.on_unreadable": _choice("A frame that does not decode: stop, or skip and count it.",
                                "error", "skip"),
  "data.retry_seconds": Field(
    int, "How long to wait for a data directory that has gone away; 0 for not at all.", least=0),
  "data.follow_links": Field(
    bool, "Read what links in the data directory point to outside of it."),
  "data.single_tracklet": _choice(
    "Training identities with one tracklet: refuse, leave out, or keep them (published).",
    "error",
    "drop",
    "repeat",
  ),
  "clips.image_size": Field(tuple, "Frame height and width in pixels.", length=2, least=8),
  "clips.num_frames": Field(int, "Frames in a clip (T).", least=1),
  "clips.selection": _choice("How a training clip's frames are chosen.", *FRAME_SELECTIONS),
  "clips.sequential_start": _choice(
    "Starts of sequential clips: `published` never draws the last possible one.",
    "published", "all", preset=True),
  "clips.augment_per": _choice("Draw augmentation for each frame or once a clip.",
                               "frame", "clip"),
  "model.backbone": _choice("Backbone network.", *BACKBONES),
  "model.width": Field(float, "Channel multiplier of the backbone's stages.", above=0),
  "model.cosam_stages": Field(tuple, "Stages that COSAM follows.", least=2, most=5),
  "model.temporal": _choice("Temporal head: average, attention, LSTM.", *TEMPORAL_HEADS),
  "model.last_stride": Field(
    int, "Stride of stage 5; 0 takes 2 for ta and 1 for tp and rnn.", legal=(0, 1, 2)),
  "model.stride_in": _choice("Which bottleneck convolution strides.", "family", "1x1", "3x3"),
  "model.pool": _choice("Padding of the stem's pool.", "family", "padded", "ceil"),
  "model.cost_volume": _choice("How COSAM evaluates its cost volume.", "factored", "explicit"),
  "model.ncc": _choice("Deviation in the correlation.", "unbiased", "population", preset=True),
  "model.summary": _choice("Network over the cost volume.",
                           "two_layers", "one_layer", "order_free", preset=True),
  "model.channel_gate": _choice("x + x*gate, or x*gate.", "residual", "multiply", preset=True),
  "model.score_relu": Field(bool, "The ReLU on TA's scores before the softmax."),
  "model.neck": Field(bool, "Batch normalisation before the classifier."),
  "model.dtype": _choice("Compute precision; parameters stay float32.", "float32", "bfloat16"),
  "model.remat": Field(
    bool, "Compute residual blocks again for the gradient: less memory, more time."),
  "init.weights": Field(
    str, "Initial weights: empty (random), a name such as imagenet, or a file.", path=True),
  "init.mask_start": Field(
    float, "Where COSAM's spatial masks start, if no weights are given for them: 0.5 as published; "
    "near 1 features pass until masking pays.", least=0.01, most=0.99),
  "loss.cross_entropy": _choice("Smoothed or plain labels.", "smoothed", "plain", preset=True),
  "loss.label_smoothing": Field(float, "Smoothing of `smoothed`.", least=0, most=1),
  "loss.triplet_margin": Field(float, "Margin of the batch-hard triplet loss.", least=0),
  "loss.triplet_weight": Field(float, "The poster's lambda.", least=0),
  "optim.learning_rate": Field(float, "Adam's learning rate.", above=0),
  "optim.decay_every_epochs": Field(int, "Epochs between drops of the rate.", least=1),
  "optim.decay_factor": Field(float, "What each drop multiplies the rate by.", above=0, most=1),
  "optim.weight_decay": Field(float, "Weight decay.", least=0),
  "optim.weight_decay_form": _choice(
    "Coupled (added to the gradient) or decoupled (AdamW).", "coupled", "decoupled"),
  "optim.clip_norm": Field(float, "Largest global norm of the gradient; 0 for none.", least=0),
  "train.epochs": Field(int, "Epochs; an epoch draws every identity once.", least=1),
  "train.identities_per_batch": Field(int, "P: identities in a batch.", least=2),
  "train.instances": Field(int, "K: clips of each identity in a batch.", least=2),
  "train.accumulate": Field(
    int, "Parts that a batch goes through the network in, one after the other, to save memory; "
    "triplets are of the whole batch, the norms' statistics of each part.", least=1),
  "train.log_every_steps": Field(int, "Steps between lines of scalars.jsonl.", least=1),
  "train.health_every_steps": Field(
    int, "Steps between lines of health.jsonl (step times, input wait, memory); 0 for none.",
    least=0),
  "train.checkpoint_every_epochs": Field(int, "Epochs between checkpoints.", least=1),
  "train.keep_checkpoints": Field(int, "Latest checkpoints that are kept.", least=1),
  "train.validate_every_epochs": Field(
    int, "Epochs between validations on the held-out identities; 0 for none.", least=0),
  "evaluation.gallery": _choice(
    "reference: queries taken out of the gallery; official: left in.", "reference", "official"),
  "evaluation.frames": Field(int, "Frames of each tracklet, evenly drawn; 0 for all.", least=0),
  "evaluation.batch_clips": Field(int, "Clips embedded at once.", least=1),
  "evaluation.checkpoint": _choice("Which checkpoint is evaluated.", "last", "best"),
  "evaluation.before_training": Field(bool, "Also evaluate the initial weights."),
  "evaluation.resample": Field(
    bool, "Bring a checkpoint's weights to this num_frames and image_size."),
  "evaluation.distance": _choice("Ranking distance.", "sqeuclidean", "cosine"),
  "evaluation.rerank": Field(bool, "Also report k-reciprocal re-ranking."),
  "evaluation.rerank_k1": Field(int, "Neighbours of re-ranking.", least=1),
  "evaluation.rerank_k2": Field(int, "Neighbours of query expansion.", least=1),
  "evaluation.rerank_lambda": Field(float, "Weight of the first distance.", least=0, most=1),
  "evaluation.attributes_file": Field(
    str, "mars_attributes.csv or duke_attribute.mat: also evaluate by attribute; empty: do not.",
    path=True),
  "evaluation.attributes": Field(
    str, "Which attributes, NAME (for yes) or NAME=VALUE with commas; empty: the poster's "
    "handbag,hat,backpack."),
  "report.write": Field(bool, "Make the report page after training and evaluation."),
  "report.worst": Field(int, "Ranking sheets: queries with the lowest precision.", least=0),
  "report.best": Field(int, "Ranking sheets: queries with the highest precision.", least=0),
  "report.random": Field(int, "Ranking sheets: queries drawn by the seed.", least=0),
  "report.tensorboard": Field(
    bool, "Also write losses, rates and metrics as TensorBoard event files."),
  "report.queries": Field(str, "Ranking sheets: tracklet names, separated by commas."),
}  # fmt: skip

# Only the generated data set has these.
SYNTHETIC_SCHEMA: dict[str, Field] = {
  "synthetic.identities_train": Field(int, "People to train on.", least=2, most=4999),
  "synthetic.identities_test": Field(int, "People to test on.", least=2, most=4999),
  "synthetic.cameras": Field(int, "Number of cameras.", least=2, most=9),
  "synthetic.tracklets_per_camera": Field(
    int, "Tracklets of a person and camera.", least=2, most=99
  ),
  "synthetic.frames": Field(
    tuple, "Fewest and most frames of a tracklet.", length=2, least=1, most=999
  ),
  "synthetic.image_size": Field(
    tuple, "Height and width drawn, in pixels.", length=2, least=32, most=2048
  ),
  "synthetic.seed": Field(int, "Seed of the drawing.", least=0, most=2**32 - 1),
  "synthetic.distractors": Field(int, "Tracklets of people who match nobody.", least=0, most=9999),
  "synthetic.junk": Field(int, "Tracklets without a person.", least=0, most=9999),
}


def schema_for(config: ConfigDict) -> dict[str, Field]:
  """The fields that this configuration must have."""
  data = config.get("data")
  name = data.get("name") if isinstance(data, ConfigDict) else None
  drawn = isinstance(name, str) and data_set_of(name).drawn
  return SCHEMA | SYNTHETIC_SCHEMA if drawn else SCHEMA


def describe_fields(values: Mapping[str, Any] | None = None) -> str:
  """Every field with its meaning, legal values and value, a line each, for `--helpfull`.

  Args:
    values: dotted name -> what a configuration has for the field.
  """
  lines = []
  for name, field in (SCHEMA | SYNTHETIC_SCHEMA).items():
    value = f" (default: {values[name]!r})" if values and name in values else ""
    lines.append(f"  --config.{name}: {field.help} ({field.allowed()}){value}")
  return "\n".join(lines)
