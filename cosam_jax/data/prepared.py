"""Tables of tracklets over packed records, and the description that rebuilds them.

A prepared set is a file of records for each split, one record a frame in the order of the split's
table, and a description in JSON: the spans of the tracklets, who they show, and where the official
gallery has its tracklets. Tables come back from the description alone, without reading a record.

Notation: n tracklets in a table, f frames in a split.
"""

import hashlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cosam_jax.data.tracklets import (
  FilePaths,
  FrameStore,
  JoinedFrames,
  Tables,
  TrackletTable,
  concatenate,
)
from cosam_jax.errors import InputError

SPLITS = ("train", "query", "gallery")
"""The splits of every data set; `gallery` is the reference one, with the queries taken out."""


class PackedFrames:
  """A `FrameStore` over the records of one split.

  Frames may be read from several threads at once, as far as `records` allows it.
  """

  def __init__(self, records: Sequence[Any], split: str, place: str):
    """Takes a `tf.train.Example` of each of the split's `frame_records`.

    Args:
      records: the examples, by frame.
      split: the split's name, for errors.
      place: the prepared set's directory, for errors.
    """
    self._records, self._split, self._place = records, split, place

  def __len__(self) -> int:
    return len(self._records)

  def name(self, frame: int) -> str:
    """The frame's path in its data set and its record; the record alone where it is damaged."""
    record = self._describe(frame)
    try:
      feature = self._records[int(frame)].features.feature
      return f"{feature['name'].bytes_list.value[0].decode()} ({record})"
    except Exception:  # Whatever a damaged record raises, `read` reports it.
      return record

  def read(self, frame: int) -> bytes:
    """The encoded image as it was packed.

    Raises:
      InputError: the record cannot be read, or its bytes are not those that were packed.
      OSError: the disk refuses.
    """
    try:
      feature = self._records[int(frame)].features.feature
      image = feature["image"].bytes_list.value[0]
      checksum = feature["crc32"].int64_list.value[0]
    except OSError:
      raise
    except Exception as error:  # The reader of records raises whatever its C++ side made of it.
      raise InputError(f"{self._damaged(frame)}: it cannot be read; {_REMEDY}") from error
    found = zlib.crc32(image)
    if found != checksum:
      raise InputError(
        f"{self._damaged(frame)}: its CRC-32 is {found:08x}, but {checksum:08x} was packed; "
        f"{_REMEDY}"
      )
    return image

  def _describe(self, frame: int) -> str:
    return f"record {int(frame)} of {self._split} in {self._place}"

  def _damaged(self, frame: int) -> str:
    return f"{self._describe(frame)} is damaged"


_REMEDY = "delete that directory and pack it again with --mode=prepare"


def relative_name(store: FrameStore, frame: int) -> str:
  """The path of a frame below its data directory, which a moved directory does not change."""
  while isinstance(store, JoinedFrames):
    store, frame = store.locate(frame)
  return store.relative(frame) if isinstance(store, FilePaths) else store.name(frame)


def frame_records(table: TrackletTable, digest: Any) -> Iterator[dict[str, Any]]:
  """One record for each frame of each tracklet, in the table's order.

  Args:
    table: the tracklets of a split.
    digest: a hash object, such as `hashlib.sha256()`, that takes in all bytes on their way.

  Yields:
    `image` (the encoded bytes as they are on disk), `tracklet` (row of the table), `identity`,
    `camera`, `name` (path below the data directory) and `crc32` of the image.

  Raises:
    InputError: a frame that cannot be read, with its tracklet and file.
  """
  for i, (identity, camera) in enumerate(zip(table.identities.tolist(), table.cameras.tolist())):
    for frame in table.frame_ids(i).tolist():
      try:
        image = table.frames.read(frame)
      except OSError as error:
        raise InputError(
          f"frame {table.frames.name(frame)} of tracklet {str(table.names[i])!r} cannot be packed: "
          f"{error.strerror or error}; unpack the data set again or correct data_dir"
        ) from error
      digest.update(image)
      yield {
        "image": image,
        "tracklet": i,
        "identity": identity,
        "camera": camera,
        "name": relative_name(table.frames, frame),
        "crc32": zlib.crc32(image),
      }


def describe(tables: Tables) -> dict[str, Any]:
  """What of the tables is not in the records, as JSON values; `rebuild` is its inverse."""
  return {
    "dataset": tables.name,
    "warnings": list(tables.warnings),
    "official": _official_order(tables),
    "splits": {split: _columns(getattr(tables, split)) for split in SPLITS},
  }


def rebuild(description: Mapping[str, Any], stores: Mapping[str, FrameStore]) -> Tables:
  """The tables that were described, over the packed frames of each split.

  Query and gallery share one store, in which the frames of the query come first.

  Raises:
    InputError: a split whose records are not as many as the description says.
  """
  columns = description["splits"]
  for split in SPLITS:
    described = sum(columns[split]["lengths"])
    if described != len(stores[split]):
      raise InputError(
        f"split {split} of the prepared {description['dataset']} has {len(stores[split]):,} "
        f"records, but its metadata.json describes {described:,} frames; {_REMEDY}"
      )
  tested = JoinedFrames((stores["query"], stores["gallery"]))
  query = _table(columns["query"], tested, 0)
  gallery = _table(columns["gallery"], tested, len(stores["query"]))
  order = description["official"]
  return Tables(
    name=description["dataset"],
    train=_table(columns["train"], stores["train"], 0),
    query=query,
    gallery=gallery,
    official=None if order is None else concatenate(query, gallery).select(np.array(order, int)),
    warnings=tuple(description["warnings"]),
  )


def checksum(table: TrackletTable) -> str:
  """SHA-256, in hexadecimal, over the encoded bytes of all frames in the table's order.

  Raises:
    InputError: a frame that cannot be read.
  """
  digest = hashlib.sha256()
  for _ in frame_records(table, digest):
    pass
  return digest.hexdigest()


def _columns(table: TrackletTable) -> dict[str, list]:
  return {
    "lengths": table.lengths.tolist(),
    "identities": table.identities.tolist(),
    "cameras": table.cameras.tolist(),
    "names": table.names.tolist(),
  }


def _table(columns: Mapping[str, Any], store: FrameStore, first: int) -> TrackletTable:
  lengths = np.array(columns["lengths"], np.int64)
  return TrackletTable(
    frames=store,
    starts=first + np.cumsum(lengths) - lengths,
    lengths=lengths,
    identities=np.array(columns["identities"], np.int64),
    cameras=np.array(columns["cameras"], np.int64),
    names=np.array(columns["names"], np.str_),
  )


def _official_order(tables: Tables) -> list[int] | None:
  """Where each tracklet of the official gallery is found: a row of the query, or of the gallery
  counted on from there. Ties between equal distances go by this order, so it has to be kept.
  """
  if tables.official is None:
    return None
  rows: dict[tuple[int, int, int], int] = {}
  for row, key in enumerate([*_keys(tables.query), *_keys(tables.gallery)]):
    rows.setdefault(key, row)
  return [rows[key] for key in _keys(tables.official)]


def _keys(table: TrackletTable) -> Iterator[tuple[int, int, int]]:
  """What tells the tracklets of one data set apart: their store and span."""
  for start, length in zip(table.starts.tolist(), table.lengths.tolist()):
    yield id(table.frames), start, length
