"""The command lines that may follow a command which ended well."""

from collections.abc import Mapping, Sequence

from cosam_jax.commands.flag_rows import GENERAL
from cosam_jax.commands.registry import COMMANDS
from cosam_jax.runtime.command_line import changed


def following(
  name: str,
  arguments: Sequence[str] | None,
  flags: Mapping[str, Mapping[str, str | None] | None] | None = None,
) -> dict[str, list[str]]:
  """What may be done next -> the command line that does it, without the program.

  Args:
    name: the command that ended well, a mode.
    arguments: its command line, without the program; None, as in a program of somebody's, has no
      followers.
    flags: mode of what follows -> flag -> its value there, None to leave it out; None for a mode
      that cannot follow.
  """
  found: dict[str, list[str]] = {}
  if arguments is None:
    return found
  flags = flags or {}
  for what, mode in COMMANDS[name].following.items():
    others = flags.get(mode, {})
    if others is None:
      continue
    # Flags of its own that the next one does not read would be refused there.
    own = [flag for flag in COMMANDS[name].flags if flag not in COMMANDS[mode].flags]
    values: dict[str, str | None] = dict.fromkeys(own)
    values["mode"] = None if mode == GENERAL["mode"].default else mode
    values.update(others)
    found[what] = changed(arguments, values)
  return found
