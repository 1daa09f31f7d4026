"""The call that a command line asks for, or one sentence with all that is wrong with it."""

import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from cosam_jax.commands import config_flags
from cosam_jax.commands import flags as command_flags
from cosam_jax.commands.call import Call
from cosam_jax.commands.registry import COMMANDS, MISSING_CONFIG, NONE, OF_RUN
from cosam_jax.errors import InputError, suggestion
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment import run_configuration
from cosam_jax.experiment.flags_again import flags_again
from cosam_jax.experiment.learning_rules import check_training


def call_of(words: Sequence[str]) -> Call:
  """Turns the command line into a call, and checks all that can be checked before any work."""
  values, given = command_flags.values(), command_flags.given()
  try:
    mode = command_flags.check(values["mode"], given, words, MISSING_CONFIG)
  except InputError as error:
    missing = str(error) == MISSING_CONFIG
    sentence = _missing_config(values) if missing else str(error)
    wrong = _wrong_field(values["mode"])
    raise InputError(f"{wrong}; and {sentence}" if wrong else sentence) from error
  config = config_flags.configuration()
  if config is not None:
    if not any(flag in given for flag in COMMANDS[mode].unless):
      run_configuration.check_data(config_flags.file_name(), config)
    if mode != "doctor":  # The doctor looks at data that this check would refuse.
      config_rules.check(config)
      if mode == "train" and not run_configuration.has_checkpoint(pathlib.Path(values["workdir"])):
        check_training(config)
  workdir = None if values["workdir"] is None else pathlib.Path(values["workdir"])
  overrides = config_flags.overrides()
  return Call(mode, config, workdir, values, overrides, tuple(words), tuple(sys.argv[1:]))


def _missing_config(values: Mapping[str, Any]) -> str:
  """The sentence for a configuration that is needed and missing, with all that is known of it."""
  workdir = pathlib.Path(values["workdir"] or "")
  if values["mode"] not in OF_RUN or not values["workdir"]:
    return MISSING_CONFIG
  if not workdir.exists():
    close = suggestion(str(workdir), [str(entry) for entry in workdir.parent.glob("*/")])
    return (
      f"--workdir is {str(workdir)!r}, and nothing is there (seen from {pathlib.Path.cwd()}): give "
      f"the folder of a run, or --config, such as configs/synthetic.py, too{close}"
    )
  if not workdir.is_dir():
    return f"--workdir is {str(workdir)!r}, which is not a folder: give the folder of a run"
  return flags_again(workdir) or (
    f"{MISSING_CONFIG}, and {workdir} is not one: if its files were made with --config and "
    "--config.init.weights, give these flags again"
  )


def _wrong_field(mode: str) -> str:
  """The sentence for a configuration that cannot work; empty if it can, or the mode reads none."""
  try:
    config = None if COMMANDS[mode].config == NONE else config_flags.configuration()
    if config is not None and mode != "doctor":
      config_rules.check(config)
  except InputError as error:
    return str(error)
  return ""
