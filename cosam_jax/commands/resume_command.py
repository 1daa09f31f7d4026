"""What may change when a training goes on: the flag, and which mode reads it."""

from absl import flags

from cosam_jax.errors import InputError

FLAGS = ("change_optim",)


def define_flags() -> None:
  """Registers the flag that this module reads."""
  flags.DEFINE_bool(
    "change_optim",
    False,
    "Of --mode=train: go on from the workdir's checkpoint with other values of config.optim "
    "(learning rate, its decay, weight decay, clip_norm) than it was made with.",
    module_name="cosam_jax",
  )


def check_flags(mode: str) -> None:
  """Raises InputError if the flag is given to a mode that does not read it."""
  if flags.FLAGS.change_optim and mode != "train":
    raise InputError(f"--change_optim is for --mode=train, and the mode is {mode}")
