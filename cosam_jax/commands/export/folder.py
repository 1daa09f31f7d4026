"""The folder of an export: the files in it that are ours, and the earlier formats that stay."""

import json
import pathlib
from collections.abc import Mapping
from typing import Any

from cosam_jax.commands.export.companions import COMPANIONS
from cosam_jax.errors import InputError
from cosam_jax.models.exported_record import RECORD, WEIGHTS
from cosam_jax.runtime.json_files import read_json
from cosam_jax.runtime.output_folders import OutputFolder

EXAMPLE = "example.npz"
_NAMES = (RECORD, EXAMPLE, *COMPANIONS, "model.stablehlo", "model.tflite", "model.onnx",
          "model.json", *WEIGHTS,
          "saved_model/*.pb", "saved_model/variables/*", "saved_model/assets/*")  # fmt: skip
# The entries that must agree if programs of two calls are to be one export.
_SAME = ("weights", "weights_hash", "input", "output", "config")


def export_folder(directory: pathlib.Path) -> OutputFolder:
  """The folder of exported programs, with their example and record."""
  return OutputFolder(directory, "export", _NAMES, RECORD, _of_earlier_version)


def earlier_formats(directory: pathlib.Path, record: Mapping[str, Any]) -> dict[str, Any]:
  """The formats that an earlier call wrote for the same network and input: name -> its entry.

  Args:
    directory: of the export.
    record: the new content of export.json.
  """
  content = _read_record(directory)
  # Earlier versions did not write the weights' hash.
  names = [name for name in _SAME if name != "weights_hash" or name in content]
  now = json.loads(json.dumps(dict(record)))
  if any(content.get(name) != now.get(name) for name in names):
    return {}
  return {
    name: entry
    for name, entry in content["formats"].items()
    if all((directory / file).exists() for file in entry["files"])
  }


def formats_there(directory: pathlib.Path) -> list[str]:
  """The names of all formats in the folder's record."""
  return list(_read_record(directory).get("formats", {}))


def _of_earlier_version(directory: pathlib.Path) -> list[str]:
  """The files of versions without lists, which export.json names."""
  formats = _read_record(directory).get("formats")
  if formats is None:
    return []
  names = [RECORD, EXAMPLE, *(file for entry in formats.values() for file in entry["files"])]
  for pattern in _NAMES:
    if pattern.split("/")[0] in names and "/" in pattern:
      names += [path.relative_to(directory).as_posix() for path in directory.glob(pattern)]
  # Of a folder that is named, its files are ours, and not itself.
  return [name for name in names if not _is_folder(directory / name)]


def _is_folder(path: pathlib.Path) -> bool:
  return path.is_dir() and not path.is_symlink()


def _read_record(directory: pathlib.Path) -> dict[str, Any]:
  """The content of export.json; empty if this program did not write it."""
  try:
    content = read_json(directory / RECORD, "export", "export again")
    sound = "cosam" in content["program"] and all(
      isinstance(file, str) and pathlib.PurePath(file).name == file
      for entry in content["formats"].values()
      for file in entry["files"]
    )
  except (InputError, ValueError, KeyError, TypeError, AttributeError):
    return {}
  return content if sound else {}
