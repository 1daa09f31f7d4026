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

_COSAM = "model.cosam_stages"
OWN_SWEEPS: dict[str, tuple[str, ...]] = {
  "own_cosam": (),  # The configuration says which position is compared with none.
  "own_positions": (_COSAM,),
  "own_temporal": ("model.temporal",),
  "own_num_frames": ("clips.num_frames",),
  "own_frame_selection": ("clips.selection",),
  "own_masks": (_COSAM, *_PUBLISHED),
}
"""Name of a sweep -> the fields that nobody else may set, since its rows decide them."""


def own_rows(sweep: str, config: Mapping[str, Any]) -> tuple[Row, ...]:
  """The rows of a sweep in OWN_SWEEPS.

  Args:
    sweep: a key of OWN_SWEEPS.
    config: flat configuration, dotted name -> value.

  Raises:
    InputError: the configuration has no COSAM, so with and without it are the same network.
  """
  own = row_of(config)
  assert own is not None  # A checked configuration has all fields.
  if sweep in ("own_cosam", "own_temporal") and not own.cosam:
    raise InputError(
      f"--sweep={sweep} compares no COSAM with the configuration's, but its model.cosam_stages is "
      "empty: give a configuration with COSAM, such as --config.model.cosam_stages='(4, 5)'"
    )
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
