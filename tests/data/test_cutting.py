"""Pieces of long tracklets, against a slow loop."""

import numpy as np
import pytest

from cosam_jax.data.cutting import cut_tracklets
from cosam_jax.data.tracklets import TrackletTable


class Numbers:
  """A store whose frames are never read."""

  def __len__(self):
    return 100_000


def make_table(lengths):
  """Tracklets with unused frames between them."""
  lengths = np.asarray(lengths)
  return TrackletTable(
    frames=Numbers(),
    starts=np.cumsum(lengths + 5) - lengths,
    lengths=lengths,
    identities=np.arange(len(lengths)) // 3 * 2,
    cameras=np.arange(len(lengths)) % 4,
    names=[f"t{i}" for i in range(len(lengths))],
  )


def pieces_of(frames, size):
  """The published loop: whole pieces, of which the last takes what is left."""
  count = len(frames) // size
  if count == 0:
    return [frames]
  pieces = [frames[i * size : (i + 1) * size] for i in range(count)]
  pieces[-1] = frames[(count - 1) * size :]
  return pieces


@pytest.mark.parametrize("size", [1, 2, 7, 48, 64, 200])
def test_pieces_are_the_published_loops_for_all_lengths(size):
  table = make_table(np.random.default_rng(0).permutation(np.arange(1, 101)))
  found = cut_tracklets(table, size)
  at = 0
  for row in range(len(table)):
    frames = table.frame_ids(row).tolist()
    pieces = pieces_of(frames, size)
    for piece in pieces:
      assert found.frame_ids(at).tolist() == piece
      assert found.identities[at] == table.identities[row]
      assert found.cameras[at] == table.cameras[row]
      first, last = frames.index(piece[0]) + 1, frames.index(piece[-1]) + 1
      name = str(table.names[row])
      assert found.names[at] == (name if len(pieces) == 1 else f"{name}, frames {first} to {last}")
      at += 1
  assert at == len(found)
  assert found.total_frames == table.total_frames
  np.testing.assert_array_equal(np.unique(found.labels()), np.unique(table.labels()))


def test_nothing_is_cut_without_need():
  table = make_table([3, 95, 40])
  assert cut_tracklets(table, 0) is table
  assert cut_tracklets(table, 48) is table  # 95 frames are one piece of 48 and what is left.
  assert len(cut_tracklets(make_table([96]), 48)) == 2
