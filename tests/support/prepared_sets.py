"""Pictures for a prepared set, and the reading of a whole one."""

import hashlib

import numpy as np
from PIL import Image

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


def noise(root):
  """Gives every frame below a folder a picture of its own."""
  for i, path in enumerate(sorted([*root.rglob("*.jpg"), *root.rglob("*.png")])):
    pixels = np.random.default_rng(i).integers(0, 256, (16, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
  return root
