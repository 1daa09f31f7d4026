"""The settings that a caller gives for a weights file, checked by the rules of a configuration."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from cosam_jax.errors import InputError, suggestion
from cosam_jax.experiment.config import check_network
from cosam_jax.experiment.field_kinds import FROM_PRESET, Field
from cosam_jax.experiment.fields import FIELDS
from cosam_jax.experiment.parts import DTYPES
from cosam_jax.models import ReidNet
from cosam_jax.runtime.given_values import whole_given
from cosam_jax.runtime.text_numbers import shown

_DEFAULTS = {
  field.name: field.default
  for field in dataclasses.fields(ReidNet)
  if field.name not in ("parent", "name")
}
_GROUPS = ("model.", "clips.")


def checked_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
  """Fields of `ReidNet`, each legal and fitting the others.

  Args:
    settings: as they were given; those left out have `ReidNet`'s defaults.

  Raises:
    InputError: one does not exist, is out of its range, or contradicts another one.
  """
  found = {name: _checked(name, value) for name, value in settings.items()}
  every = {**_DEFAULTS, **found}
  groups: dict[str, dict[str, Any]] = {"model": {}, "clips": {}}
  for name, value in every.items():
    if (place := _field_name(name)) is not None:
      group, _, key = place.partition(".")
      # None is the family's own way, or the stride that the head asks for.
      usual = 0 if name == "last_stride" else "family"
      groups[group][key] = usual if value is None else value
  try:
    check_network(ConfigDict(groups))
  except InputError as error:
    sentence = str(error)
    for group in _GROUPS:
      sentence = sentence.replace(f"config.{group}", "")
    raise InputError(sentence) from error
  return found


def _field_name(name: str) -> str | None:
  """The dotted name of the field that decides a setting; None if there is none."""
  return next((group + name for group in _GROUPS if group + name in FIELDS), None)


def _checked(name: str, value: Any) -> Any:
  """A setting's value as `ReidNet` takes it."""
  if name not in _DEFAULTS:
    raise InputError(f"{name!r} is not a setting of ReidNet{suggestion(name, _DEFAULTS)}")
  if value is None and _DEFAULTS[name] is None:
    return None
  if name == "num_classes":
    return whole_given(name, value)
  if isinstance(value, np.generic):
    value = value.item()
  if name == "dtype":  # A type of jax or numpy also has the name.
    value = _name_of_type(value)
  place = _field_name(name)
  field = Field(bool, False, "", "") if place is None else FIELDS[place]
  if field.legal is not None:
    own = tuple(legal for legal in field.legal if legal != FROM_PRESET)
    field = dataclasses.replace(field, legal=own)
  if not field.accepts(value):
    close = suggestion(value, map(str, field.legal or ())) if isinstance(value, str) else ""
    raise InputError(f"{name} is {shown(value)}: it must be {field.allowed()}{close}")
  if name == "dtype":
    return DTYPES[value]
  if _DEFAULTS[name] is None and value in (0, "family"):
    return None
  return tuple(value) if field.kind is tuple else value


def _name_of_type(value: Any) -> Any:
  try:
    return np.dtype(value).name
  except TypeError:
    return value
