"""What is asked of a trained network, beside its own data set: the flags, and who reads which.

python -m cosam_jax.main --mode=export --workdir=runs/mars --format=onnx,torch
"""

import pathlib

from absl import flags
from ml_collections import ConfigDict

from cosam_jax import config as config_rules
from cosam_jax.errors import InputError

# flag -> the modes that read it
READERS = {
  "input": ("export",),
  "output": ("export",),
  "format": ("export",),
  "export_input": ("export",),
}
MODES = ("export",)


def define_flags() -> None:
  """Registers the flags that this module reads."""

  def text(name: str, sentence: str) -> None:
    flags.DEFINE_string(name, None, sentence, module_name="cosam_jax")

  text(
    "input",
    "A folder of tracklets: every folder of images in it is one. --mode=export takes its example "
    "from it (left out: from the test set).",
  )
  text("output", "The folder that is written; left out: one in --workdir, named by the mode.")
  text(
    "format",
    "Of --mode=export: some of stablehlo, saved_model, litert, onnx, torch with commas between "
    "them; left out: all, and those that cannot be written are told.",
  )
  flags.DEFINE_enum(
    "export_input",
    None,
    ("clips", "frames"),
    "Of --mode=export: what the exported programs take. clips (default): float32, normalised. "
    "frames: uint8 RGB of the network's size.",
    module_name="cosam_jax",
  )


def asked(mode: str) -> bool:
  """Whether this module runs the mode."""
  return mode in MODES


def check_flags(mode: str) -> None:
  """Raises InputError where a flag is given that the mode does not read."""
  for name, modes in READERS.items():
    if flags.FLAGS[name].value is not None and mode not in modes:
      raise InputError(
        f"--{name} is for --mode={' and --mode='.join(modes)}, and the mode is {mode}"
      )


def run(mode: str, config: ConfigDict | None, workdir: str | None) -> None:
  """Runs the mode.

  Args:
    mode: one that is `asked`.
    config: with the fields of the command line; None where --config is left out.
    workdir: where the network's checkpoint lies.

  Raises:
    InputError: input that cannot work.
  """
  values = flags.FLAGS
  for name in config_rules.CONFIG_FLAGS if config is None else ():
    if values[name].value is not None:
      raise InputError(f"--{name} changes a configuration: give --config too, or leave it out")
  if workdir is None:
    raise InputError("--workdir is missing: give the run whose network is to be used")
  place = pathlib.Path(workdir)
  output = pathlib.Path(values.output) if values.output else None
  del mode
  # Only now the libraries that take seconds to load.
  from cosam_jax import export_mode

  export_mode.export(
    config,
    place,
    output or place / "export",
    given=values.format,
    inputs=values.export_input or "clips",
    folder=values.input,
  )
