"""The same picture in two tracklets: as query and gallery, or as two people.

Pictures are compared by digests of their decoded pixels, 16 bytes each, so that a million frames
take 16 MB. Pictures of one colour, such as the black frames of a broken camera, are ignored.

Notation: m decoded frames, e places where a tracklet uses one of them.
"""

import hashlib
from collections.abc import Mapping

import numpy as np
import PIL.Image

from cosam_jax.data.tracklets import JoinedFrames, TrackletTable

DIGEST_BYTES = 16
NOBODY = bytes(DIGEST_BYTES)
"""Stands for the digest of a picture of one colour."""


def picture_digest(image: PIL.Image.Image) -> bytes:
  """16 bytes that are equal for pictures with the same decoded pixels, whatever their files."""
  plain = image.convert("RGB")
  levels = np.asarray(plain).reshape(-1, 3)
  if (levels == levels[0]).all():
    return NOBODY
  size = f"{plain.width}x{plain.height}:".encode()
  return hashlib.blake2b(size + plain.tobytes(), digest_size=DIGEST_BYTES).digest()


def repeated_pictures(
  splits: Mapping[str, TrackletTable], store: JoinedFrames, frames: np.ndarray, digests: bytes
) -> dict[str, tuple[int, list[str]]]:
  """Looks for pictures that occur in two places where they must not.

  Args:
    splits: name -> table; query and gallery are compared with each other.
    store: the frames of all tables.
    frames: int64[m], ascending, frames of `store`.
    digests: the digests of `frames`, one after the other.

  Returns:
    "two people" and "query and gallery" (one person under two cameras) -> the number of pictures
    and a few examples; a kind that was not found is left out.
  """
  values = np.frombuffer(digests, np.uint64).reshape(-1, 2)
  _, groups = np.unique(values, axis=0, return_inverse=True)
  groups = groups.reshape(-1)
  where, split, row, person, camera = _places(splits, store, frames)
  real = (values[where] != 0).any(axis=1)
  where, split, row, person, camera = (x[real] for x in (where, split, row, person, camera))
  found: dict[str, tuple[int, list[str]]] = {}
  if not len(where):
    return found
  order = np.argsort(groups[where], kind="stable")
  starts = np.flatnonzero(np.diff(groups[where][order], prepend=-1))
  lengths = np.diff([*starts, len(order)])
  names = list(splits)

  def describe(place: int) -> str:
    table = splits[names[split[place]]]
    who = table.numbering.identity(person[place])
    return f"{store.name(int(frames[where[place]]))} ({names[split[place]]}, identity {who})"

  def note(kind: str, one: int, other: int) -> None:
    count, examples = found.get(kind, (0, []))
    if count < 5:
      examples.append(f"{describe(one)} and {describe(other)}")
    found[kind] = count + 1, examples

  for first, length in zip(starts[lengths > 1].tolist(), lengths[lengths > 1].tolist()):
    members = order[first : first + length]
    others = members[person[members] != person[members[0]]]
    if len(others):
      note("two people", members[0], others[0])
      continue
    asked = members[split[members] == names.index("query")]
    searched = members[split[members] == names.index("gallery")]
    for query in asked:
      leaking = searched[camera[searched] != camera[query]]
      if len(leaking):
        note("query and gallery", query, leaking[0])
        break
  return found


def _places(
  splits: Mapping[str, TrackletTable], store: JoinedFrames, frames: np.ndarray
) -> tuple[np.ndarray, ...]:
  """int64[e] each: place in `frames`, split, tracklet, identity and camera of every use."""
  parts = []
  for number, table in enumerate(splits.values()):
    offset = store.offsets[[one is table.frames for one in store.stores].index(True)]
    rows = np.repeat(np.arange(len(table)), table.lengths)
    begins = np.cumsum(table.lengths, dtype=np.int64) - table.lengths
    ids = offset + table.starts[rows] + np.arange(len(rows)) - begins[rows]
    place = np.minimum(np.searchsorted(frames, ids), max(0, len(frames) - 1))
    kept = frames[place] == ids if len(frames) else np.zeros(len(ids), bool)
    rows, place = rows[kept], place[kept]
    split = np.full(len(rows), number)
    parts.append((place, split, rows, table.identities[rows], table.cameras[rows]))
  return tuple(np.concatenate(columns) for columns in zip(*parts))
