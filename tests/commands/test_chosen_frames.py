"""The flags about frames, as numbers."""

import pytest

from cosam_jax.commands.chosen_frames import box_reading, taking
from cosam_jax.data.taken_frames import Taking
from cosam_jax.errors import InputError

BOXES = dict.fromkeys(
  ("boxes_format", "boxes_classes", "boxes_coordinates", "boxes_picture", "boxes_first_frame")
)


@pytest.mark.parametrize(
  ("stride", "most", "taken"), [(None, None, Taking(1, None)), (5, 8, Taking(5, 8))]
)
def test_frames_that_are_taken(stride, most, taken):
  assert taking({"frame_stride": stride, "most_frames": most}) == taken


@pytest.mark.parametrize("text", ["1920x1080", " 1920X1080 ", "1920*1080"])
def test_a_pictures_size(text):
  assert box_reading(BOXES | {"boxes_picture": text}).picture == (1920.0, 1080.0)
  assert box_reading(BOXES).picture is None


@pytest.mark.parametrize("text", ["", "1920", "1920x", "19.5x10", "-1x2", "1920x1080x3", "١x٢"])
def test_other_texts_are_no_size(text):
  with pytest.raises(InputError, match=r"^--boxes_picture is .*: it must be a width and a height"):
    box_reading(BOXES | {"boxes_picture": text})
