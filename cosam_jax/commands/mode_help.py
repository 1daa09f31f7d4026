"""The help of one mode: its purpose, what it needs, its flags, and those of every mode."""

import textwrap
from collections.abc import Collection, Iterator

from cosam_jax.commands.config_flags import SETTING_FLAGS
from cosam_jax.commands.flag_forms import Flag
from cosam_jax.commands.flag_rows import GENERAL, OWN
from cosam_jax.commands.needs import needs_in_words
from cosam_jax.commands.registry import COMMANDS, NEEDED, NONE, Command
from cosam_jax.experiment import configurations
from cosam_jax.runtime.command_line import PROGRAM

_WIDTH = 80


def help_of(name: str) -> str:
  """The help of a command, for a terminal.

  Args:
    name: a key of `COMMANDS`.
  """
  command = COMMANDS[name]
  asked = f"--{command.flag}=..." if command.flag else f"--mode={name}"
  needed = [flag for flag in ("config", *command.needs) if _is_needed(flag, command)]
  own = [flag for flag in command.flags if flag not in needed]
  optional = ["config"] if command.config != NONE and "config" not in needed else []
  settings = SETTING_FLAGS if command.config != NONE else {}
  general = [flag for flag in GENERAL if flag not in (*needed, "mode")]
  parts = [
    _filled(f"python {' '.join(PROGRAM)} {asked}: {command.help}."),
    "\n".join(_filled(sentence, 2) for sentence in needs_in_words(command)),
    _part("Needed flags", [_flag(flag, spared=_spared(flag, command)) for flag in needed]),
    _part("Its other flags",
          [_flag(flag, command.flags.get(flag, ())) for flag in (*optional, *own)]),
    _part("Flags that set fields of the configuration; --config.group.field=value sets any",
          [_entry(f"--{flag}", text) for flag, text in settings.items()]),
    _part("Flags of every mode", [_flag(flag) for flag in general]),
    _filled("--help lists all flags of all modes and every field of the configuration."),
  ]  # fmt: skip
  return "\n\n".join(filter(None, parts))


def _is_needed(flag: str, command: Command) -> bool:
  return command.config == NEEDED if flag == "config" else flag in command.needs


def _spared(flag: str, command: Command) -> str:
  """What may be given in a needed flag's stead, as a sentence; empty if nothing may."""
  others = []
  if flag == "config" and command.of_run:
    others.append("a run in --workdir")
  if flag in command.files:
    others.append(f"{command.files[flag]} in --workdir")
  if flag not in command.instead:
    others += [f"--{one}" for one in command.unless]
  return f" One of these is needed: this or {' or '.join(others)}." if others else ""


def _part(heading: str, entries: list[str]) -> str:
  """A heading with entries below it; empty without any."""
  return "\n".join([f"{heading}:", *entries]) if entries else ""


def _flag(name: str, together: Collection[str] = (), spared: str = "") -> str:
  """One flag with its meaning, legal values and default, and the flags of which it needs one.

  Args:
    name: the flag.
    together: flags, one of which must be given with it.
    spared: a sentence for the end.
  """
  if name == "config":
    names = ", ".join(configurations.names())
    return _entry("--config", f"The experiment's file, or the name of one: {names}.{spared}")
  row = (GENERAL | OWN)[name]
  with_others = f" Only with {' or '.join(f'--{one}' for one in together)}." if together else ""
  return _entry(f"--{name}", " ".join(_facts(row)) + with_others + spared)


def _facts(row: Flag) -> Iterator[str]:
  yield row.help
  if row.allowed():
    yield f"({row.allowed()})"
  default = ",".join(row.default) if isinstance(row.default, list) else row.default
  if default is not None and row.kind != "yes":
    yield f"(default: {default})"


def _entry(head: str, text: str) -> str:
  return f"  {head}\n{_filled(text, 6)}"


def _filled(text: str, indent: int = 0) -> str:
  space = " " * indent
  return textwrap.fill(
    text, _WIDTH, initial_indent=space, subsequent_indent=space,
    break_long_words=False, break_on_hyphens=False,
  )  # fmt: skip
