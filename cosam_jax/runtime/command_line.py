"""Command lines: recorded beside the run that they started, and turned into the next commands."""

import json
import os
import pathlib
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence

from cosam_jax.errors import InputError, printable
from cosam_jax.runtime.full_disk import naming
from cosam_jax.runtime.json_files import read_json_lines
from cosam_jax.runtime.outside_files import open_to_append

COMMANDS_FILE = "commands.jsonl"
PROGRAM = ("-m", "cosam_jax.main")
"""The program, after the name of a Python."""
_PYTHON = "python"
_WIDTH = 79


def command(arguments: Sequence[str], python: str = _PYTHON) -> str:
  """A command line as text for a shell.

  Args:
    arguments: without the program.
    python: the Python that runs it.
  """
  return _wrapped([python, *PROGRAM, *arguments])


def this_python() -> str:
  """The Python of this process, as a shell in the current folder finds it.

  It is `python` if that is the one, else a path, such as `.venv/bin/python` for an environment that
  is not activated.
  """
  own = sys.executable
  if not own or _is(shutil.which(_PYTHON), own):
    return _PYTHON
  here = pathlib.Path.cwd()
  path = pathlib.Path(own)
  if not path.is_relative_to(here):
    return own
  return os.path.join(os.curdir if path.parent == here else "", path.relative_to(here))


def _is(found: str | None, own: str) -> bool:
  """Whether a Python is that of this process; an environment's is a link to another one's."""
  if found is None or not os.path.exists(own):
    return False
  return os.path.samefile(found, own) and os.path.samefile(
    os.path.dirname(found), os.path.dirname(own)
  )


def changed(arguments: Sequence[str], values: Mapping[str, str | None]) -> list[str]:
  """A command line with other values of some flags.

  Args:
    arguments: without the program.
    values: flag -> its new value; None leaves the flag out.
  """
  kept: list[str] = []
  dropping = False
  for argument in arguments:
    is_flag = argument.startswith("-")
    if dropping and not is_flag:  # `--mode evaluate` is two arguments, `--mode=evaluate` one.
      dropping = False
      continue
    name, equals, _ = argument.lstrip("-").partition("=")
    ours = is_flag and not values.keys().isdisjoint((name, name.removeprefix("no")))
    dropping = ours and not equals
    kept += [] if ours else [argument]
  return kept + [f"--{name}={value}" for name, value in values.items() if value is not None]


def record(workdir: pathlib.Path, mode: str, arguments: Sequence[str] | None) -> None:
  """Appends the command to the workdir's `commands.jsonl`.

  Args:
    workdir: the folder that it wrote into.
    mode: its mode.
    arguments: without the program; None if `main` did not start the process: nothing is appended.
  """
  if arguments is not None:
    path = workdir / COMMANDS_FILE
    with naming(path), open_to_append(path) as file:
      file.write(json.dumps({"mode": mode, "command": command(arguments)}) + "\n")


def recorded(workdir: pathlib.Path) -> dict[str, str]:
  """Mode -> the command that ran it last; lines that cannot be read are skipped."""
  path = workdir / COMMANDS_FILE
  found: dict[str, str] = {}
  try:
    rows = read_json_lines(path, "commands", "remove it") if path.is_file() else {}
  except InputError:
    return found
  for row in rows.values():
    mode, text = (row or {}).get("mode"), (row or {}).get("command")
    if isinstance(mode, str) and isinstance(text, str):
      found[mode] = text
  return found


def next_steps(following: Mapping[str, Sequence[str]]) -> str:
  """The next steps after a mode that ended well, with commands that work in the folder it names.

  Args:
    following: what may be done -> the command line that does it, without the program.

  Returns:
    Text for people; may be empty.
  """
  python = this_python()
  steps = [f"{what}:\n  {command(arguments, python)}\n" for what, arguments in following.items()]
  return "".join([f"next, {in_this_folder()}:\n", *steps]) if steps else ""


def in_this_folder() -> str:
  """Words for the place where printed commands work, since paths in them may be relative."""
  return f"in the folder {printable(str(pathlib.Path.cwd()))}"


def _wrapped(arguments: Sequence[str]) -> str:
  """One shell command, broken between arguments if it is long."""
  lines = [""]
  for argument in map(shlex.quote, arguments):
    longer = f"{lines[-1]} {argument}".strip()
    if lines[-1] and len(longer) + 4 > _WIDTH:
      lines.append(argument)
    else:
      lines[-1] = longer
  return " \\\n    ".join(lines)
