"""Command lines: recorded beside the run that they started, and turned into the next commands."""

import json
import pathlib
import shlex
from collections.abc import Mapping, Sequence

from cosam_jax.errors import InputError
from cosam_jax.runtime.json_files import read_json_lines
from cosam_jax.runtime.outside_files import open_to_append

COMMANDS_FILE = "commands.jsonl"
_PROGRAM = ("python", "-m", "cosam_jax.main")
_WIDTH = 79


def command(arguments: Sequence[str] | None, mode: str | None = None, *more: str) -> str | None:
  """The command line with another mode, as text for a shell; None if no command line was given.

  Args:
    arguments: the command line, without the program; None if `main` did not start the process.
    mode: the new value of `--mode`; None keeps the old one.
    *more: arguments to add.
  """
  if arguments is None:
    return None
  arguments = list(arguments)
  if mode is not None:
    kept = []
    skip = False
    for argument in arguments:
      # `--mode evaluate` is two arguments, `--mode=evaluate` one.
      if not skip and not argument.startswith(("--mode=", "-mode=")):
        skip = argument in ("--mode", "-mode")
        kept += [] if skip else [argument]
      else:
        skip = False
    arguments = kept + ([f"--mode={mode}"] if mode != "train" else [])
  return _wrapped([*_PROGRAM, *arguments, *more])


def record(workdir: pathlib.Path, mode: str, arguments: Sequence[str] | None) -> None:
  """Appends the command to the workdir's `commands.jsonl`; does nothing if there is none."""
  text = command(arguments)
  if text is not None:
    with open_to_append(workdir / COMMANDS_FILE) as file:
      file.write(json.dumps({"mode": mode, "command": text}) + "\n")


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


def next_steps(following: Mapping[str, str], arguments: Sequence[str] | None) -> str:
  """The next steps after a mode that ended well, with the exact commands; may be empty.

  Args:
    following: what may be done -> the mode that does it.
    arguments: as for `command`.
  """
  lines = []
  for what, mode in following.items():
    text = command(arguments, mode)
    if text is not None:
      lines.append(f"{what}:\n  {text}\n")
  return "".join(lines)


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
