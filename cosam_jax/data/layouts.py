"""Faults of a data set's folders; their errors name the folders, not the million files in them.

For example, an archive that was unpacked into a folder of its own name lies one level too deep,
data_dir names the folder above or below, or folders are swapped or missing.
"""

import os
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from cosam_jax.data.left_out import set_aside
from cosam_jax.data.listing import is_image, missing_frames, used_frames
from cosam_jax.data.tracklets import FilePaths, TrackletTable
from cosam_jax.errors import InputError, renaming


def _entries(path: pathlib.Path) -> list[str]:
  """Names in a folder, except those that all readers skip; none if it cannot be listed."""
  try:
    return sorted(name for name in os.listdir(path) if not set_aside(name))
  except OSError:
    return []


def nested(path: pathlib.Path) -> str | None:
  """The one entry of a folder, if it is a folder of the same name, unpacked too deep; else None."""
  names = [name for name in _entries(path) if (path / name).is_dir() or is_image(name)]
  same = len(names) == 1 and names[0].casefold() == path.name.casefold()
  return names[0] if same and (path / names[0]).is_dir() else None


def require_not_nested(path: pathlib.Path) -> None:
  """Raises InputError if a folder holds one folder of its own name and nothing else."""
  inner = nested(path)
  if inner:
    raise InputError(
      f"{path} holds one folder, {inner}, so it was unpacked a level too deep: move the contents "
      f"of {path / inner} up into {path}"
    )


def suggest_root(root: pathlib.Path, parts: Sequence[str]) -> str:
  """The end of a sentence: where, below or above `root`, the data set lies; may be empty."""
  below = [root / name for name in _entries(root) if (root / name).is_dir()][:1000]
  for place in (*below, root.absolute().parent):
    if all((place / part).is_dir() for part in parts):
      return f"; {place} holds {', '.join(parts)}: data_dir may mean that"
  return ""


def require_part(root: pathlib.Path, part: str, parts: Sequence[str], contents: str) -> None:
  """Requires a folder of a data set.

  Args:
    root: where it must lie.
    part: its name.
    parts: all names beside it, its own among them.
    contents: what the data directory must hold, for the error.

  Raises:
    InputError: it is missing, or lies a level too deep.
  """
  path = root / part
  if not path.is_dir():
    state = "is a file, not a directory" if path.exists() else "does not exist"
    found = [name for name in _entries(root) if (root / name).is_dir() and name not in parts]
    raise InputError(
      f"data directory {path} {state}; data_dir must hold {contents}: correct data_dir"
      f"{renaming(part, found)}{suggest_root(root, parts)}"
    )
  require_not_nested(path)


def require_mars_folders(tables: Mapping[str, TrackletTable]) -> None:
  """If frames of MARS are missing, looks for the reason in its folders.

  Args:
    tables: `bbox_train` and `bbox_test` -> the tracklets whose frames must lie there.

  Raises:
    InputError: a folder is missing, lies a level too deep, or is swapped with the other.
  """
  lacking = {}
  roots = [table.frames.root for table in tables.values() if isinstance(table.frames, FilePaths)]
  for part, table in tables.items():
    used = used_frames(table)
    lacking[part] = (len(missing_frames(table.frames, used)), int(used.sum()))
  if not any(missing for missing, _ in lacking.values()):
    return
  numbers = ", ".join(
    f"{part} lacks {missing:,} of {total:,} frames" for part, (missing, total) in lacking.items()
  )
  if not any((root / part).is_dir() for root, part in zip(roots, tables)):
    root, first = roots[0], next(iter(tables.values())).frames.name(0)
    total = sum(missing for missing, _ in lacking.values())
    raise InputError(
      f"{total:,} of {total:,} frames are missing: there is no {' and no '.join(tables)} in "
      f"{root}, so no {first} either; unpack both archives there or correct data_dir"
      f"{suggest_root(root, tuple(tables))}"
    )
  for part, table in tables.items():
    store = table.frames
    assert isinstance(store, FilePaths)
    root, path = store.root, store.root / part
    if not lacking[part][0]:
      continue
    if not path.is_dir():
      found = [name for name in _entries(root) if (root / name).is_dir() and name not in tables]
      raise InputError(
        f"there is no {part} in {root} ({numbers}): unpack {part}.zip there{renaming(part, found)}"
      )
    if nested(path):
      raise InputError(
        f"{path} holds one folder, {nested(path)}, so it was unpacked a level too deep "
        f"({numbers}): move the contents of {path / str(nested(path))} up into {path}"
      )
    if not _entries(path):
      raise InputError(f"{path} is empty ({numbers}): unpack {part}.zip there")
  parts = tuple(tables)
  if all(_share(tables[a], b) > _share(tables[a], a) for a, b in (parts, parts[::-1])):
    raise InputError(
      f"{parts[0]} and {parts[1]} are swapped ({numbers}): each has the people of the other, so "
      "exchange their names"
    )


def _share(table: TrackletTable, part: str) -> float:
  """The share of a table's people that have a folder in a part of the data set."""
  store = table.frames
  assert isinstance(store, FilePaths)
  used = np.unique(store.folder_ids[used_frames(table)])
  wanted = {os.fsdecode(bytes(store.folders[i])).split("/")[-1] for i in used}
  return len(wanted & set(_entries(store.root / part))) / max(1, len(wanted))
