"""Leaves out or refuses tracklets whose identity or camera is unknown, with a remark."""

from collections.abc import Mapping

import numpy as np

from cosam_jax.data.gaps import NO_IDENTITY
from cosam_jax.data.identities import JUNK, UNKNOWN_CAMERA
from cosam_jax.data.tracklets import TrackletTable
from cosam_jax.errors import InputError

_SHOWN = 5


def without_unknown(
  tables: Mapping[str, TrackletTable], identities: Mapping[str, int], cameras: Mapping[str, int]
) -> tuple[dict[str, TrackletTable], tuple[str, ...]]:
  """The tracklets that their split can use, and remarks on the others.

  A tracklet without identity is of no use. One without camera can be trained on. In the gallery it
  could be of the query's own camera or of another, so no ranking with it would be right.

  Args:
    tables: by split.
    identities: name -> number, from `numbers_of`.
    cameras: likewise.

  Raises:
    InputError: the identity or camera of a query is unknown.
  """
  tables, said = _without_identity(tables, _spelled(identities, JUNK))
  tables, more = _without_camera(tables, _spelled(cameras, UNKNOWN_CAMERA))
  return tables, (*said, *more)


def _without_identity(
  tables: Mapping[str, TrackletTable], written: str
) -> tuple[dict[str, TrackletTable], tuple[str, ...]]:
  kept, left_out = {}, []
  for split, table in tables.items():
    junk = table.identities == JUNK
    if split == "query" and junk.any():
      raise InputError(
        f"query tracklet {str(table.names[junk][0])!r} is junk, it has no identity ({written}), "
        f"but a query needs one ({int(junk.sum())} such queries; no identity is {NO_IDENTITY}): "
        "move it to the gallery or name its identity"
      )
    kept[split] = table.select(~junk) if junk.any() else table
    if junk.any():
      left_out.append(_count(table, junk, split))
  if not left_out:
    return kept, ()
  what = f"{' and '.join(left_out)} are left out: they have no identity ({written})"
  return kept, (what,)


def _without_camera(
  tables: Mapping[str, TrackletTable], written: str
) -> tuple[dict[str, TrackletTable], tuple[str, ...]]:
  kept, left_out, said = {}, [], []
  for split, table in tables.items():
    unknown = table.cameras == UNKNOWN_CAMERA
    kept[split] = table
    if not unknown.any():
      continue
    if split == "query":
      raise InputError(
        f"query tracklet {str(table.names[unknown][0])!r} has no camera ({written}), but a query "
        f"needs one, since matches of its own camera do not count ({int(unknown.sum())} such "
        f"queries; no camera is {NO_IDENTITY}): name its camera, or move it to the gallery, "
        "where it is left out"
      )
    if split == "train":
      said.append(
        f"{_count(table, unknown, split)} have no camera ({written}): they are trained on, but "
        "left out of validation"
      )
      continue
    kept[split] = table.select(~unknown)
    left_out.append(_count(table, unknown, split))
  if left_out:
    said.insert(0, f"{' and '.join(left_out)} are left out: they have no camera ({written})")
  return kept, tuple(said)


def _count(table: TrackletTable, which: np.ndarray, split: str) -> str:
  frames = int(table.lengths[which].sum(dtype=np.int64))
  return f"{int(which.sum()):,} tracklets of {split} ({frames:,} frames)"


def _spelled(numbers: Mapping[str, int], unknown: int) -> str:
  """The spellings by which a data set marks unknown values, as a clause."""
  spelled = [name for name, number in numbers.items() if number == unknown]
  more = ", ..." if len(spelled) > _SHOWN else ""
  return f"written {', '.join(map(repr, spelled[:_SHOWN]))}{more}"
