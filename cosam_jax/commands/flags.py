"""The flags of the command line: defined once from their rows, and checked once."""

import math
from collections.abc import Collection, Sequence
from typing import Any

from absl import flags

from cosam_jax.commands import config_flags, path_flags
from cosam_jax.commands.flag_forms import Flag
from cosam_jax.commands.flag_rows import GENERAL, OWN
from cosam_jax.commands.registry import COMMANDS, NEEDED, NONE, OPTIONAL, Command
from cosam_jax.errors import InputError
from cosam_jax.reports.own_rows import OWN_SWEEPS
from cosam_jax.reports.poster_rows import SWEEPS

MODULE = "cosam_jax"
"""The name under which absl lists the flags."""
ROWS: dict[str, Flag] = GENERAL | OWN


_WRITER: flags.ArgumentSerializer = flags.ArgumentSerializer()


class NumberParser(flags.FloatParser):
  """Reads numbers within bounds; absl's own parser lets NaN through, which no bound excludes."""

  def is_outside_bounds(self, val: float) -> bool:
    """Whether the number is out of bounds, or none."""
    return not math.isfinite(val) or super().is_outside_bounds(val)


def define() -> None:
  """Registers every row with absl, which refuses values out of bounds."""
  for name, row in ROWS.items():
    if name not in flags.FLAGS:
      _define(name, row)


def _define(name: str, row: Flag) -> None:
  same: dict[str, Any] = {"module_name": MODULE}
  if row.kind == "path":
    path_flags.define(name, row.default, row.help, **same)
  elif row.kind == "choice":
    flags.DEFINE_enum(name, row.default, list(row.legal), row.help, **same)
  elif row.kind == "list":
    flags.DEFINE_list(name, row.default, row.help, **same)
  elif row.kind == "whole":
    least, most = (None if one is None else int(one) for one in (row.least, row.most))
    same |= {"lower_bound": least, "upper_bound": most}
    flags.DEFINE_integer(name, row.default, row.help, **same)
  elif row.kind == "number":
    parser = NumberParser(row.least, row.most)
    flags.DEFINE(parser, name, row.default, row.help, flags.FLAGS, _WRITER, **same)
  elif row.kind == "yes":
    flags.DEFINE_bool(name, row.default, row.help, **same)
  else:
    flags.DEFINE_string(name, row.default, row.help, **same)
  if row.accepts is not None:
    accepts, allowed = row.accepts
    flags.register_validator(
      name,
      lambda values: bool(values) and all(accepts(value) for value in values),
      f"it must be a list, separated by commas, {allowed}",
    )


def values() -> dict[str, Any]:
  """Name -> value of every flag of the rows, after parsing."""
  return {name: flags.FLAGS[name].value for name in ROWS}


def given() -> set[str]:
  """The names of the flags that the command line gives a value other than their default."""
  found = {
    name for name, row in OWN.items()
    if flags.FLAGS[name].present and flags.FLAGS[name].value != row.default
  }  # fmt: skip
  others = ("config", "workdir", *config_flags.CONFIG_FLAGS)
  return found | {name for name in others if flags.FLAGS[name].value is not None}


def command_of(mode: str, given: Collection[str]) -> str:
  """The name of the command that a command line asks for.

  Args:
    mode: `--mode`.
    given: the names of the flags that are given.

  Raises:
    InputError: a flag asks for another command than the mode.
  """
  for name, command in COMMANDS.items():
    if command.flag is not None and command.flag in given:
      if mode != "train":
        raise InputError(f"--{name} trains and evaluates: leave out --mode={mode}")
      return name
  return mode


def check(mode: str, given: Collection[str], words: Sequence[str], missing_config: str) -> str:
  """Refuses flags that the command does not read, or that lack another one.

  Args:
    mode: `--mode`.
    given: the names of flags that are given, `config` and `workdir` among them.
    words: arguments that are not flags.
    missing_config: the error if the command needs a configuration and there is none.

  Returns:
    The name of the command.

  Raises:
    InputError: one sentence with the flag, and what to do.
  """
  name = command_of(mode, given)
  command = COMMANDS[name]
  if words and not command.words:
    raise InputError(f"{words[0]!r} is not a flag: every option begins with --")
  for flag in (flag for flag in OWN if flag in given):
    if flag not in command.flags:
      raise InputError(_not_read(flag, mode))
    others = command.flags[flag]
    if others and not any(other in given for other in others):
      *most, last = (f"--{other}" for other in others)
      either, which = f"{', '.join(most)} or {last}", "give one of them"
      if not most:
        either, which = last, "give that too"
      raise InputError(f"--{flag} is about {either}: {which}")
  for flag, others in command.without.items():
    if flag in given and (idle := [other for other in others if other in given]):
      raise InputError(f"--{idle[0]} is not read with --{flag}: leave one of them out")
  elsewhere = any(flag in given for flag in command.unless)
  if "config" in given:
    if command.config == NONE:
      raise InputError(f"--mode={name} reads no configuration: leave --config out")
  else:
    _check_without_config(name, command, given, elsewhere, missing_config)
  for flag, remedy in (command.instead if elsewhere else command.needs).items():
    if flag not in given:
      raise InputError(f"--{flag} is missing: {remedy}")
  return name


def _not_read(flag: str, mode: str) -> str:
  """The sentence for a flag that a mode does not read."""
  readers = [name for name, command in COMMANDS.items() if flag in command.flags]
  modes = [name for name in readers if COMMANDS[name].flag is None]
  if not modes:
    asking = COMMANDS[readers[0]].flag
    names = ", ".join((*SWEEPS, *OWN_SWEEPS))
    return f"--{flag} belongs to --{asking}, which is missing: give one of {names}"
  return f"--{flag} is for --mode={' and --mode='.join(modes)}, and the mode is {mode}"


def _check_without_config(
  name: str, command: Command, given: Collection[str], elsewhere: bool, missing: str
) -> None:
  """Refuses a command that needs a configuration, and flags that would change one."""
  allowed = config_flags.RANKING_FLAGS if command.ranks and elsewhere else ()
  for flag in (flag for flag in config_flags.CONFIG_FLAGS if flag in given):
    if command.config == NONE:
      raise InputError(f"--{flag} is not for --mode={name}: leave it out")
    if (elsewhere or command.config == OPTIONAL) and flag not in allowed:
      raise InputError(f"--{flag} changes a configuration: give --config too, or leave it out")
  if command.config == NEEDED and not elsewhere:
    raise InputError(missing)


def define_all(program: str) -> None:
  """Registers all flags, and makes `--help` show them as this program's.

  Args:
    program: `sys.argv[0]`.

  Raises:
    InputError: absl's --flagfile, which is read here for the first time, cannot be read.
  """
  define()
  try:
    config_flags.define()
  except flags.Error as error:
    reason = " ".join(str(error).removeprefix("ERROR:: ").split())
    raise InputError(f"--flagfile cannot be used: {reason}") from error
  for name in (*ROWS, "config", *config_flags.CONFIG_FLAGS):
    flags.FLAGS.register_key_flag_for_module(program, flags.FLAGS[name])
