"""What is asked of saved embeddings: the flags, and which mode reads which."""

import pathlib

from absl import flags
from ml_collections import ConfigDict

from cosam_jax.commands import path_flags
from cosam_jax.errors import InputError
from cosam_jax.experiment import config as config_rules
from cosam_jax.runtime.text_numbers import whole_number

# flag -> the modes that read it
READERS = {
  "embeddings": ("evaluate", "sensitivity"),
  "first_frames": ("sensitivity",),
}


def define_flags() -> None:
  """Registers the flags that this module reads."""
  path_flags.define(
    "embeddings",
    None,
    "A file that --mode=embed wrote; --mode=evaluate and --mode=sensitivity rank it, without "
    "network or frames. --config and --workdir may be left out: the run's own settings, and the "
    "file's folder.",
    module_name="cosam_jax",
  )
  flags.DEFINE_list(
    "first_frames",
    None,
    "Of --mode=sensitivity: how many of a tracklet's first frames to try beside all, multiples of "
    "the clip length with commas between them.",
    module_name="cosam_jax",
  )


def check_flags(mode: str) -> None:
  """Raises InputError where a flag is given that the mode does not read, or the file is missing."""
  for name, modes in READERS.items():
    if flags.FLAGS[name].value is not None and mode not in modes:
      raise InputError(
        f"--{name} is for --mode={' and --mode='.join(modes)}, and the mode is {mode}"
      )
  if mode == "sensitivity" and flags.FLAGS.embeddings is None:
    raise InputError("--embeddings is missing: give a file that --mode=embed wrote")


def run(mode: str, config: ConfigDict | None, workdir: str | None) -> None:
  """Ranks the embeddings that the flags name.

  Args:
    mode: one of `READERS["embeddings"]`.
    config: with the fields of the command line; None where --config is left out.
    workdir: where results go; None: beside the embeddings.

  Raises:
    InputError: input that cannot work.
  """
  values = flags.FLAGS
  given = {name: values[name].value for name in config_rules.CONFIG_FLAGS}
  place = pathlib.Path(workdir) if workdir else None
  if config is not None:
    config_rules.check(config)
  else:
    for name, value in given.items():
      if value is not None and name not in config_rules.RANKING_FLAGS:
        raise InputError(f"--{name} changes a configuration: give --config too, or leave it out")
  if mode == "sensitivity":
    for name in config_rules.RANKING_FLAGS:
      if given[name] is not None:
        raise InputError(f"--{name} is not for --mode=sensitivity: leave it out")
    if config is not None:
      raise InputError("--mode=sensitivity reads no configuration: leave --config out")
  # Only now the libraries that take seconds to load.
  from cosam_jax.experiment import saved_rankings as embedding_modes

  path = pathlib.Path(values.embeddings)
  if mode == "sensitivity":
    embedding_modes.show_sensitivity(path, place, first_frames(values.first_frames))
    return
  fields = config_rules.fields_of_flags(given) if config is None else {}
  embedding_modes.evaluate_embeddings(path, config, place, fields)


def first_frames(texts: list[str] | None) -> list[int] | None:
  """The numbers of `--first_frames`, None if it was not given; InputError for anything else."""
  if texts is None:
    return None
  numbers = [whole_number(text.strip()) for text in texts]
  found = [number for number in numbers if number is not None]
  if len(found) < len(numbers):
    raise InputError(
      f"--first_frames is {','.join(texts)!r}: it must be whole numbers with commas between them"
    )
  return found
