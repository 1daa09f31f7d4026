"""Packing in pieces: a killed preparation continues with the first shard that is not finished.

A shard is written under another name and renamed when it is complete. Its name is a digest of what
it holds, including the sizes and times of the files, so that a shard of frames that have changed
since is never reused.
"""

import collections
import hashlib
import os
import pathlib
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
import tensorflow_datasets as tfds
from array_record.python import array_record_module

from cosam_jax.data import prepared
from cosam_jax.data.host_tensorflow import tf
from cosam_jax.data.tracklets import FilePaths, FrameStore, JoinedFrames, TrackletTable

FRAMES = 8192
"""Frames of a shard; at most this many are packed twice (about 50 MB of MARS)."""


class Record(NamedTuple):
  """A frame's `tf.train.Example`, with `image` and `crc32` among its features, and its image."""

  example: bytes
  image: bytes


class Packed(NamedTuple):
  """A packed split.

  Attributes:
    shards: its files, in order; lengths: their records.
    num_bytes: of all records.
    sha256: of all encoded frames, one after the other.
  """

  shards: list[pathlib.Path]
  lengths: list[int]
  num_bytes: int
  sha256: str


def pack(
  folder: pathlib.Path,
  table: TrackletTable,
  serialize: Callable[[int, int], Record],
  tick: Callable[[], object],
) -> Packed:
  """Packs a table's frames, tracklet after tracklet, except those that are packed already.

  Args:
    folder: where finished shards lie; created. Two processes must not use it at once.
    table: the table to pack.
    serialize: (tracklet, frame) -> its record.
    tick: called for each frame that has been packed or found.

  Raises:
    OSError, RuntimeError: the disk is full or cannot be written to. Errors of `serialize` pass.
  """
  folder.mkdir(parents=True, exist_ok=True)
  rows = np.repeat(np.arange(len(table)), table.lengths).tolist()
  frames = np.concatenate([table.frame_ids(row) for row in range(len(table))]).tolist()
  sha = hashlib.sha256()
  num_bytes = 0

  def noted(records: Iterable[Record]) -> Iterator[Record]:
    nonlocal num_bytes
    for record in records:
      num_bytes += len(record.example)
      sha.update(record.image)
      tick()
      yield record

  shards, lengths = [], []
  for first in range(0, len(frames), FRAMES):
    work = list(zip(rows[first : first + FRAMES], frames[first : first + FRAMES], strict=True))
    path = folder / _fingerprint(table, work)
    finished = _finished(path, len(work))
    if finished is None:
      _write(path, noted(serialize(row, frame) for row, frame in work))
    else:
      collections.deque(noted(finished), maxlen=0)
    shards.append(path)
    lengths.append(len(work))
  return Packed(shards, lengths, num_bytes, sha.hexdigest())


def place(shard: pathlib.Path, target: pathlib.Path) -> None:
  """Gives a shard its final name. It keeps the old one too, so a kill after this loses nothing."""
  try:
    os.link(shard, target)
  except OSError:  # A file system without hard links.
    shard.replace(target)


def _finished(path: pathlib.Path, length: int) -> list[Record] | None:
  """The records of a finished shard; None if it is not there or damaged."""
  if not path.exists():
    return None
  found = []
  try:
    reader = array_record_module.ArrayRecordReader(str(path))
    for example in reader.read_all():
      feature = tf.train.Example.FromString(example).features.feature
      image = feature["image"].bytes_list.value[0]
      if zlib.crc32(image) != feature["crc32"].int64_list.value[0]:
        return None
      found.append(Record(example, image))
    reader.close()
  except Exception:  # Damaged bytes raise many kinds; the shard is packed again.
    return None
  return found if len(found) == length else None


def _write(path: pathlib.Path, records: Iterator[Record]) -> None:
  """Writes a shard, which gets its name only once all of it is on disk."""
  partial = path.with_suffix(".partial")
  adapter = tfds.core.file_adapters.ArrayRecordFileAdapter
  adapter.write_examples(partial, ((0, record.example) for record in records))
  with open(partial, "rb") as file:
    os.fsync(file.fileno())
  partial.replace(path)


def _fingerprint(table: TrackletTable, work: list[tuple[int, int]]) -> str:
  """Name of the shard of these (tracklet, frame) pairs."""
  sha = hashlib.sha256(b"1")
  for row, frame in work:
    who = f"{row} {table.identities[row]} {table.cameras[row]} {table.names[row]}"
    sha.update(f"{who} {prepared.relative_name(table.frames, frame)}".encode())
    sha.update(f" {_stamp(table.frames, frame)}\n".encode())
  return sha.hexdigest()[:32]


def _stamp(store: FrameStore, frame: int) -> str:
  """Size and time of change of a frame's file; "" if they cannot be read."""
  while isinstance(store, JoinedFrames):
    store, frame = store.locate(frame)
  try:
    found = os.stat(store.path(frame)) if isinstance(store, FilePaths) else None
  except OSError:
    found = None  # Reading the frame gives the reason.
  return f"{found.st_size} {found.st_mtime_ns}" if found else ""
