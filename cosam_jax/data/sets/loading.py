"""A data set by name: from its directory, or a manifest, to tables."""

import os

from cosam_jax.data.listing import require_folders_inside
from cosam_jax.data.sets.manifest import is_manifest, read_manifest
from cosam_jax.data.sets.registry import DATASETS, has_splits
from cosam_jax.data.tracklets import Tables
from cosam_jax.errors import InputError, suggestion
from cosam_jax.runtime.user_paths import user_path


def load_dataset(
  name: str,
  data_dir: str | os.PathLike,
  *,
  check_files: bool = True,
  split: int = 0,
  seed: int = 0,
  follow_links: bool = False,
) -> Tables:
  """Reads a data set from its directory, checked.

  Args:
    name: one of `DATASETS`.
    data_dir: the data set's directory, or a manifest (`.csv` or `.jsonl`) of frames in its stead.
    check_files: whether the frames that an index or manifest names must be on disk; otherwise the
      index alone is read. Data sets without an index are listed from disk in any case.
    split: number of the split, from 0, of a set with several.
    seed: draws the splits of a set that has none of its own, and the queries and test identities
      that a manifest leaves open.
    follow_links: whether links that lead out of the directory are read; by such a link the maker of
      a data set can name any file.

  Returns:
    Tables with `train`, `query`, `gallery` and `warnings`.

  Raises:
    InputError: the name is unknown, a directory or file is missing, or the data contradicts itself.
  """
  if name not in DATASETS:
    raise InputError(
      f"dataset {name!r} is unknown, not one of {', '.join(DATASETS)}{suggestion(name, DATASETS)}"
    )
  if not os.fspath(data_dir):
    raise InputError(f"data_dir is empty; set it to the directory or manifest of {name}")
  data_dir = user_path(data_dir)
  if is_manifest(data_dir):
    tables = read_manifest(data_dir, name=name, check_files=check_files, seed=seed)
  elif split != 0 and not has_splits(name):
    raise InputError(
      f"split {split} of {name} does not exist: only {' and '.join(filter(has_splits, DATASETS))} "
      "have several; use 0"
    )
  else:
    tables = DATASETS[name].tables(
      data_dir,
      name=name,
      check_files=check_files,
      split=split,
      seed=seed,
      follow_links=follow_links,
    )
  if follow_links:
    return tables.following_links()
  require_folders_inside([tables.train, tables.query, tables.gallery])
  return tables
