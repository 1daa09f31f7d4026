"""Tracklets on disk -> tables of spans -> batches of clips. numpy and TensorFlow; never jax."""

import os

from cosam_jax.data.listing import require_folders_inside
from cosam_jax.data.sets.dukemtmc_vidreid import read_dukemtmc_vidreid
from cosam_jax.data.sets.folder import read_folder
from cosam_jax.data.sets.ilids_vid import read_ilids_vid
from cosam_jax.data.sets.manifest import is_manifest, read_manifest
from cosam_jax.data.sets.mars import read_mars
from cosam_jax.data.sets.prid2011 import read_prid2011
from cosam_jax.data.tracklets import Tables, TrackletTable
from cosam_jax.errors import InputError, suggestion
from cosam_jax.runtime.user_paths import user_path

DATASETS = ("mars", "dukemtmc_vidreid", "ilids_vid", "prid2011", "folder", "synthetic")
"""Every name that `load_dataset` knows; `synthetic` is drawn figures in MARS's layout."""

SPLIT_DATASETS = ("ilids_vid", "prid2011")
"""Data sets with ten splits; the others have one, number 0."""

__all__ = ["DATASETS", "SPLIT_DATASETS", "Tables", "TrackletTable", "load_dataset"]


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
    check_files: whether the frames that an index or manifest names must be on disk; without, the
      index alone is read. Data sets without an index are listed from disk in any case.
    split: which of the ten splits of iLIDS-VID or PRID2011, 0 .. 9.
    seed: draws PRID2011's splits, and queries and identities that a manifest leaves open.
    follow_links: whether links that lead out of the directory are read; whoever made the data set
      could name any file by one.

  Returns:
    Tables with `train`, `query`, `gallery` and `warnings`.

  Raises:
    InputError: an unknown name, a missing directory or file, or data that contradicts itself.
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
  elif split != 0 and name not in SPLIT_DATASETS:
    raise InputError(
      f"split {split} of {name} does not exist: only {' and '.join(SPLIT_DATASETS)} have several; "
      "use 0"
    )
  elif name in ("mars", "synthetic"):
    tables = read_mars(data_dir, check_files=check_files, name=name, follow_links=follow_links)
  elif name == "dukemtmc_vidreid":
    tables = read_dukemtmc_vidreid(data_dir)
  elif name == "ilids_vid":
    tables = read_ilids_vid(data_dir, split=split, follow_links=follow_links)
  elif name == "prid2011":
    tables = read_prid2011(data_dir, split=split, seed=seed)
  else:
    tables = read_folder(data_dir)
  if follow_links:
    return tables.following_links()
  require_folders_inside([tables.train, tables.query, tables.gallery])
  return tables
