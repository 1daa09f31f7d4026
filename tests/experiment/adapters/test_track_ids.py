"""Tracks' numbers of other packages: whole ones are taken, missing ones are None."""

import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.experiment.adapters.track_ids import track_ids


def test_whole_numbers_of_any_type_and_missing_ones():
  found = track_ids([1, 2.0, np.float32(3), np.uint8(4), None, np.nan, -1, -2.5], 8)
  assert found == [1, 2, 3, 4, None, None, None, None]
  assert {type(track) for track in found[:4]} == {int}


@pytest.mark.parametrize(
  ("given", "words"),
  [
    (["a"], "a track's id is 'a': give a whole number"), ([2.7], "a track's id is 2.7: give"),
    ([np.inf], "a track's id is inf"), ([np.True_], "a track's id is a bool"),
    ([[1]], "a track's id is a list"), ([1, 2], "2 tracks' ids, 1 boxes"),
    (None, "the tracks' ids is None: give a whole number for each box"),
  ],
)  # fmt: skip
def test_others_are_refused(given, words):
  with pytest.raises(InputError, match=f"^{words}"):
    track_ids(given, 1)
