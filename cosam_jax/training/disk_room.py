"""Checks that a state fits on the disk before it is written."""

import errno
import os
import pathlib
import shutil

import jax

from cosam_jax.training.state import TrainState

_INDEX_BYTES = 256 << 10


def check_room(directory: pathlib.Path, state: TrainState) -> None:
  """Raises OSError if the state cannot fit, before each of orbax's threads fails by itself.

  Weights hardly compress, so they take as much on disk as in memory; their index takes a little.
  """
  needed = sum(leaf.nbytes for leaf in jax.tree.leaves(state)) + _INDEX_BYTES
  free = shutil.disk_usage(directory).free
  if free < needed:
    raise OSError(
      errno.ENOSPC,
      f"{os.strerror(errno.ENOSPC)}: {needed >> 10:,} KiB needed, {free >> 10:,} free",
      os.fspath(directory),
    )
