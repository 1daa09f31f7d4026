"""Held-out identities: every query keeps a match from another camera, the test set is untouched."""

import pathlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosam_jax.data import load_dataset
from cosam_jax.data.holdout import choose_queries, hold_out_identities, seen_by_several_cameras
from cosam_jax.data.listing import ListedTracklet, table_of
from cosam_jax.data.tracklets import Tables
from cosam_jax.errors import InputError


def table(pairs):
  """One tracklet of one frame for each (identity, camera)."""
  return table_of(
    pathlib.Path("/d"),
    [ListedTracklet("f", [f"{i}.jpg"], who, cam, f"t{i}") for i, (who, cam) in enumerate(pairs)],
  )


PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 4)), max_size=25)


@given(PAIRS, st.integers(0, 3))
def test_queries_have_matches_and_cover_identities_and_cameras(pairs, seed):
  chosen = choose_queries(table(pairs), seed)
  for who in range(5):
    cameras = {camera for w, camera in pairs if w == who}
    queries = [c for (w, c), q in zip(pairs, chosen) if w == who and q]
    gallery = [c for (w, c), q in zip(pairs, chosen) if w == who and not q]
    assert len(queries) == len(set(queries)), "one query for each identity and camera"
    assert all(set(gallery) - {camera} for camera in queries), "a match from another camera"
    if len(cameras) < 2:
      assert not queries
    else:
      # At most one camera goes without a query, and only if the gallery needs its tracklet.
      left_out = cameras - set(queries)
      assert len(left_out) <= 1
      assert all(sum(p == (who, camera) for p in pairs) == 1 for camera in left_out)


@given(PAIRS)
def test_identities_of_several_cameras_by_a_loop(pairs):
  expected = [w for w in range(5) if len({c for who, c in pairs if who == w}) >= 2]
  assert seen_by_several_cameras(table(pairs)).tolist() == expected


def tables(pairs):
  train = table(pairs)
  other = table([(90, 1), (90, 2)])
  return Tables("mine", train, other.select([0]), other.select([1]))


THREE = [(1, 1), (1, 2), (1, 2), (2, 1), (2, 3), (3, 1), (3, 2), (4, 1), (4, 1)]


def test_held_out_people_leave_training_altogether():
  before = tables(THREE)
  after = hold_out_identities(before, 2, seed=5)
  held = set(after.query.identities.tolist())
  assert len(held) == 2
  assert held <= {1, 2, 3}, "identity 4 has one camera"
  assert set(after.train.identities.tolist()) == {1, 2, 3, 4} - held
  names = [*after.train.names, *after.query.names, *after.gallery.names]
  assert sorted(names) == sorted(before.train.names), "no tracklet is lost or used twice"
  assert set(after.gallery.identities.tolist()) == held
  assert hold_out_identities(before, 2, seed=5).query.names.tolist() == after.query.names.tolist()
  drawn = {tuple(hold_out_identities(before, 1, seed=s).query.identities) for s in range(12)}
  assert len(drawn) > 1


@pytest.mark.parametrize(
  ("pairs", "number", "message"),
  [
    (THREE, 4, r"validation_identities is 4, but of 4 training identities of mine only 3 are seen "
     r"by two cameras and one must remain to train on; choose at most 3"),
    (THREE[:7], 3, r"validation_identities is 3.*choose at most 2"),
    (THREE, 0, r"validation_identities is 0, but holding out needs at least 1"),
    (THREE[7:], 1, r"only 0 are seen by two cameras"),
  ],
)  # fmt: skip
def test_not_enough_people(pairs, number, message):
  with pytest.raises(InputError, match=message):
    hold_out_identities(tables(pairs), number)


def test_holding_out_on_the_official_index(shared):
  before = load_dataset("mars", shared / "data" / "mars_info", check_files=False)
  after = hold_out_identities(before, 100)
  assert after.query.num_identities == 100
  assert after.train.num_identities == 525
  assert not np.intersect1d(after.train.identities, after.query.identities).size
  total = len(after.train) + len(after.query) + len(after.gallery)
  assert total == len(before.train)
  assert len(after.gallery_with_queries()) == len(after.query) + len(after.gallery)
