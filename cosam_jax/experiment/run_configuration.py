"""The configuration of a finished run, for modes that are given only its workdir.

`--mode=evaluate --workdir=runs/mars` takes configuration, data directory and weights from the
workdir; `--data_dir`, `--config.group.field=value` and the ablations' flags override them as usual.
`--config` is then made to name this module, with the workdir after a colon. The registry of
commands says which modes do so.
"""

import pathlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from ml_collections import ConfigDict

from cosam_jax.data.sets.registry import data_set_of
from cosam_jax.errors import InputError
from cosam_jax.experiment.config import complete, unflatten
from cosam_jax.experiment.fields import FIELDS, SCHEMA
from cosam_jax.reports.results import read_results
from cosam_jax.runtime.json_files import read_json
from cosam_jax.runtime.text_numbers import whole_number
from cosam_jax.runtime.user_paths import user_path


class Taking(Protocol):
  """What a mode takes from a run's workdir; see `commands.registry.Command`."""

  @property
  def of_run(self) -> str:
    """`run` or `results`: what has the configuration; empty if the mode takes none."""

  @property
  def unless(self) -> Collection[str]:
    """Flags with which the mode does not use the run's test set, and needs no configuration."""

  @property
  def files(self) -> Mapping[str, str]:
    """Flag -> the file in the workdir that it names if it is not given."""


def with_run(arguments: Sequence[str], modes: Mapping[str, Taking]) -> list[str]:
  """A command line with the run's configuration and files, if it names a run and none of them.

  Args:
    arguments: the command line, with the program.
    modes: what each mode takes from a run.

  Raises:
    InputError: the workdir's configuration cannot be read, or has a value of another kind.
  """
  given = {name: _value(arguments, name) for name in ("config", "mode", "workdir")}
  taking = modes.get(given["mode"] or "")
  if given["workdir"] is None or given["config"] is not None or taking is None:
    return list(arguments)
  workdir = user_path(given["workdir"])
  files = {
    flag: workdir / name for flag, name in taking.files.items() if _value(arguments, flag) is None
  }
  added = [f"--{flag}={path}" for flag, path in files.items() if path.is_file()]
  if not taking.of_run or any(_value(arguments, name) is not None for name in taking.unless):
    return [*arguments, *added]
  flat = _saved(workdir, taking.of_run)
  if flat is None:
    return [*arguments, *added]
  _check_fields(flat, workdir)
  place = f"{pathlib.Path(__file__)}:{taking.of_run}:{workdir}"
  return [arguments[0], f"--config={place}", *arguments[1:], *added]


def get_config(source_and_workdir: str) -> ConfigDict:
  """The configuration of a run, for `--config`; "run:runs/mars" names what has it, and the run."""
  return unflatten(complete(stated_by_run(source_and_workdir)))


def stated_by_run(source_and_workdir: str) -> dict[str, Any]:
  """The flat configuration as the run saved it; it may lack newer fields; see `get_config`.

  Raises:
    InputError: there is no run.
  """
  source, _, workdir = source_and_workdir.partition(":")
  flat = _saved(pathlib.Path(workdir), source)
  if flat is None:
    raise InputError(f"{workdir} has no configuration of a run")
  return flat


def has_checkpoint(workdir: pathlib.Path) -> bool:
  """Whether a training has saved something in a workdir; reads no checkpoint."""
  return any(has_steps(workdir / kind) for kind in ("checkpoints", "best"))


def has_steps(folder: pathlib.Path) -> bool:
  """Whether a folder of checkpoints has one, whole or not."""
  return folder.is_dir() and any(whole_number(entry.name) is not None for entry in folder.iterdir())


def check_data(config_file: str | None, config: ConfigDict) -> None:
  """Refuses the configuration of a run if its data are not where it says.

  Drawn data are not drawn anew either: seen from another folder, a relative path names no data.

  Args:
    config_file: the file that `--config` names.
    config: the configuration, with the command line's fields.

  Raises:
    InputError: the data are missing; the error says where they were.
  """
  if config_file is None or not config_file.startswith(f"{pathlib.Path(__file__)}:"):
    return
  workdir = config_file.removeprefix(f"{pathlib.Path(__file__)}:").partition(":")[2]
  data = config.data
  drawn = data_set_of(data.name).drawn
  places = []
  if data.source == "prepared":
    places.append(("--config.data.prepared_dir", data.prepared_dir, ""))
  if drawn:
    again = ", or give the --config of the training too, which draws them again"
    places.append(("--data_dir", data.dir, again))
  elif data.source != "prepared":
    places.append(("--data_dir", data.dir, ""))
  for flag, place, other in places:
    if not _has_something(user_path(place)):
      raise InputError(
        f"the run in {workdir} read its data from {place!r}, and nothing is there (seen from "
        f"{pathlib.Path.cwd()}): give their place now with {flag}{other}"
      )


def _has_something(path: pathlib.Path) -> bool:
  """Whether a path is a file, or a folder that is not empty or cannot be listed."""
  try:
    return path.is_file() or any(path.iterdir())
  except FileNotFoundError:
    return False
  except OSError:
    return True


def _value(arguments: Sequence[str], name: str) -> str | None:
  """The last value of a flag in a command line; None if it is not given."""
  found = None
  for i, argument in enumerate(arguments):
    if argument == "--":
      break
    flag, equals, value = argument.partition("=")
    if flag in (f"--{name}", f"-{name}"):
      found = value if equals else next(iter(arguments[i + 1 :]), "")
  return found


def _saved(workdir: pathlib.Path, source: str) -> dict[str, Any] | None:
  """The flat configuration that a run left; None if there is no run.

  `source` says whether that of the results in the folder comes first, from which a page is made.

  Raises:
    InputError: config.json is damaged.
  """
  of_results = _of_results(workdir)
  if source == "results" and of_results is not None:
    return of_results
  path = workdir / "config.json"
  if path.is_file():
    flat = read_json(path, "the run's configuration", "give --config")
    if not isinstance(flat, dict) or not all("." in name or name in SCHEMA for name in flat):
      raise InputError(f"{path} is not a configuration of a run: give --config")
    return flat
  return of_results or _of_checkpoint(workdir)


def _check_fields(flat: dict[str, Any], workdir: pathlib.Path) -> None:
  """Raises InputError unless each field has a value of its kind, and no field is inside another."""
  kinds: dict[type, Any] = {tuple: list, float: int | float}
  for name, value in flat.items():
    field = FIELDS.get(name)
    if any(name[:i] in flat for i, sign in enumerate(name) if sign == "."):
      raise InputError(f"the configuration of {workdir} is invalid at {name!r}: give --config")
    fits = field is None or (
      isinstance(value, kinds.get(field.kind, field.kind))
      and (field.kind is bool or not isinstance(value, bool))
      and (field.kind is not tuple or all(type(item) is int for item in value))
    )
    if field is not None and not fits:
      raise InputError(
        f"the configuration of {workdir} has {name} {str(value)[:100]!r}: it must be "
        f"{field.allowed()}; give --config"
      )


def _of_results(workdir: pathlib.Path) -> dict[str, Any] | None:
  if not (workdir / "results.json").is_file():
    return None
  try:
    flat = read_results(workdir / "results.json")["run"]["config"]
  except (InputError, KeyError, TypeError):
    return None
  return dict(flat) if isinstance(flat, dict) and flat else None


def _of_checkpoint(workdir: pathlib.Path) -> dict[str, Any] | None:
  if not any((workdir / kind).is_dir() for kind in ("checkpoints", "best")):
    return None
  # The libraries that take seconds to load are loaded only now.
  from cosam_jax.training.checkpoints import BEST, LAST, Checkpoints

  for kind in (LAST, BEST):
    checkpoints = Checkpoints(workdir, kind)
    step = checkpoints.latest_step()
    if step is not None:
      return dict(checkpoints.about(step)["config"])
  return None
