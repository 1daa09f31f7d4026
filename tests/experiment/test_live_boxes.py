"""Boxes of one picture: those outside are left out, and each track has one."""

import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.experiment.live_boxes import picture_boxes

PICTURE = np.zeros((20, 30, 3), np.uint8)


def test_boxes_outside_are_left_out_with_their_tracks():
  corners = [[0, 0, 5, 9], [-5, 0, 0, 9], [29.5, 0, 40, 9], [30, 0, 40, 9], [4, 20, 9, 30]]
  found = picture_boxes(PICTURE, iter("abcde"), corners, sized=False)
  assert found.tracks == ["a", "c"]
  np.testing.assert_array_equal(found.sizes, [[0, 0, 5, 9], [29.5, 0, 10.5, 9]])
  sized = picture_boxes(PICTURE, ["x"], [[1, 2, 3, 4]], sized=True)
  np.testing.assert_array_equal(sized.sizes, [[1, 2, 3, 4]])
  assert picture_boxes(PICTURE, [], [], sized=True).tracks == []


@pytest.mark.parametrize("second", [[9, 0, 12, 9], [-9, 0, -5, 9]])
def test_a_track_with_two_boxes_is_refused_wherever_they_are(second):
  with pytest.raises(
    InputError, match=r"^track 'a' has two boxes in one picture, .*: a track is one"
  ):
    picture_boxes(PICTURE, ["a", "b", "a"], [[0, 0, 5, 9], [1, 1, 2, 2], second], sized=False)
