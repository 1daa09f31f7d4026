"""The door: flags, one configuration, one mode.

  python -m cosam_jax.main --config=configs/mars.py --workdir=runs/mars
  python -m cosam_jax.main --config=mars --workdir=runs/mars    # also if there is no such file here
  python -m cosam_jax.main --config=configs/mars.py --workdir=runs/mars --mode=evaluate
  python -m cosam_jax.main --config=configs/mars.py --workdir=runs/ta --temporal=ta --cosam=none

Any field of the configuration can be set with --config.group.field=value; the poster's ablations
also have flags of their own, which override it. --helpfull explains each.
"""

import contextlib
import errno
import os
import pathlib
import re
import sys
from collections.abc import Callable

from cosam_jax.runtime import early_stop, terminal, version

# Ahead of everything that takes time to load, if this is the program itself.
if __name__ == "__main__" or pathlib.Path(sys.argv[0]).stem == "cosam-jax":
  early_stop.install(sys.argv)
if __name__ == "__main__":
  terminal.settle()
  version.answer(sys.argv[1:])

# Before TensorFlow and XLA are loaded: errors only.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from absl import app, flags
from ml_collections import ConfigDict, config_flags

from cosam_jax.commands import compare as compare_command
from cosam_jax.commands import embedding_command, network_command, path_flags, resume_command
from cosam_jax.commands.benchmark import options as benchmark_options
from cosam_jax.commands.sweep import command as sweep_command
from cosam_jax.errors import InputError, Preempted, TryLaterError, suggestion
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment import configurations, run_configuration
from cosam_jax.experiment.fields import SCHEMA, SYNTHETIC_SCHEMA
from cosam_jax.runtime import (
  command_line,
  compiled_programs,
  holder,
  host_memory,
  process_end,
  processes,
  quiet,
)
from cosam_jax.runtime.cache import settle_libraries

MODES = (
  "train", "evaluate", "embed", "masks", "doctor", "prepare", "compare", "benchmark", "tables",
  "sensitivity", "search", "export", "attention", "report",
)  # fmt: skip
NEED_WORKDIR = ("train", "evaluate", "embed", "masks", "attention", "benchmark", "report")

_HELP = frozenset({"--help", "-help", "--helpfull", "-helpfull", "--helpshort", "-helpshort", "-?"})
_CONFIG = config_flags.DEFINE_config_file(
  "config",
  None,
  "The experiment's file.",
)
_WORKDIR = path_flags.define(
  "workdir", None, "Where checkpoints, scalars and results go; the same one continues a run."
)
_MODE = flags.DEFINE_enum(
  "mode",
  "train",
  MODES,
  "train: train (or continue) and evaluate. evaluate: a checkpoint, or config.init.weights. "
  "embed: write the vectors of the test set, or of --input, to embeddings.npz. "
  "masks: measure and draw COSAM's masks on test frames. "
  "attention: numbers on whether the masks do anything. "
  "doctor: check the data directory. prepare: pack the frames for random access. "
  "compare: two sides of results.json files, given after the flags; needs no --config. "
  "benchmark: speed and memory on this machine; its input part alone needs data. "
  "tables: the poster's tables from a sweep's results; needs no --config. "
  "sensitivity: distance, pooling and frames tried on --embeddings. "
  "search: the nearest of --gallery for each of --query; needs no --config. "
  "export: the network for other programs; needs no --config. "
  "report: make a run's report page again.",
)
flags.DEFINE_bool("version", False, "Print the versions and end.", module_name="cosam_jax")
config_rules.define_ablation_flags()
compare_command.define_flags()
benchmark_options.define_flags()
sweep_command.define_flags()
embedding_command.define_flags()
network_command.define_flags()
processes.define_flags()
for _module in (compiled_programs, host_memory, resume_command, quiet):
  _module.define_flags()


def main(arguments: list[str]) -> int:
  """Runs one mode; returns the exit status.

  0 when done, 2 for input that cannot work, 75 (EX_TEMPFAIL: try again) when training was asked to
  stop, or waited in vain for another one that was, and the same command goes on, 130 after Ctrl-C.
  """
  command_line.remember(sys.argv[1:])
  settle_libraries()
  quiet.libraries()
  if not flags.FLAGS.quiet:
    return _run_mode(arguments)
  with quiet.only_warnings(sys.stderr):
    return _run_mode(arguments)


def _run_mode(arguments: list[str]) -> int:
  return _told(lambda: _do(arguments))


def _do(arguments: list[str]) -> int:
  """The exit status of a mode; raises what `_told` has words for."""
  compare_command.check_flags(_MODE.value)
  if _MODE.value == "compare":
    compare_command.compare(arguments[1:], _WORKDIR.value)
    return 0
  if len(arguments) > 1:
    raise InputError(f"{arguments[1]!r} is no flag: every option begins with --")
  sweep_command.check_flags(_MODE.value)
  resume_command.check_flags(_MODE.value)
  embedding_command.check_flags(_MODE.value)
  network_command.check_flags(_MODE.value)
  host_memory.settle(flags.FLAGS.host_memory)
  compiled_programs.keep(flags.FLAGS.compiled_programs)
  if flags.FLAGS.embeddings is not None:
    config = None if _CONFIG.value is None else _configuration()
    with holder.held_for(_MODE.value, _WORKDIR.value, beside=flags.FLAGS.embeddings):
      embedding_command.run(_MODE.value, config, _WORKDIR.value)
    return 0
  if network_command.asked(_MODE.value):
    config = None if _CONFIG.value is None else _configuration()
    with holder.held_for(_MODE.value, _WORKDIR.value, output=flags.FLAGS.output):
      network_command.run(_MODE.value, config, _WORKDIR.value)
    return 0
  if _MODE.value == "tables":
    sweep_command.tables()
    return 0
  if _CONFIG.value is None:
    raise InputError(run_configuration.MISSING)
  config = _configuration()
  run_configuration.check_data(config_flags.get_config_filename(flags.FLAGS["config"]), config)
  if _WORKDIR.value is None and _MODE.value in NEED_WORKDIR:
    raise InputError("--workdir is missing: give a directory for checkpoints and results")
  config_rules.check(config)
  if flags.FLAGS.sweep is not None:
    sweep_command.sweep(config, sys.argv[1:])
    return 0
  agreed = {"--workdir": _WORKDIR.value, "--change_optim": flags.FLAGS.change_optim}
  agreed |= {f"config.{name}": value for name, value in config_rules.plain(config).items()}
  with processes.joined(_MODE.value, agreed) as ending_with:
    return ending_with(_told(lambda: _work(config)))


def _work(config: ConfigDict) -> int:
  """A mode that works on a configuration; its exit status."""
  workdir, mode = pathlib.Path(_WORKDIR.value or "."), _MODE.value
  holders: list[holder.Holder] = []
  with contextlib.ExitStack() as stack:
    if mode in NEED_WORKDIR:
      processes.first_alone(lambda: holders.append(stack.enter_context(holder.held(workdir, mode))))
    # Only now the libraries that take seconds to load.
    from cosam_jax.commands import runs

    more = (next(iter(holders), None), flags.FLAGS.change_optim) if mode == "train" else ()
    result = runs.MODES[mode](config, workdir, *more)
  if _MODE.value == "doctor" and result:
    raise InputError(f"{config.data.dir} has {result} error(s), told above: repair them first")
  return 0


def _told(work: Callable[[], int]) -> int:
  """The status that `work` returns; where it raises what people can mend, says what that is."""
  try:
    return work()
  except InputError as error:
    _refuse(str(error))
    return early_stop.STOPPED if isinstance(error, TryLaterError) else 2
  except OSError as error:
    place = f" ({error.filename})" if error.filename else ""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    way_out = "make room" if full else "make it usable, or give another place"
    return _refuse(f"{error.strerror or error}{place}: {way_out}, and run the same command again")
  except Preempted as request:
    where = str(request) or "outside the training steps, where nothing was to be saved"
    print(f"stopped by {request.by} {where}: the same command goes on", file=sys.stderr, flush=True)
    return early_stop.STOPPED
  except KeyboardInterrupt:
    _refuse("stopped by hand: the same command goes on from the last checkpoint")
    return 130


def _configuration() -> ConfigDict:
  """The experiment's file with the fields and flags of the command line."""
  if not isinstance(_CONFIG.value, ConfigDict):
    kind = type(_CONFIG.value).__name__
    raise InputError(
      f"--config gives a {kind}: get_config() must return an ml_collections.ConfigDict"
    )
  values = {name: flags.FLAGS[name].value for name in config_rules.CONFIG_FLAGS}
  return config_rules.apply_ablation_flags(_CONFIG.value, values)


def run() -> None:
  """Parses the command line, runs a mode, and ends the process with its status."""
  terminal.settle()
  # absl shows the text and the flags of the script; here the script is a stub of two lines.
  sys.modules["__main__"].__doc__ = __doc__
  ours: tuple[str, ...] = ("config", "workdir", "mode", "version")
  ours += (*embedding_command.READERS, *config_rules.CONFIG_FLAGS)
  ours += (*compare_command.COMPARE_FLAGS, *benchmark_options.FLAGS, *sweep_command.SWEEP_FLAGS)
  ours += tuple(network_command.READERS)
  ours += (*processes.FLAGS, *compiled_programs.FLAGS, *host_memory.FLAGS, *quiet.FLAGS)
  ours += resume_command.FLAGS
  for name in ours:
    flags.FLAGS.register_key_flag_for_module(sys.argv[0], flags.FLAGS[name])
  with process_end.prompt():
    app.run(main, flags_parser=_parse)


def _parse(arguments: list[str]) -> list[str]:
  """Parses flags; what cannot be parsed is one sentence, not a traceback."""
  version.answer(arguments[1:])
  if _HELP.intersection(arguments):
    flags.FLAGS["config"].help = configurations.help_for(configurations.given_in(arguments))
  try:
    arguments = run_configuration.with_run(arguments)
    _check_config_arguments(arguments)
    return flags.FLAGS(configurations.with_path(arguments))
  except InputError as error:
    sentence = str(error)
  except flags.UnrecognizedFlagError as error:
    close = suggestion(f"--{error.flagname}", [f"--{name}" for name in flags.FLAGS])
    sentence = f"--{error.flagname} is no option: --helpfull lists them all{close}"
  except flags.IllegalFlagValueError as error:
    sentence = _illegal_value(str(error))
  except flags.Error as error:
    sentence = str(error)
  except Exception as error:  # The experiment's file is a program, which can fail in any way.
    sentence = (
      f"--config is {configurations.given_in(arguments)!r}, which cannot be used "
      f"({type(error).__name__}: {error}): it must define get_config() and have every field that "
      "is set on the command line"
    )
  sys.exit(_refuse(sentence))


def _check_config_arguments(arguments: list[str]) -> None:
  """Refuses fields that no configuration has.

  ml_collections tells of them too, in several lines and by an error's name.
  """
  path = configurations.given_in(arguments)
  known = SCHEMA | SYNTHETIC_SCHEMA
  named = any(re.match(r"--?protocol(=|$)", argument) for argument in arguments[1:])
  for argument in arguments[1:]:
    found = re.match(r"--?config\.([^=]+)", argument)
    if found and path is None:
      raise InputError(f"{argument} sets a field, but --config is missing: give it too")
    if found and named and found[1] in config_rules.PROTOCOL_FIELDS:
      raise InputError(f"{argument} and --protocol set the same field: give one of them")
    if found and found[1] not in known:
      raise InputError(
        f"config.{found[1]} is not a field: --helpfull lists them all{suggestion(found[1], known)}"
      )


def _illegal_value(text: str) -> str:
  """One sentence for a value that absl could not read: `flag --NAME=VALUE: reason`."""
  found = re.match(r"flag --([^=]+)=(.*?): (.*)", text, re.DOTALL)
  if found is None:
    return text
  name, value, reason = found.groups()
  field = (SCHEMA | SYNTHETIC_SCHEMA).get(name.removeprefix("config."))
  if field is not None:
    return f"{name} is {value!r}: it must be {field.allowed()}"
  if name == "mode":
    return f"--mode is {value!r}: it must be one of {', '.join(MODES)}{suggestion(value, MODES)}"
  return f"--{name} is {value!r}: {reason}"


def _refuse(sentence: str) -> int:
  """Prints the one line of a refusal; returns the exit status."""
  print("error: " + str(InputError(" ".join(sentence.split()))), file=sys.stderr)
  return 2


if __name__ == "__main__":
  run()
