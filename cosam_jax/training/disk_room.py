"""Whether a state fits on the disk, asked before it is written."""

import errno
import os
import pathlib
import shutil

import jax

from cosam_jax.training.state import TrainState

_INDEX_BYTES = 256 << 10


def check_room(directory: pathlib.Path, state: TrainState) -> None:
  """Raises OSError where the state cannot fit, before orbax's threads each find out by themselves.

  Weights hardly compress, so they take as much on disk as in memory, and their index a little more.
  """
  needed = sum(leaf.nbytes for leaf in jax.tree.leaves(state)) + _INDEX_BYTES
  free = shutil.disk_usage(directory).free
  if free < needed:
    raise OSError(
      errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}: {needed >> 10:,} KiB needed, {free >> 10:,} free"
    )
