"""All boxes of a file against their pictures: another scale, another way of counting frames."""

import numpy as np
import pytest

from cosam_jax.data.box_frames import placed
from cosam_jax.data.box_sense import fitted
from cosam_jax.data.boxes import Boxes
from cosam_jax.errors import InputError

SIZE = (240, 320)
WALK = np.array([[10 * t + 4 * f + 40, 60, 40, 120] for f in range(12) for t in range(3)], float)


def boxes(corners=WALK, frames=None, **others):
  count = len(corners)
  frames = np.arange(count) // 3 + 1 if frames is None else np.asarray(frames)
  return Boxes.of(frames, np.arange(count) % 3, np.asarray(corners, float), **others)


def changed(change):
  x, y, w, h = WALK.T
  return boxes(np.stack(change(x, y, w, h), axis=1))


def test_good_boxes_stay_as_they_are_without_a_word():
  found = fitted(boxes(), *SIZE, None)
  np.testing.assert_array_equal(found.corners, WALK)
  assert found.told == found.left_out == ()
  # Boxes that fill the picture, or leave it, are not taken for corners.
  assert fitted(boxes(WALK * 0 + [2, 3, 60, 120]), 128, 64, None).told == ()
  some = WALK.copy()
  some[:3, 0] = 310
  assert fitted(boxes(some), *SIZE, None).told == ()


@pytest.mark.parametrize(
  ("change", "words"),
  [
    (lambda x, y, w, h: (x / 320, y / 240, w / 320, h / 240), "36 of 36 boxes are at most one"),
    (lambda x, y, w, h: (3 * x, 3 * y, 3 * w, 3 * h), "36 of 36 boxes reach far out .*432 x 540"),
    (lambda x, y, w, h: (x, y, x + w, y + h), "36 of 36 boxes the fifth number is greater"),
    # Corners so far left and up that no box reaches out.
    (lambda x, y, w, h: (x / 3, y / 9, x / 3 + 20, y / 9 + 60), "36 of 36 boxes the fifth"),
    (lambda x, y, w, h: (x + 9000, y, w, h), "reach far out"),
  ],
)
def test_boxes_that_cannot_be_of_the_picture_are_refused_with_numbers(change, words):
  with pytest.raises(InputError, match=words) as caught:
    fitted(changed(change), *SIZE, None)
  assert "--boxes_" in str(caught.value)


def test_what_may_be_wrong_is_told():
  small = changed(lambda x, y, w, h: (x / 2, y / 2 + 20, w / 2, h / 2))
  (said,) = fitted(small, *SIZE, None).told
  assert "all 36 boxes lie in the upper left part" in said
  # A quarter of the people stands at the lower edge.
  low = WALK.copy()
  low[::4, 1] = 180
  (said,) = fitted(boxes(low), *SIZE, None).told
  assert said.startswith("9 of 36 boxes reach far out")
  assert "if x and y are centres, none does" in said


def test_said_sizes_scale():
  np.testing.assert_allclose(
    fitted(boxes(WALK / [320, 240, 320, 240]), *SIZE, (1, 1)).corners, WALK
  )
  np.testing.assert_allclose(fitted(boxes(WALK * 3), *SIZE, (960, 720)).corners, WALK)
  # Boxes declared to be of this picture's size are not doubted.
  corners = changed(lambda x, y, w, h: (x, y, x + w, y + h))
  found = fitted(corners, *SIZE, (320, 240))
  np.testing.assert_array_equal(found.corners, corners.corners)
  assert found.told == found.left_out == ()


def test_far_too_large_boxes_are_left_out():
  corners = WALK.copy()
  corners[4, 2:] = 100_000
  corners[7] = -1e18, 0, 2e18, 50
  found = fitted(boxes(corners), *SIZE, None)
  assert len(found.frames) == 34
  assert "2 boxes more than 2 times as wide or high" in found.left_out[0]


def test_frames_are_counted_from_0_or_1():
  for first in (0, 1):
    found = placed(boxes(frames=np.arange(36) // 3 + first), "v", 12)
    assert found.frames.tolist() == (np.arange(36) // 3 + 1).tolist()
    assert len(found.told) == 1 - first
  frames = np.arange(36) // 3
  assert placed(boxes(frames=frames), "v", None).frames[0] == 1
  shifted = placed(boxes(frames=frames + 7), "v", 12, first_frame=7)
  assert shifted.frames[0] == 1
  # One stray line of frame 0 does not move the others.
  stray = frames + 1
  stray[0] = 0
  found = placed(boxes(frames=stray), "v", 12)
  assert found.frames[-1] == 12
  assert "1 boxes of frames that v does not have (it has 12 pictures)" in found.left_out


def test_frames_that_do_not_exist_are_told_or_refused_with_both_numbers():
  frames = np.arange(36) // 3 + 1
  frames[-1] = 1_690_000_000_123
  found = placed(boxes(frames=frames), "v", 12)
  assert len(found.frames) == 35
  assert "1 boxes of frames that v does not have (it has 12 pictures)" in found.left_out
  with pytest.raises(InputError, match=r"name frames 1 to 12, but v has 6 pictures.*18 of 36"):
    placed(boxes(), "v", 6)
  with pytest.raises(InputError, match=r"36 of 36 boxes have no picture"):
    placed(boxes(frames=frames + 1_690_000_000_000), "v", 6)


def test_images_names_are_frame_numbers():
  def put(numbers, frames, **options):
    found = placed(boxes(frames=frames), "d", len(numbers), np.asarray(numbers), **options)
    return found.frames.tolist(), found.told, found.left_out

  six = np.arange(36) // 6
  # Images and boxes begin at 7: they match by number, though six frames could match by place.
  place, told, _ = put(np.arange(7, 19), six + 7)
  assert place == (six + 1).tolist()
  assert "numbered 7 to 18, the boxes' frames 7 to 12: a frame is the image" in told[0]
  assert put(np.arange(7, 19), six + 7, first_frame=1)[0] == (six + 7).tolist()
  # Images begin at 0, boxes at 1: by number, the last frame would have no image.
  place, told, _ = put(np.arange(6), six + 1)
  assert place == (six + 1).tolist()
  assert "the first image is taken as frame 1" in told[0]
  # Every tenth frame was kept, and the tracker numbered them anew.
  assert put(np.arange(10, 70, 10), six + 1)[0] == (six + 1).tolist()
  assert put(np.arange(10, 70, 10), 10 * six + 10)[0] == (six + 1).tolist()
  # One image is missing: its boxes are left out, and the others are not moved.
  place, told, left_out = put([1, 2, 4, 5, 6], six + 1)
  assert place == sorted([1, 2, 3, 4, 5] * 6)
  assert "(1 numbers are missing)" in told[0]
  assert left_out == ("6 boxes of 1 frames without an image",)
  with pytest.raises(InputError, match=r"50 to 55, but d has images numbered 100 .*36 of 36"):
    put(np.arange(100, 106), six + 50)
  with pytest.raises(InputError, match=r"\(5 numbers are missing\), the boxes' .*36 of 36 boxes"):
    put(np.arange(100, 112, 2), six + 50)
