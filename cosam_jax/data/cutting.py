"""Long tracklets cut into pieces, which count as tracklets of their own."""

import dataclasses

import numpy as np

from cosam_jax.data.tracklets import TrackletTable


def cut_tracklets(table: TrackletTable, frames: int) -> TrackletTable:
  """Cuts every tracklet into pieces of some frames, for training: the published dense cut.

  As in the published code (AP3D and BiCnet-TKS on LS-VID), a tracklet of n frames has
  max(1, floor(n / frames)) pieces. What is left over belongs to the last piece, so that no piece
  of a cut tracklet is short: it has `frames` frames, the last one up to 2 * frames - 1.

  Args:
    table: n tracklets.
    frames: of a piece, at least 1; 0 cuts nothing.

  Returns:
    The pieces in the order of the tracklets and of time; the same table if nothing is cut. The
    name of a piece ends with the numbers of its frames in the tracklet, from 1.
  """
  if not frames or int(table.lengths.max(initial=0)) < 2 * frames:
    return table
  pieces = np.maximum(1, table.lengths // frames)
  rows = np.repeat(np.arange(len(table)), pieces)
  first = frames * (np.arange(len(rows)) - np.repeat(np.cumsum(pieces) - pieces, pieces))
  left = table.lengths[rows] - first
  lengths = np.where(left < 2 * frames, left, frames)
  names = [
    f"{name}, frames {start + 1} to {start + length}" if cut else name
    for name, start, length, cut in zip(
      table.names[rows].tolist(), first.tolist(), lengths.tolist(), (pieces[rows] > 1).tolist()
    )
  ]
  return dataclasses.replace(
    table.select(rows),
    starts=table.starts[rows] + first,
    lengths=lengths,
    names=np.array(names, np.str_),
  )
