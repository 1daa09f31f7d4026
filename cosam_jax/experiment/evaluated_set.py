"""Digests of test sets, since two directories of the same data set may hold different people.

A digest looks like "1a2b3c4d-5e6f7a8b". Its first part is made of identities, cameras, lengths and
queries. The second part is made of the bytes of some frames, so it is the same wherever the
directory lies, prepared or not. Earlier versions wrote the first part only, as is done if one of
those frames cannot be read.
"""

import zlib

import numpy as np

from cosam_jax.data import Tables
from cosam_jax.data.expected import counts
from cosam_jax.data.sets.registry import data_set_of
from cosam_jax.data.tracklets import TrackletTable
from cosam_jax.errors import InputError
from cosam_jax.evaluation.protocol import evaluation_of

SAMPLED = 64
"""At most this many frames are read, each of another tracklet."""


def digest_of(tables: Tables, protocol: str) -> str:
  """The digest of the tracklets that a protocol evaluates; reads a few frames.

  Args:
    tables: a data set.
    protocol: "reference" or "official".

  Raises:
    InputError: there is nothing to evaluate, as in `evaluation_of`.
  """
  evaluation = evaluation_of(tables, protocol)
  table = evaluation.table
  columns = (table.identities, table.cameras, table.lengths, evaluation.query_rows)
  numbers = zlib.crc32(b"".join(np.ascontiguousarray(column).tobytes() for column in columns))
  pictures = _pictures(table)
  return f"{numbers:08x}" if pictures is None else f"{numbers:08x}-{pictures:08x}"


def _pictures(table: TrackletTable) -> int | None:
  """A digest of the middle frames of evenly spread tracklets; None if one cannot be read.

  A disk that is away for a moment must not make another test set of this one.
  """
  digest = 0
  for row in np.linspace(0, len(table) - 1, min(SAMPLED, len(table))).astype(int).tolist():
    frame = int(table.starts[row] + table.lengths[row] // 2)
    try:
      data = table.frames.read(frame)
    except (OSError, InputError):  # Reading it for use raises the error.
      return None
    digest = zlib.crc32(data, zlib.crc32(len(data).to_bytes(8, "little"), digest))
  return digest


def may_be_same(first: object, second: object) -> bool:
  """Whether two digests may be of the same test set, judged by the parts that both have.

  Args:
    first, second: digests; earlier versions wrote one part or none.
  """
  if not isinstance(first, str) or not isinstance(second, str):
    return True
  return all(a == b for a, b in zip(first.split("-"), second.split("-")))


def is_whole(tables: Tables) -> bool:
  """Whether the tables have the published counts of their data set."""
  expected = data_set_of(tables.name).expected
  return bool(expected) and all(
    counts(getattr(tables, part)) == count for part, count in expected.items()
  )
