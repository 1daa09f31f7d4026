"""The flag that was meant by one that does not exist."""

import pytest
from absl import flags

from cosam_jax.commands import config_flags
from cosam_jax.commands import flags as command_flags
from cosam_jax.commands.misspelt_flags import meant


@pytest.fixture(autouse=True, scope="module")
def defined():
  command_flags.define()
  config_flags.define()


@pytest.mark.parametrize(
  ("name", "wanted"),
  [
    ("modes", "'--mode'"),
    ("data-dir", "'--data_dir'"),
    ("epochs", "'--config.train.epochs'"),
    ("epoch", "'--config.train.epochs'"),
    ("train.epochs", "'--config.train.epochs'"),
    ("trian.epochs", "'--config.train.epochs'"),
    ("seed", "'--config.seed'"),
    ("optim.learning_rate", "'--config.optim.learning_rate'"),
    # A flag comes before the field that it sets.
    ("num_frames", "'--num_frames'"),
    ("frames", "'--config.evaluation.frames' or '--config.synthetic.frames'"),
  ],
)
def test_a_flag_or_a_field_is_found(name, wanted):
  assert meant(name, flags.FLAGS) == f"; did you mean {wanted}?"


@pytest.mark.parametrize("name", ["h", "xyzzyx", "z.q"])
def test_nothing_is_guessed_of_what_is_like_nothing(name):
  assert meant(name, flags.FLAGS) == ""
