"""Identities with one tracklet: kept, left out by a loop, or refused by name."""

import numpy as np
import pytest

from cosam_jax.data.single_tracklets import without_single_tracklets
from cosam_jax.data.tracklets import TrackletTable
from cosam_jax.errors import InputError


def table_of(identities):
  count = len(identities)
  return TrackletTable(
    frames=range(count),
    starts=np.arange(count),
    lengths=np.ones(count, np.int64),
    identities=np.array(identities),
    cameras=np.zeros(count, np.int64),
    names=[f"t{i}" for i in range(count)],
  )


def test_policies():
  identities = [4, 9, 4, 2, 7, 7, 2, 2, 1]
  table = table_of(identities)
  assert without_single_tracklets(table, "repeat") is table
  dropped = without_single_tracklets(table, "drop")
  kept = [f"t{i}" for i, one in enumerate(identities) if identities.count(one) > 1]
  assert dropped.names.tolist() == kept
  with pytest.raises(InputError, match=r"^2 of 5 training identities .* only \(1, 9\): add track"):
    without_single_tracklets(table, "error")
  whole = table_of([1, 1, 2, 2])
  assert all(without_single_tracklets(whole, one) is whole for one in ("repeat", "drop", "error"))


def test_nobody_left_is_refused():
  with pytest.raises(InputError, match=r"all 6 training.*\(0, 1, 2, 3, 4, ...\), so none is left"):
    without_single_tracklets(table_of(range(6)), "drop")
