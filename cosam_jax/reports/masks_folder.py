"""The folder in which pictures of masks and what belongs to them are kept."""

import json
import pathlib
import re

import numpy as np

from cosam_jax.data.output_folders import OutputFolder

_STRIP = re.compile(r"\d\d_.*_cosam_[\d_]+\.png")
_NAMES = ("overview.png", "masks.npz", "masks.json", "channels.*", "correlation.*",
          "[0-9][0-9]_*_cosam_*.png")  # fmt: skip


def masks_folder(directory: pathlib.Path) -> OutputFolder:
  """Where pictures of masks and what belongs to them are kept."""
  return OutputFolder(directory, "masks", _NAMES, "masks.npz", _of_earlier_version)


def _of_earlier_version(directory: pathlib.Path) -> list[str]:
  """What versions without lists left: a list of names, or strips that masks.npz names."""
  try:
    listed = json.loads((directory / "pictures.json").read_text())
  except (OSError, ValueError):
    listed = []
  named = listed if isinstance(listed, list) else []
  found = [name for name in named if isinstance(name, str) and pathlib.PurePath(name).name == name]
  found += ["pictures.json"] if found else []
  try:
    with np.load(directory / "masks.npz", allow_pickle=False) as kept:
      strips = {f"{name.partition('/')[0]}.png" for name in kept.files}
  except Exception:  # None, or damaged, which zip and numpy tell in many ways.
    # Still earlier ones kept no numbers: by the names that they alone gave.
    there = (directory / "overview.png").is_file()
    strips = {path.name for path in directory.iterdir() if there and _STRIP.fullmatch(path.name)}
  if strips and all(_STRIP.fullmatch(name) for name in strips):
    found += ["overview.png", "masks.npz", "masks.json", *strips]
  return found
