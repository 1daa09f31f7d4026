"""The experiments' files that come with the package, and how `--config` finds and reads one.

They lie in `configs/` of a checkout, and in `cosam_jax/configs/` of an installed package. A file
states the fields that its experiment decides; the other fields have their defaults. So that every
field can be set on the command line, `--config` is made to name this module, with the experiment's
file after a colon.
"""

import importlib.machinery
import importlib.util
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

from ml_collections import ConfigDict

from cosam_jax.errors import InputError, suggestion
from cosam_jax.experiment.fields import FIELDS, describe_fields
from cosam_jax.experiment.flat_config import add_defaults, flatten
from cosam_jax.runtime.outside_files import read_bytes
from cosam_jax.runtime.user_paths import user_path

HERE = pathlib.Path(__file__)
"""The file that `--config` is made to name, whatever the experiment's file."""
_RUN_CONFIGURATION = HERE.with_name("run_configuration.py")
_MOST_PROGRAM_BYTES = 16 << 20


def folder() -> pathlib.Path:
  """The folder of the experiments' files."""
  package = pathlib.Path(__file__).parents[1]
  installed = package / "configs"
  return installed if installed.is_dir() else package.parent / "configs"


def names() -> tuple[str, ...]:
  """Names that `--config` takes besides a path: `mars`, `synthetic`, ..."""
  return tuple(sorted(path.stem for path in folder().glob("[a-z]*.py")))


def find(given: str) -> str:
  """The path that `--config=given` means; an argument of `get_config`, after a colon, stays.

  Args:
    given: the path of a file, or one of `names()`. A file in the current folder comes first.

  Raises:
    InputError: there is no such file.
  """
  text, colon, argument = given.partition(":")
  path = user_path(text)
  if not path.is_file() and text in names():
    path = folder() / f"{text}.py"
  if not text or not path.exists():
    raise InputError(
      f"--config is {given!r}, and there is no such file: give an experiment's file, such as "
      f"configs/synthetic.py, or the name of one ({', '.join(names())}){_suggestion(text, path)}"
    )
  _check_program(path)
  return f"{path}{colon}{argument}"


def _check_program(path: pathlib.Path) -> None:
  """Checks an experiment's file before it is run: InputError if it cannot be a program's text."""
  try:
    importlib.util.decode_source(read_bytes(path, _MOST_PROGRAM_BYTES))
  except OSError as error:
    raise InputError(
      f"--config is {str(path)!r}, which cannot be read ({error.strerror or error}): give an "
      "experiment's file, such as configs/synthetic.py"
    ) from error
  except (ValueError, SyntaxError) as error:
    raise InputError(
      f"--config is {str(path)!r}, which is not text in UTF-8: save it as such"
    ) from error


def _suggestion(text: str, path: pathlib.Path) -> str:
  """Suggests a file beside the missing one, or the name of one of ours."""
  beside = suggestion(text, [str(path.parent / file.name) for file in path.parent.glob("*.py")])
  return beside or suggestion(path.stem, names())


def stated_by(path: str | pathlib.Path, *argument: str) -> Any:
  """The fields that an experiment's file decides: the result of its `get_config`.

  Args:
    path: the file.
    argument: the argument of `get_config`, if it takes one.
  """
  # The module has a name, since some programs look themselves up by theirs.
  loader = importlib.machinery.SourceFileLoader("experiment_file", str(path))
  spec = importlib.util.spec_from_loader(loader.name, loader)
  assert spec is not None
  module = sys.modules[loader.name] = importlib.util.module_from_spec(spec)
  loader.exec_module(module)
  return module.get_config(*argument)


def read(path: str | pathlib.Path, *argument: str) -> Any:
  """The configuration of an experiment's file, with defaults for fields that it does not state.

  Args:
    path: the file.
    argument: the argument of `get_config`, if it takes one.

  Returns:
    A `ConfigDict`, unless the file's `get_config` returns something else.
  """
  config = stated_by(path, *argument)
  if isinstance(config, ConfigDict):
    add_defaults(config)
  return config


def get_config(place: str) -> Any:
  """The configuration that `--config` asks for; `place` is the part after the colon.

  If the command line names a data set, the configuration has that one's fields too, since
  ml_collections makes flags of those fields only that it has by now.
  """
  config = read(*place.split(":", 1))
  dataset = given_in(sys.argv, "config.data.name") or given_in(sys.argv, "dataset")
  if dataset is not None and isinstance(config, ConfigDict):
    add_defaults(config, dataset)
  return config


def values_of(path: str | pathlib.Path, *argument: str) -> dict[str, Any]:
  """Dotted name -> value of a configuration file; see `read`."""
  return dict(flatten(read(path, *argument)))


def defaults(given: str | None) -> tuple[str, dict[str, Any]]:
  """The name of a configuration, and its values, which `--helpfull` shows as defaults.

  Args:
    given: the command line's `--config`. If it is None, or cannot be used, the values are the
      defaults of the fields, which are those of `mars`.
  """
  ours = {name: field.default for name, field in FIELDS.items()}
  if given is not None:
    try:
      return given, values_of(*find(given).split(":", 1))
    except Exception as error:  # A user's program can fail in any way.
      print(f"warning: --config={given} cannot be used ({error})", file=sys.stderr)
  return "mars", ours


def help_for(given: str | None) -> str:
  """The help of `--config`: every field with its meaning, legal values and default.

  Args:
    given: see `defaults`.
  """
  name, values = defaults(given)
  return (
    "The experiment's file, such as configs/mars.py, or the name of one of these: "
    f"{', '.join(names())}. Every field of it can be set on the command line. Each is listed here "
    f"with its legal values and, as its default, the value of {name} (or of the --config that is "
    f"given):\n{describe_fields(values)}"
  )


def given_in(arguments: Sequence[str], flag: str = "config") -> str | None:
  """The value of a flag in a command line; None if it is not given."""
  for i, argument in enumerate(arguments):
    name, equals, value = argument.partition("=")
    if argument == "--":
      break
    if name in (f"--{flag}", f"-{flag}"):
      return value if equals else next(iter(arguments[i + 1 :]), "")
  return None


def with_path(arguments: Sequence[str]) -> list[str]:
  """The command line in which `--config` names this module, with the experiment's file after it.

  A name becomes a path, without `~`. A run's configuration, which is complete, stays as it is.

  Raises:
    InputError: there is no such file.
  """
  found: list[str] = []
  value_next = False
  for i, argument in enumerate(arguments):
    name, equals, value = argument.partition("=")
    if argument == "--":
      return [*found, *arguments[i:]]
    if value_next:
      found.append(_place(argument))
    elif name in ("--config", "-config") and equals:
      found.append(f"{name}={_place(value)}")
    else:
      found.append(argument)
    value_next = argument in ("--config", "-config") and not value_next
  return found


def _place(given: str) -> str:
  path = find(given)
  return path if path.startswith(f"{_RUN_CONFIGURATION}:") else f"{HERE}:{path}"
