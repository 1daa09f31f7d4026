"""Sweeps of a configuration's own network, whatever its recipe. Data only: nothing is run here.

The poster's sweeps (`poster_rows`) decide backbone, position, head and frames of each row. These
change only what their question is about, and take the rest from the configuration.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from cosam_jax.errors import InputError
from cosam_jax.reports.poster_rows import Row, row_of

_POSITIONS = ((), (3,), (4,), (5,), (4, 5))
_MASKED = (4, 5)
_HEADS = ("tp", "ta", "rnn")
_LENGTHS = (2, 4, 8)
_SELECTIONS = ("sequential", "random", "restricted")

_PUBLISHED = {
  "model.summary": "two_layers",
  "model.channel_gate": "residual",
  "model.descriptors": "stage",
  "loss.mask_sparsity": 0.0,
  "init.mask_start": 0.5,
}
MASK_FORMS: dict[str, dict[str, Any]] = {
  "": {},
  "order_free": {"model.summary": "order_free"},
  "position_free": {"model.summary": "position_free"},
  "descriptors_below": {"model.descriptors": "below"},
  "gate_multiplies": {"model.channel_gate": "multiply"},
  "sparse_masks": {"loss.mask_sparsity": 0.1},
  "open_masks": {"init.mask_start": 0.9},
}
"""The end of a row's name -> the fields in which it differs from the published masks."""

SWITCHES: dict[str, dict[str, Any]] = {
  "no_jitter": {"clips.jitter": 0.0},
  "no_erasing": {"clips.erase": 0.0},
  "no_cutting": {"clips.cut_frames": 0},
  "bilinear": {"clips.resize": "bilinear"},
  "enlarged_crops": {"clips.crop": "enlarged"},
  "change_each_frame": {"clips.augment_per": "frame"},
  "average_pool": {"model.spatial_pool": "average"},
  "no_neck": {
    "model.neck": False,
    "model.neck_losses": "classifier",
    "model.neck_place": "clip",
    "model.neck_bias": True,
    "model.neck_deviation": 0.0,
    "model.embedding": "before_neck",
  },
  "neck_of_clips": {"model.neck_place": "clip"},
  "neck_for_classifier": {"model.neck_losses": "classifier"},
  "embedding_before_neck": {"model.embedding": "before_neck"},
  "uniform_classifier": {"model.classifier_deviation": 0.0},
  "smoothed_labels": {"loss.cross_entropy": "smoothed"},
  "euclidean_triplet": {"loss.triplet_distance": "euclidean"},
  "no_warmup": {"optim.warmup_epochs": 0},
  "coupled_decay": {"optim.weight_decay_form": "coupled"},
  "no_average": {"train.average": 0.0},
}
"""The end of a row's name -> the fields in which the recipe of 2019 differs from a later one.

The sampler is not among them: an epoch of the other one has another length. Nor are rates, sizes
and lengths, which both recipes choose for their network.
"""

_COSAM = "model.cosam_stages"
OWN_SWEEPS: dict[str, tuple[str, ...]] = {
  "own_cosam": (),  # The configuration says which position is compared with none.
  "own_positions": (_COSAM,),
  "own_temporal": ("model.temporal",),
  "own_num_frames": ("clips.num_frames",),
  "own_frame_selection": ("clips.selection",),
  "own_masks": (_COSAM, *_PUBLISHED),
  "own_recipe": (),  # The configuration says which switches can be taken away.
}
"""Name of a sweep -> the fields that nobody else may set, since its rows decide them."""


def own_rows(sweep: str, config: Mapping[str, Any]) -> tuple[Row, ...]:
  """The rows of a sweep in OWN_SWEEPS.

  Args:
    sweep: a key of OWN_SWEEPS.
    config: flat configuration, dotted name -> value, with what its preset gives.

  Raises:
    InputError: the rows would all be the same: the configuration has no COSAM, or none of the
      switches.
  """
  own = row_of(config)
  assert own is not None  # A checked configuration has all fields.
  if sweep in ("own_cosam", "own_temporal") and not own.cosam:
    raise InputError(
      f"--sweep={sweep} compares no COSAM with the configuration's, but its model.cosam_stages is "
      "empty: give a configuration with COSAM, such as --config.model.cosam_stages='(4, 5)'"
    )
  if sweep == "own_recipe":
    return _without_switches(own, config)
  of_sweep: dict[str, list[dict[str, Any]]] = {
    "own_cosam": [{"cosam": stages} for stages in ((), own.cosam)],
    "own_positions": [{"cosam": stages} for stages in _POSITIONS],
    "own_temporal": [
      {"cosam": stages, "temporal": head} for head in _HEADS for stages in ((), own.cosam)
    ],
    "own_num_frames": [{"num_frames": number} for number in _LENGTHS],
    "own_frame_selection": [{"frame_selection": name} for name in _SELECTIONS],
    "own_masks": [
      {"cosam": _MASKED, "form": form, "more": tuple({**_PUBLISHED, **fields}.items())}
      for form, fields in MASK_FORMS.items()
    ],
  }
  return tuple(dataclasses.replace(own, **changes) for changes in of_sweep[sweep])


def _without_switches(own: Row, config: Mapping[str, Any]) -> tuple[Row, ...]:
  """The configuration's row, and one for each switch that takes it away and keeps the rest."""
  rows = list(dict.fromkeys((own, dataclasses.replace(own, frame_selection="sequential"))))
  for name, fields in SWITCHES.items():
    idle = "neck" in name and not config["model.neck"]
    if not idle and any(config[field] != value for field, value in fields.items()):
      rows.append(dataclasses.replace(own, form=name, more=tuple(fields.items())))
  if len(rows) == 1:
    raise InputError(
      "--sweep=own_recipe takes away, one at a time, what a recipe adds to that of 2019, but the "
      "configuration adds nothing: give one that does, such as configs/mars_strong.py"
    )
  return tuple(rows)
