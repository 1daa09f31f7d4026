"""Turns a configuration into dotted names and plain values and back, and completes saved ones."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from ml_collections import ConfigDict

from cosam_jax.experiment.field_kinds import FROM_PRESET, NETWORK, TRAINING, Field
from cosam_jax.experiment.fields import FIELDS, PRESETS, role_of, schema_of


def flatten(config: ConfigDict, prefix: str = "") -> Iterator[tuple[str, Any]]:
  """Yields (dotted field name, value) of a nested configuration."""
  for name, value in config.items():
    if isinstance(value, ConfigDict):
      yield from flatten(value, f"{prefix}{name}.")
    else:
      yield f"{prefix}{name}", value


def plain(config: ConfigDict) -> dict[str, Any]:
  """Dotted name -> plain value, the form in which results and checkpoints keep a configuration."""
  return {name: _plain(value) for name, value in flatten(config)}


def _plain(value: Any) -> Any:
  return list(value) if isinstance(value, tuple) else value


def unflatten(flat: Mapping[str, Any]) -> ConfigDict:
  """The nested configuration of a flat one: the inverse of `flatten`, also for results of `plain`.

  Saved values are converted to the kind of their field if possible: a list becomes a tuple, a whole
  number a float.
  """
  nested: dict[str, Any] = {}
  for name, value in flat.items():
    *groups, last = name.split(".")
    place = nested
    for group in groups:
      place = place.setdefault(group, {})
    kind = FIELDS[name].kind if name in FIELDS else None
    if kind is tuple and isinstance(value, list):
      value = tuple(value)
    elif kind is float and type(value) is int:
      with contextlib.suppress(OverflowError):  # `check` refuses what no float can hold.
        value = float(value)
    place[last] = value
  return ConfigDict(nested)


def complete(flat: Mapping[str, Any]) -> dict[str, Any]:
  """A saved configuration with all fields; newer fields get the value that older runs had.

  All code that reads a configuration back (from a checkpoint, results, embeddings) calls this, so
  that it need not ask whether a field exists.

  Args:
    flat: dotted name -> plain value. An empty one, for an unknown configuration, stays empty.
  """
  if not flat:
    return {}
  missing = _missing(flat, flat.get("data.name"))
  earlier = {name: _plain(field.earlier) for name, field in missing.items()}
  decided = PRESETS.get(str(flat.get("preset")), {})  # Saved presets are resolved.
  earlier |= {name: decided[name] for name in decided if earlier.get(name) == FROM_PRESET}
  return {**flat, **earlier}


def value_of(flat: Mapping[str, Any], name: str) -> Any:
  """A field of a saved configuration, or its default if the configuration is unknown.

  Args:
    flat: complete, or empty, as for weights without a run.
    name: the field.
  """
  return flat.get(name, FIELDS[name].default)


def trained_with(flat: Mapping[str, Any]) -> dict[str, Any]:
  """All fields of a saved configuration that determine the network and its training."""
  every = complete(flat)
  return {name: value for name, value in every.items() if role_of(name) in (NETWORK, TRAINING)}


def add_defaults(config: ConfigDict, dataset: str | None = None) -> None:
  """Gives a configuration the fields that its file does not state, with their defaults.

  It is altered, not copied, so that fields may refer to each other.

  Args:
    config: of an experiment's file.
    dataset: the data set whose fields it gets; None: its own `data.name`.
  """
  stated = dict(flatten(config))
  with config.unlocked():
    for name, field in _missing(stated, dataset or stated.get("data.name")).items():
      group, _, last = name.rpartition(".")
      if group and group not in config:
        config[group] = ConfigDict()
      (config[group] if group else config)[last] = field.default


def _missing(flat: Mapping[str, Any], dataset: Any) -> dict[str, Field]:
  """The fields that a flat configuration lacks; none of a group that it uses as a field."""
  return {
    name: field
    for name, field in schema_of(dataset).items()
    if name not in flat and name.partition(".")[0] not in flat
  }
