"""The metadata of a prepared data set, and the tables that are made from it again.

A split is packed tracklet after tracklet, frame after frame, so a tracklet is a span of record
numbers. The spans are in the data set's `metadata.json`, so opening a prepared set scans nothing.
"""

import contextlib
import os
import pathlib
import shutil
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cosam_jax.data.identities import numbering_of
from cosam_jax.data.sets.registry import PARTS
from cosam_jax.data.tracklets import (
  FilePaths,
  FrameStore,
  JoinedFrames,
  Tables,
  TrackletTable,
  concatenate,
)
from cosam_jax.errors import InputError

FORMAT = 1
_LOCK = ".preparing"
_INCOMPLETE = "incomplete."


class DamagedRecord(InputError, OSError):
  """A record that cannot be read, or whose bytes are not those that were packed."""


class RecordStore:
  """Frames that are records of one split of a prepared data set.

  Attributes:
    source: record number -> example with the bytes `image`, their `crc32` and the file's `name`.
    split: the split's name, for messages; directory: where the data set lies, for messages.
  """

  def __init__(self, source: Sequence[Mapping[str, Any]], split: str, directory: str):
    self.source, self.split, self.directory = source, split, directory

  def __len__(self) -> int:
    return len(self.source)

  def name(self, frame: int) -> str:
    """The file that was packed, if its name can be read, and the record that it is in."""
    try:
      return f"{self.source[int(frame)]['name'].decode()} ({self._record(frame)})"
    except Exception:  # Reading the frame gives a better error.
      return self._record(frame)

  def read(self, frame: int) -> bytes:
    """The encoded image, checked.

    Raises:
      DamagedRecord: the record cannot be read, or its checksum differs from when it was packed.
    """
    try:
      example = self.source[int(frame)]
      data, packed = bytes(example["image"]), int(example["crc32"])
    except Exception as error:  # Each layer below has its own kinds of errors for damaged files.
      reason = " ".join(str(error).split(";")[0].split()) or type(error).__name__
      raise self._damaged(frame, f"cannot be read ({reason})") from error
    found = zlib.crc32(data)
    if found != packed:
      raise self._damaged(frame, f"has checksum {found:08x}, but was packed with {packed:08x}")
    return data

  def _record(self, frame: int) -> str:
    return f"record {int(frame)} of {self.split} in {self.directory}"

  def _damaged(self, frame: int, what: str) -> DamagedRecord:
    return DamagedRecord(
      f"{self._record(frame)} {what}; the prepared set is damaged: remove it and prepare it again"
    )


def describe_tables(tables: Tables) -> dict[str, Any]:
  """Everything but the images, as JSON can hold it; packing the images adds their digests."""
  return {
    "format": FORMAT,
    "dataset": tables.name,
    "warnings": list(tables.warnings),
    "official": _official_rows(tables),
    "numbering": tables.train.numbering.joined(tables.gallery.numbering).record(),
    "splits": {
      split: {
        "lengths": table.lengths.tolist(),
        "identities": table.identities.tolist(),
        "cameras": table.cameras.tolist(),
        "names": table.names.tolist(),
      }
      for split in PARTS
      for table in [getattr(tables, split)]
    },
  }


def tables_of(metadata: Mapping[str, Any], stores: Mapping[str, RecordStore]) -> Tables:
  """Makes the tables of a prepared set again, equal to the reader's in everything but the store.

  Query and gallery share one store, in which the frames of the query come first.

  Raises:
    InputError: the metadata has another format, or its counts do not match the records.
  """
  directory = stores[PARTS[0]].directory
  if metadata.get("format") != FORMAT or set(PARTS) - set(metadata.get("splits", {})):
    raise InputError(
      f"the metadata of {directory} are not those of a prepared set of format {FORMAT}; remove it "
      "and prepare it again"
    )
  tested = JoinedFrames((stores["query"], stores["gallery"]))
  places: dict[str, tuple[FrameStore, int]] = {
    "train": (stores["train"], 0),
    "query": (tested, 0),
    "gallery": (tested, len(stores["query"])),
  }
  numbering = numbering_of(metadata["dataset"], metadata.get("numbering"))
  tables = {}
  for split, (frames, first) in places.items():
    columns = metadata["splits"][split]
    lengths = np.array(columns["lengths"], np.int64)
    if lengths.sum() != len(stores[split]) or "sha256" not in columns:
      raise InputError(
        f"{split} in {directory} has {len(stores[split]):,} records, but its tracklets have "
        f"{int(lengths.sum()):,} frames; the prepared set is incomplete: remove it and prepare it "
        "again"
      )
    tables[split] = TrackletTable(
      frames=frames,
      starts=first + np.cumsum(lengths) - lengths,
      lengths=lengths,
      identities=columns["identities"],
      cameras=columns["cameras"],
      names=columns["names"],
      numbering=numbering,
    )
  official = None
  if metadata["official"] is not None:
    rows = np.array(metadata["official"], np.int64)
    official = concatenate(tables["query"], tables["gallery"]).select(rows)
  return Tables(
    name=metadata["dataset"],
    train=tables["train"],
    query=tables["query"],
    gallery=tables["gallery"],
    official=official,
    warnings=tuple(metadata["warnings"]),
  )


def relative_name(store: FrameStore, frame: int) -> str:
  """The file of a frame below its data directory, wherever that lies."""
  while isinstance(store, JoinedFrames):
    store, frame = store.locate(frame)
  return store.relative(frame) if isinstance(store, FilePaths) else store.name(frame)


@contextlib.contextmanager
def only_preparer(folder: pathlib.Path) -> Iterator[None]:
  """Lets one process prepare in `folder`, and removes what killed ones left there.

  A data set is written into a folder of another name, which is renamed once it is complete. The
  lock ends with its process, so a killed process never blocks the next.

  Raises:
    InputError: another process is preparing there.
  """
  import fcntl  # Not on Windows, where there are no ArrayRecord files either.

  folder.mkdir(parents=True, exist_ok=True)
  with open(folder / _LOCK, "w") as lock:
    try:
      fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
      raise InputError(
        f"another process is preparing a data set in {folder}; wait until it is done, or end it"
      ) from error
    for entry in os.scandir(folder):
      if entry.name.startswith(_INCOMPLETE) and entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path)
    yield


def _official_rows(tables: Tables) -> list[int] | None:
  """The official gallery as rows of the queries followed by the gallery, or None without one."""
  if tables.official is None:
    return None
  both = concatenate(tables.query, tables.gallery)
  if both.frames is not tables.official.frames:
    raise ValueError("the official gallery must be made of the queries' and gallery's tracklets")
  rows = {start: row for row, start in enumerate(both.starts.tolist())}
  return [rows[start] for start in tables.official.starts.tolist()]
