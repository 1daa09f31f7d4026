"""A configuration for people: each field, its value, and the origin of the value."""

import pathlib
import re
from collections.abc import Collection, Mapping, Sequence

from ml_collections import ConfigDict

from cosam_jax.experiment import configurations, run_configuration
from cosam_jax.experiment.config import flatten, resolve
from cosam_jax.experiment.field_kinds import FROM_PRESET
from cosam_jax.experiment.fields import FIELDS

DEFAULT = "default"


def origins(
  config: ConfigDict,
  place: str,
  arguments: Sequence[str] = (),
  flags: Mapping[str, str] | None = None,
) -> dict[str, str]:
  """Dotted name -> the origin of a field's value.

  The origin is the last of these that gives a value: the field's default, the experiment's file or
  the run, a flag. If that value is `preset`, the origin is the preset.

  Args:
    config: as file and flags make it, before `resolve`.
    place: the value of `--config` after parsing (`get_config_filename`).
    arguments: the command line, for its `--config.group.field`.
    flags: field -> another flag that set it, such as `{"model.temporal": "--temporal"}`.
  """
  source, stated = _source(place)
  given = _fields_given(arguments) | dict(flags or {})
  found = {}
  for name, value in flatten(config):
    found[name] = given.get(name, source if name in stated else DEFAULT)
    if value == FROM_PRESET:
      found[name] = f"preset {config.preset}"
  return found


def describe_config(config: ConfigDict, origin: Mapping[str, str]) -> str:
  """A line for each field: its name, its value and the value's origin.

  Args:
    config: as file and flags make it; presets and `~` are replaced here.
    origin: from `origins`.
  """
  values = {name: repr(value) for name, value in flatten(resolve(config))}
  order = [*(name for name in FIELDS if name in values), *(set(values) - set(FIELDS))]
  names, widest = max(map(len, values)), min(32, max(map(len, values.values())))
  return "\n".join(
    f"{name:<{names}}  {values[name]:<{widest}}  {origin.get(name, DEFAULT)}" for name in order
  )


def _source(place: str) -> tuple[str, Collection[str]]:
  """The name of a configuration's file or run, and the fields that it states."""
  path, _, rest = place.partition(":")
  if pathlib.Path(path) == pathlib.Path(run_configuration.__file__):
    _, _, workdir = rest.partition(":")
    return f"the run in {workdir}", run_configuration.stated_by_run(rest)
  if pathlib.Path(path) == configurations.HERE:
    path, *argument = rest.split(":", 1)
    stated = configurations.stated_by(path, *argument)
    return path, {name for name, _ in flatten(stated)}
  return path, {name for name, _ in flatten(configurations.stated_by(path))}


def _fields_given(arguments: Sequence[str]) -> dict[str, str]:
  """Field -> flag, for every `--config.group.field` on a command line."""
  found = {}
  for argument in arguments:
    if argument == "--":
      break
    flag = re.match(r"--?(?:no)?config\.([^=]+)", argument)
    if flag:
      found[flag[1]] = f"--config.{flag[1]}"
  return found
