"""What a command needs, in sentences."""

from collections.abc import Callable, Mapping

from cosam_jax.commands.registry import NEEDED, NONE, Command


def needs_in_words(command: Command, shown: Callable[[str], str] = str) -> list[str]:
  """Sentences on what must be given, the last one on words after the flags.

  Args:
    command: a row of the registry.
    shown: writes a flag, such as `--workdir`.
  """
  flags = {flag: shown(f"--{flag}") for flag in (*command.needs, *command.instead, *command.unless)}
  unless = " or ".join(flags[flag] for flag in command.unless)
  needs, instead = _merged(command.needs), _merged(command.instead)
  if command.config == NONE:
    found = ["Reads no configuration."]
  elif command.config != NEEDED:
    found = ["Needs no configuration; one may be given."]
  elif command.of_run:
    found = [f"Configuration: {shown('--config')}, or that of the run in {shown('--workdir')}."]
  else:
    found = [f"Configuration: {shown('--config')}."]
  found += [f"{flags[flag]}: {remedy}." for flag, remedy in needs.items()]
  if unless:
    spared = [flags[flag] for flag in needs if flag not in instead]
    found.append(f"With {unless}, no {' and no '.join(['configuration', *spared])} is needed.")
    found += [
      f"{flags[flag]} with {unless}: {remedy}."
      for flag, remedy in instead.items()
      if needs.get(flag) != remedy
    ]
  if command.words:
    found.append(f"Arguments after the flags: {command.words}.")
  return found


def _merged(needs: Mapping[str, str]) -> Mapping[str, str]:
  """Needed flags with their remedies, a remedy that several flags share said once."""
  found: dict[str, str] = {}
  for flag, remedy in needs.items():
    if remedy not in found.values():
      found[flag] = remedy
  return found
