"""Where and when somebody was seen: texts, columns, and unknown values."""

import types

import numpy as np
import pytest

from cosam_jax.data.identities import PLAIN
from cosam_jax.errors import InputError
from cosam_jax.evaluation.sightings import (
  COLUMNS,
  NEVER_SEEN,
  Sighting,
  clock,
  column,
  is_known,
  sighting,
)


@pytest.mark.parametrize(
  ("seconds", "text"),
  [
    (0, "0:00:00"),
    (59.99, "0:00:59"),
    (3661, "1:01:01"),
    (360000, "100:00:00"),
    (-0.5, "-0:00:01"),
  ],
)
def test_a_clock_shows_the_second_that_has_begun(seconds, text):
  assert clock(seconds) == text


def test_what_is_known_is_recorded_and_nothing_else():
  seen = Sighting("gate", "/a/b/video.mp4", (62, 210), (6.2, 20.91234), 7, True)
  assert seen.record() == {
    "camera": "gate", "identity": 7, "source": "/a/b/video.mp4", "first_frame": 62,
    "last_frame": 210, "first_second": 6.2, "last_second": 20.912, "time": "0:00:06-0:00:20",
  }  # fmt: skip
  assert (seen.frames_text(), seen.source_name()) == ("62-210", "video.mp4")
  assert Sighting(source="/a/folder/", frames=(3, 3)).source_name() == "folder"
  assert Sighting(frames=(3, 3)).frames_text() == "3"
  assert NEVER_SEEN.record() == {}
  assert NEVER_SEEN.frames_text() + NEVER_SEEN.time_text() + NEVER_SEEN.source_name() == ""


def test_a_row_of_columns():
  known = {
    "camera_names": ["gate", ""], "sources": ["a.mp4", ""], "first_frames": [3, 3],
    "last_frames": [9, -1], "first_times": [0.5, 0.5], "last_times": [1.5, np.nan],
  }  # fmt: skip
  columns = types.SimpleNamespace(
    identities=np.array([4, -1]), cameras=np.array([2, 5]),
    **{name: column(name, np.array(values), 2) for name, values in known.items()},
  )  # fmt: skip
  first, second = (sighting(columns, row, PLAIN) for row in range(2))
  assert first == Sighting("gate", "a.mp4", (3, 9), (0.5, 1.5), 4, True)
  # Half a span is none; a camera without a name has its number.
  assert second == Sighting("5", None, None, None, None, False)


def test_columns_are_checked_and_may_be_missing():
  for name in COLUMNS:
    assert not is_known(column(name, None, 3)).any()
    assert len(column(name, None, 3)) == 3
  assert is_known(column("first_times", np.array([0.0, np.nan]), 2)).tolist() == [True, False]
  assert is_known(column("first_frames", np.array([0, -1]), 2)).tolist() == [True, False]
  assert column("first_frames", np.array([1], np.int8), 1).dtype == np.int64
  for name, values in (("first_frames", [0.5]), ("sources", [1]), ("first_times", [1.0, 2.0])):
    with pytest.raises(InputError, match=rf"^{name} of the embeddings is .*with 1 vectors it must"):
      column(name, np.array(values), 1)
  with pytest.raises(InputError, match="holds infinity"):
    column("last_times", np.array([np.inf]), 1)
