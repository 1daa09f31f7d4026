"""The step and arrays of a checkpoint's folder, read without the library that writes it."""

import pathlib

import tensorstore

from cosam_jax.runtime.json_files import parse_json
from cosam_jax.runtime.outside_files import MOST_TEXT_BYTES, read_bytes

STATE, ABOUT = "state", "about"
_DRIVERS = ("zarr", "zarr3")  # Today's format, and the one that orbax may write next.
_HEADS = tuple(f"/{name}".encode() for name in (".zarray", "zarr.json"))


def saved_step(folder: pathlib.Path) -> int:
  """The number of steps of a checkpoint's state; the folder's name does not matter.

  Args:
    folder: the checkpoint; libraries must read the path as it is meant.

  Raises:
    ValueError: no state in it can be opened.
  """
  failures = []
  for driver in _DRIVERS:
    spec = {"driver": driver, "kvstore": {**_database(folder), "path": "step/"}}
    try:
      return int(tensorstore.open(spec, read=True, open=True).result().read().result())
    except (ValueError, OSError) as error:
      failures.append(error)
  raise ValueError("there is no state in it that can be opened") from failures[0]


def count_arrays(folder: pathlib.Path) -> int:
  """The number of arrays with values in a checkpoint, 0 without a state; ValueError if damaged."""
  try:
    keys = tensorstore.KvStore.open(_database(folder)).result().list().result()
  except OSError as error:
    raise ValueError("there is no state in it that can be opened") from error
  heads = {key.rpartition(b"/")[0] for key in keys if key.endswith(_HEADS)}
  with_values = {key.partition(b"/")[0] for key in keys if not key.endswith(_HEADS)}
  return len(heads & with_values)


def check_about(folder: pathlib.Path) -> None:
  """Raises ValueError unless the values beside a checkpoint's state are a readable mapping."""
  name = f"{ABOUT}/metadata"
  try:
    content = parse_json(read_bytes(folder / name, MOST_TEXT_BYTES))
  except (OSError, ValueError) as error:
    raise ValueError(f"{name} cannot be read: {getattr(error, 'strerror', '') or error}") from error
  if not isinstance(content, dict):
    raise ValueError(f"{name} is a {type(content).__name__}, and must be a JSON object")


def _database(folder: pathlib.Path) -> dict:
  return {"driver": "ocdbt", "base": {"driver": "file", "path": f"{folder / STATE}/"}}
