"""What the program makes of `--config` and its fields on a command line."""

import sys

import pytest
from absl import flags
from ml_collections import config_flags

from cosam_jax.experiment import configurations


def parsed(*arguments):
  """The configuration that a command line gives, and the file that `--config` names."""
  values = flags.FlagValues()
  holder = config_flags.DEFINE_config_file("config", None, flag_values=values)
  line = configurations.with_path(["cosam-jax", *arguments])
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(sys, "argv", line)  # ml_collections looks for fields there.
    values(line)
  return holder.value, config_flags.get_config_filename(values["config"])
