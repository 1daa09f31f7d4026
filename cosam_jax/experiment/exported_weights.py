"""The configuration of exported weights: read from the record beside them, and fit to be shared."""

import pathlib
from collections.abc import Mapping
from typing import Any

from cosam_jax.errors import InputError
from cosam_jax.evaluation.fingerprints import weights_hash
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment.field_kinds import NETWORK, PLACE, REPORT, TRAINING
from cosam_jax.experiment.fields import FIELDS
from cosam_jax.models.exported_record import RECORD, WEIGHTS, read_record
from cosam_jax.models.hub_names import is_hub_name
from cosam_jax.runtime.quiet import warn
from cosam_jax.runtime.text_numbers import shown

_DECIDE = ("model.", "clips.", "evaluation.")
"""Beginnings of fields without which nobody knows what a network computes."""
_ABOUT_DATA = ("data.", "init.", "synthetic.")
_ASKED_FOR = (
  "model.backbone", "model.cosam_stages", "model.temporal", "clips.image_size", "clips.num_frames",
  "train.epochs", "train.identities_per_batch", "train.instances", "optim.learning_rate",
)  # fmt: skip


def exported_configuration(path: pathlib.Path) -> dict[str, Any]:
  """The flat configuration of an exported file of weights; empty if it is none.

  Such a file says nothing of the frames that its network takes, nor of the network's settings.

  Raises:
    InputError: the record beside the file cannot be read, or its configuration is of a newer
      version, or none.
  """
  config = _record(path).get("config")
  if not isinstance(config, Mapping) or not config:
    return {}
  place, update = path.with_name(RECORD), "it may be of a newer cosam-jax, so update this one"
  known: dict[str, Any] = {}
  for name, value in config.items():
    field = FIELDS.get(name)
    if field is None:
      if name.startswith(_DECIDE):
        raise InputError(
          f"{place} has config.{name[:60]}, which this version does not know: {update}"
        )
      continue
    if not field.accepts(value):
      raise InputError(
        f"{place} has config.{name} {shown(value)}, and here it must be {field.allowed()}: {update}"
      )
    known[name] = value
  lacking = [
    name for name, field in FIELDS.items()
    if field.role == NETWORK and not field.late and name not in known
  ]  # fmt: skip
  if lacking:
    raise InputError(
      f"{place} lacks config.{lacking[0]}"
      f"{f' and {len(lacking) - 1} more' if len(lacking) > 1 else ''}, so nobody knows what its "
      "network computes: export or publish it again"
    )
  return config_rules.complete(known)


def exported_label(path: pathlib.Path, variables: Mapping[str, Any]) -> str:
  """Names an exported file's weights: as the record beside it does, such as "step 240".

  If the record is of other weights, it warns and gives the file's name; and so for a record without
  a name.
  """
  record = _record(path)
  wanted, label = record.get("weights_hash"), record.get("weights")
  if wanted is not None and wanted != weights_hash(variables):
    warn(
      f"{path.name} has other weights than those that {RECORD} beside it is about; its "
      "configuration is used all the same"
    )
    return path.name
  return label if isinstance(label, str) and label else path.name


def _record(path: pathlib.Path) -> dict[str, Any]:
  place = path.with_name(RECORD)
  return read_record(place) if path.name in WEIGHTS and place.is_file() else {}


def shareable(flat: Mapping[str, Any]) -> dict[str, Any]:
  """A flat configuration without places on this disk, and without what reports show of it.

  Files are called by their last names alone; names of weights stay.
  """
  found: dict[str, Any] = {}
  for name, value in flat.items():
    field = FIELDS.get(name)
    if field is None:
      continue
    if field.role == REPORT:
      value = field.default
    elif field.path and field.role == PLACE:
      value = ""
    elif field.path and not is_hub_name(value):
      value = pathlib.PureWindowsPath(value).name  # Its rules know both kinds of slashes.
    found[name] = value
  return found


def recipe_of(flat: Mapping[str, Any], trained: bool = True) -> list[tuple[str, str, str]]:
  """Field, value and meaning of what a training decided, and of what everybody asks for.

  Args:
    flat: a complete configuration; data and initial weights are left out.
    trained: whether the configuration is that of the weights' training; if not, only fields of the
      network and of its frames are given.
  """
  rows, roles = [], (NETWORK, TRAINING) if trained else (NETWORK,)
  for name, field in FIELDS.items():
    if field.role not in roles or name not in flat or name.startswith(_ABOUT_DATA):
      continue
    value = flat[name]
    usual = list(field.default) if isinstance(field.default, tuple) else field.default
    if name in _ASKED_FOR or (list(value) if isinstance(value, tuple) else value) != usual:
      rows.append((name, str(value), field.help))
  return rows
