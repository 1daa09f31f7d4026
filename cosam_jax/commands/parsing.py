"""Parsing of the command line: an error is one sentence, not a traceback."""

import sys

from absl import flags

from cosam_jax.commands import config_flags
from cosam_jax.commands.misspelt_flags import meant
from cosam_jax.commands.mode_help import help_of
from cosam_jax.commands.registry import COMMANDS, MODES
from cosam_jax.errors import InputError
from cosam_jax.experiment import configurations, run_configuration
from cosam_jax.runtime import version
from cosam_jax.runtime.refusals import refuse

_HELP = frozenset({"--help", "-help", "-?"})
_ALL_HELP = _HELP | {"--helpfull", "-helpfull", "--helpshort", "-helpshort"}


def parse(arguments: list[str]) -> list[str]:
  """Parses the flags; if that fails, ends the process with status 2 and one sentence.

  Args:
    arguments: the command line, with the program.

  Returns:
    The program, and the arguments that are not flags.
  """
  version.answer(arguments[1:])
  arguments = _with_help(arguments)
  asked = {word.partition("=")[0] for word in arguments if not word.endswith("=false")}
  asks_for_help = bool(_ALL_HELP & asked)
  if _HELP & asked and (command := _command_in(arguments)):
    print(help_of(command))
    sys.exit(0)
  if asks_for_help:
    given = configurations.given_in(arguments)
    flags.FLAGS["config"].help = configurations.help_for(given)
  try:
    arguments = run_configuration.with_run(arguments, COMMANDS)
    config_flags.check_arguments(arguments)
    return flags.FLAGS(configurations.with_path(arguments))
  except SystemExit:  # absl raises this, with status 1, after it has printed the help.
    if asks_for_help:
      sys.exit(0)
    raise
  except InputError as error:
    sentence = str(error)
  except flags.UnrecognizedFlagError as error:
    guess = meant(error.flagname, flags.FLAGS)
    sentence = f"--{error.flagname} is not an option: --helpfull lists them all{guess}"
  except flags.IllegalFlagValueError as error:
    sentence = config_flags.illegal_value(str(error))
  except flags.Error as error:
    sentence = str(error)
  except Exception as error:  # The experiment's file is a program, and can fail in any way.
    sentence = (
      f"--config is {configurations.given_in(arguments)!r}, which cannot be used "
      f"({type(error).__name__}: {error}): it must define get_config() and have every field that "
      "is set on the command line"
    )
  sys.exit(refuse(sentence))


def _with_help(arguments: list[str]) -> list[str]:
  """The command line with `--help` for `-h`, which absl does not know; words behind `--` stay."""
  end = arguments.index("--") if "--" in arguments else len(arguments)
  return ["--help" if word == "-h" else word for word in arguments[:end]] + arguments[end:]


def _command_in(arguments: list[str]) -> str | None:
  """The command that a command line names; None if it names none."""
  for name, command in COMMANDS.items():
    if command.flag is not None and configurations.given_in(arguments, command.flag) is not None:
      return name
  mode = configurations.given_in(arguments, "mode")
  return mode if mode in MODES else None
