"""The door: flags, one configuration, one mode.

  python -m cosam_jax.main --config=configs/mars.py --workdir=runs/mars
  python -m cosam_jax.main --config=configs/mars.py --workdir=runs/mars --mode=evaluate
  python -m cosam_jax.main --config=configs/mars.py --workdir=runs/ta --temporal=ta --cosam=none

Any field of the configuration can be set with --config.group.field=value; the poster's ablations
also have flags of their own, which override it. --helpfull explains each.
"""

import os
import pathlib
import sys

# Before TensorFlow and XLA are loaded: errors only.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from absl import app, flags
from ml_collections import config_flags

from cosam_jax import config as config_rules
from cosam_jax.config_fields import SCHEMA
from cosam_jax.errors import InputError, suggestion

MODES = ("train", "evaluate", "doctor", "prepare")

_CONFIG = config_flags.DEFINE_config_file(
  "config",
  None,
  "The experiment's file, such as configs/mars.py. Every field of it can be set on the command "
  f"line:\n{config_rules.describe_fields()}",
)
_WORKDIR = flags.DEFINE_string(
  "workdir", None, "Where checkpoints, scalars and results go; the same one continues a run."
)
_MODE = flags.DEFINE_enum(
  "mode",
  "train",
  MODES,
  "train: train (or continue) and evaluate. evaluate: a checkpoint, or config.init.weights. "
  "doctor: check the data directory. prepare: pack the frames for random access.",
)
config_rules.define_ablation_flags()


def main(arguments: list[str]) -> int:
  """Runs one mode; returns the exit status: 0, or 2 for input that cannot work."""
  if len(arguments) > 1:
    return _refuse(f"{arguments[1]!r} is no flag: every option begins with --")
  if _CONFIG.value is None:
    return _refuse("--config is missing: give an experiment's file, such as configs/synthetic.py")
  if _WORKDIR.value is None and _MODE.value in ("train", "evaluate"):
    return _refuse("--workdir is missing: give a directory for checkpoints and results")
  values = {name: flags.FLAGS[name].value for name in config_rules.ABLATION_FLAGS}
  try:
    config = config_rules.apply_ablation_flags(_CONFIG.value, values)
    config_rules.check(config)
    # Only now the libraries that take seconds to load.
    from cosam_jax import runs

    errors = runs.MODES[_MODE.value](config, pathlib.Path(_WORKDIR.value or "."))
    return 2 if _MODE.value == "doctor" and errors else 0
  except InputError as error:
    return _refuse(str(error))
  except OSError as error:
    place = f" ({error.filename})" if error.filename else ""
    return _refuse(f"{error.strerror or error}{place}: make room or give another place")


def run() -> None:
  """The console script `cosam-jax`."""
  app.run(main, flags_parser=_parse)


def _parse(arguments: list[str]) -> list[str]:
  """Parses flags; what cannot be parsed is one sentence, not a traceback."""
  try:
    return flags.FLAGS(arguments)
  except (flags.Error, AttributeError, KeyError, TypeError, ValueError, OSError) as error:
    text = " ".join(str(error).split())
    for argument in arguments[1:]:
      name = argument.removeprefix("--").removeprefix("config.").split("=")[0]
      if argument.startswith("--config.") and name not in SCHEMA and name in text.replace('"', "'"):
        text = f"config.{name} is not a field{suggestion(name, SCHEMA)}"
    sys.exit(_refuse(text))


def _refuse(sentence: str) -> int:
  print(f"error: {sentence}", file=sys.stderr)
  return 2


if __name__ == "__main__":
  run()
