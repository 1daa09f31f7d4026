"""Boxes in MOTChallenge's format: lines of trackers and annotators, and the crops."""

import numpy as np
import pytest

from cosam_jax.data.box_files import read_boxes
from cosam_jax.data.boxes import FILL, crop, crops
from cosam_jax.data.videos import Picture
from cosam_jax.errors import InputError


def written(tmp_path, text):
  path = tmp_path / "boxes.txt"
  path.write_text(text)
  return path


def test_trackers_and_annotators_write_differently(tmp_path):
  tracked = "2,7,1,2,3,4,0.9,-1,-1,-1\n1,9,5,6,7,8,1,-1,-1,-1\n\n1,7,0,0,3,4,1,-1,-1,-1\n"
  boxes = read_boxes(written(tmp_path, tracked))
  assert boxes.ids.tolist() == [7, 9]
  assert boxes.frames.tolist() == [1, 1, 2]
  assert boxes.tracks.tolist() == [0, 1, 0]
  assert boxes.corners.tolist() == [[0, 0, 3, 4], [5, 6, 7, 8], [1, 2, 3, 4]]
  assert boxes.lengths.tolist() == [2, 1]
  assert boxes.left_out == ()
  truth = "1,1,0,0,3,4,1,1,0.5\n1,2,0,0,3,4,0,1,1\n1,3,0,0,3,4,1,12,1\n"
  boxes = read_boxes(written(tmp_path, truth))
  assert boxes.ids.tolist() == [1]
  assert [sentence.split()[0] for sentence in boxes.left_out] == ["1", "1"]
  other = "1,6,0,0,3,4,0,0,-1\n"  # Nine columns too, with the tracker's own confidence and class.
  assert read_boxes(written(tmp_path, other)).ids.tolist() == [6]
  assert read_boxes(written(tmp_path, "1 4.0 0.5 0 3 4")).ids.tolist() == [4]


@pytest.mark.parametrize(
  ("text", "words"),
  [
    ("", "holds no box"),
    ("frame,id,x,y,w,h\n", "holds no box"),
    ("1,1,0,0,3", "line 1 of boxes"),
    ("1,1,0,0,3,4\n1,1,0,0,3,nan", "line 2 of boxes"),
    ("-1,1,0,0,3,4", "whole number from 0"),
    ("1,-1,0,0,3,4", "link detections by a tracker"),
    ("1,1,0,0,0,4", "not above 0"),
    ("1,1,0,0,3,4\n1,1,1,0,3,4", "track 1 in frame 1 again, as line 1"),
  ],
)
def test_lines_that_are_no_boxes_are_named(tmp_path, text, words):
  with pytest.raises(InputError, match=words) as caught:
    read_boxes(written(tmp_path, text))
  assert "\n" not in str(caught.value)


def by_pixel(image, box, margin):
  """One pixel at a time."""
  x, y, w, h = box
  columns = range(int(np.floor(x - margin * w)), int(np.ceil(x + w + margin * w)))
  rows = range(int(np.floor(y - margin * h)), int(np.ceil(y + h + margin * h)))
  inside = lambda i, j: 0 <= i < image.shape[0] and 0 <= j < image.shape[1]  # noqa: E731
  return [[image[i, j] if inside(i, j) else FILL for j in columns] for i in rows]


def test_a_crop_has_every_pixel_of_its_box():
  image = np.random.default_rng(0).integers(0, 256, (12, 9, 3), np.uint8)
  for box in ([2, 3, 4, 5], [-3, -2, 6, 30], [7.5, 10.2, 5, 5], [-9, 0, 3, 3], [0.5, 0.5, 1, 1]):
    for margin in (0.0, 0.25):
      np.testing.assert_array_equal(
        crop(image, np.array(box), margin), by_pixel(image, box, margin)
      )


def test_tracks_end_with_their_last_box(tmp_path):
  images = [Picture(np.full((10, 10, 3), i, np.uint8), i, i / 10) for i in range(1, 6)]
  text = "1,5,0,0,2,2\n3,5,1,1,2,2\n3,8,4,4,3,3\n2,6,20,0,3,3\n"
  boxes = read_boxes(written(tmp_path, text)).inside(10, 10)
  assert boxes.ids.tolist() == [5, 8]
  assert "1 boxes outside" in boxes.left_out[0]
  found = list(crops(iter(images), boxes))
  assert [(f.tracklet, int(f.image[0, 0, 0]), f.last) for f in found] == [
    (0, 1, False),
    (0, 3, True),
    (1, 3, True),
  ]
  assert [(f.number, f.seconds) for f in found] == [(1, 0.1), (3, 0.3), (3, 0.3)]
  with pytest.raises(InputError, match="there are 2 frames, but the boxes name frame 3"):
    list(crops(iter(images[:2]), boxes))
  with pytest.raises(InputError, match="of another video"):
    boxes.inside(0, 0)
