"""The folder of pictures of masks and their numbers."""

import pathlib
import re

from cosam_jax.data.npz_files import names_in_npz
from cosam_jax.errors import InputError
from cosam_jax.runtime.json_files import read_json
from cosam_jax.runtime.output_folders import OutputFolder

_STRIP = re.compile(r"\d\d_.*_cosam_[\d_]+\.png")
_NAMES = ("overview.png", "masks.npz", "masks.json", "channels.*", "correlation.*",
          "[0-9][0-9]_*_cosam_*.png")  # fmt: skip


def masks_folder(directory: pathlib.Path) -> OutputFolder:
  """The folder of pictures of masks and their numbers."""
  return OutputFolder(directory, "masks", _NAMES, "masks.npz", _of_earlier_version)


def _of_earlier_version(directory: pathlib.Path) -> list[str]:
  """The files of versions without lists: those in a list of names, or strips in masks.npz."""
  try:
    listed = read_json(directory / "pictures.json", "pictures", "move it away")
  except InputError:
    listed = []
  named = listed if isinstance(listed, list) else []
  found = [name for name in named if isinstance(name, str) and pathlib.PurePath(name).name == name]
  found += ["pictures.json"] if found else []
  try:
    strips = {f"{name.partition('/')[0]}.png" for name in names_in_npz(directory / "masks.npz")}
  except Exception:  # It is missing or damaged, for which zip and numpy raise many kinds.
    # Still earlier versions wrote no numbers; their pictures are known by their form of name.
    there = (directory / "overview.png").is_file()
    strips = {path.name for path in directory.iterdir() if there and _STRIP.fullmatch(path.name)}
  if strips and all(_STRIP.fullmatch(name) for name in strips):
    found += ["overview.png", "masks.npz", "masks.json", *strips]
  return found
