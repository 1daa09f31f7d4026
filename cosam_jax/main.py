"""Trains, evaluates and uses networks for video-based person re-identification: one mode a call.

  python -m cosam_jax.main --config=configs/mars.py --workdir=runs/mars
  python -m cosam_jax.main --config=mars --workdir=runs/mars    # also if there is no such file here
  python -m cosam_jax.main --config=configs/mars.py --workdir=runs/mars --mode=evaluate
  python -m cosam_jax.main --config=configs/mars.py --workdir=runs/ta --temporal=ta --cosam=none

Any field of the configuration can be set with --config.group.field=value. The ablations of the
poster (of the ICCV 2019 paper) also have flags of their own, which override it. --helpfull explains
each.
"""

import os
import pathlib
import sys

from cosam_jax.commands.registry import COMMANDS, CONTINUING
from cosam_jax.runtime import early_stop, terminal, version

# If this is the program itself, these come before everything that takes time to load.
if __name__ == "__main__" or pathlib.Path(sys.argv[0]).stem == "cosam-jax":
  early_stop.install(sys.argv, CONTINUING)
  terminal.settle()
  version.answer(sys.argv[1:])

# Set before TensorFlow and XLA are loaded, so that they print errors only.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import importlib
from collections.abc import Sequence

from absl import app

from cosam_jax.commands import config_flags, parsing
from cosam_jax.commands import flags as command_flags
from cosam_jax.commands.call import Call
from cosam_jax.commands.call_of_line import call_of
from cosam_jax.errors import InputError
from cosam_jax.experiment import config as config_rules
from cosam_jax.runtime import (
  compiled_programs,
  cycles,
  host_memory,
  process_end,
  processes,
  quiet,
)
from cosam_jax.runtime.cache import settle_libraries
from cosam_jax.runtime.refusals import refuse, status_of


def main(arguments: list[str]) -> int:
  """Runs one mode; returns the exit status.

  0 when done, 2 for input that cannot work, 130 after Ctrl-C. 75 (EX_TEMPFAIL: try again) if
  training was asked to stop, or waited in vain for a run that was: the same command continues.
  """
  settle_libraries()
  quiet.libraries()
  if not command_flags.values()["quiet"]:
    return status_of(lambda: _do(arguments[1:]))
  with quiet.only_warnings(sys.stderr):
    return status_of(lambda: _do(arguments[1:]))


def _do(words: Sequence[str]) -> int:
  """Runs a mode and returns its exit status; raises the errors that `status_of` prints."""
  if command_flags.values()["print_config"]:
    print(config_flags.described(sys.argv[1:]))
    return 0
  call = call_of(words)
  command = COMMANDS[call.mode]
  if command.computes:
    host_memory.settle(call.flags["host_memory"])
    host_memory.compute_in_turn()
    compiled_programs.keep(call.flags["compiled_programs"])
  agreed = {"--workdir": str(call.workdir), "--change_optim": call.flags["change_optim"]}
  if call.config is not None:
    agreed |= {f"config.{name}": value for name, value in config_rules.plain(call.config).items()}
  shared = command.shared and all(call.flags[flag] is None for flag in command.unless)
  joining = {name: call.flags[name] for name in processes.FLAGS}
  joined = processes.joined(call.mode, agreed, joining, connect=_connect, shared=shared)
  with joined as ending_with:
    return ending_with(status_of(lambda: _work(command.module, call)))


def _work(module: str, call: Call) -> int | None:
  """Loads the libraries that take seconds, and runs the mode."""
  mode = importlib.import_module(module)
  early_stop.work_begins()
  return mode.run(call)


def _connect() -> None:
  """Lets the devices of all processes meet while all are here.

  Later, a process that has finished compiling would wait only half a minute for the others.
  """
  from cosam_jax.training import mesh

  mesh.connect(mesh.make_mesh())


def run() -> None:
  """Parses the command line, runs a mode, and ends the process with its status."""
  terminal.settle()
  cycles.collect_rarely()
  # absl shows the docstring and the flags of the script, which here is a stub of two lines.
  sys.modules["__main__"].__doc__ = __doc__
  try:
    command_flags.define_all(sys.argv[0])
  except InputError as error:
    sys.exit(refuse(str(error)))
  with process_end.prompt():
    app.run(main, flags_parser=parsing.parse)


if __name__ == "__main__":
  run()
