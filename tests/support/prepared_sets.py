"""Reads a whole prepared set."""

import hashlib

from cosam_jax.data import builders
from cosam_jax.data.sets.registry import PARTS


def frames_of(table) -> list[bytes]:
  """The encoded frames, tracklet after tracklet."""
  return [
    table.frames.read(frame) for row in range(len(table)) for frame in table.frame_ids(row).tolist()
  ]


def verified(name, prepared_dir) -> int:
  """The number of frames, if each split has the SHA-256 with which it was packed."""
  tables = builders.load_prepared(name, prepared_dir)
  packed = builders.make_builder(name, prepared_dir).info.metadata["splits"]
  count = 0
  for part in PARTS:
    frames = frames_of(getattr(tables, part))
    assert hashlib.sha256(b"".join(frames)).hexdigest() == packed[part]["sha256"]
    count += len(frames)
  return count
