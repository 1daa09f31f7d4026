"""`--mode=doctor`: checks a data directory before anything is trained on it."""

from ml_collections import ConfigDict

from cosam_jax.commands.call import Call
from cosam_jax.data.doctor import diagnose
from cosam_jax.errors import InputError
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment.parts import read_tables
from cosam_jax.runtime.quiet import show


def run(call: Call) -> None:
  """Runs the mode; InputError if there are errors, after all of them have been printed."""
  errors = doctor(call.run_config)
  if errors:
    place = call.run_config.data.dir
    raise InputError(f"{place} has {errors} error(s), listed above: repair them first")


def doctor(config: ConfigDict) -> int:
  """Checks the data directory; returns the number of errors found."""
  config = ConfigDict(config.to_dict())
  config.data.check_files = False  # Missing frames become findings instead of an error.
  config_rules.check(config)
  diagnosis = diagnose(read_tables(config), num_frames=config.clips.num_frames)
  for text, serious in diagnosis.blocks():
    (show if serious else print)(text)
  return len(diagnosis.errors)
