"""Bad lines of a file of boxes, and boxes that do not count, are left out and reported."""

import numpy as np
import pytest
from box_texts import PLAIN, lines, read

from cosam_jax.errors import InputError

BAD = {
  "1,,5,5,30,60": "no number of a track",
  "1,nan,5,5,30,60": "no number of a track",
  "1,1_0,5,5,30,60": "no number of a track",
  "1,\u0663,5,5,30,60": "no number of a track",
  "1,0x3,5,5,30,60": "no number of a track",
  "1,3.5,5,5,30,60": "whole number",
  "1,-1,5,5,30,60": "detection of no track",
  "1,inf,5,5,30,60": "no number of a track",
  "1,1e30,5,5,30,60": "whole number",
  ",3,5,5,30,60": "frame that is not a whole number",
  "1.5,3,5,5,30,60": "frame that is not a whole number",
  "-4,3,5,5,30,60": "frame that is not a whole number",
  "1,3,,5,30,60": "place that is not a number",
  "1,3,5,5,inf,60": "place that is not a number",
  "1,3,5,5,0,60": "not above 0",
  "1,3,5,5,30,-2": "not above 0",
  "1,3,5,5,30,": "a line is frame",
  "1,3,5,5,30": "a line is frame",
  "1,3,5,5,30,60,0.7": "has 7 columns, and the file has 6",
  "frame,id,x,y,w,h": "a line is frame",
  "1,1,5,5,30,60": "track 1 in frame 1 again, as line 1",
}


@pytest.mark.parametrize("line", BAD)
def test_one_bad_line_is_left_out_and_told_with_its_number(tmp_path, line):
  boxes = read(tmp_path, PLAIN + line + "\n")
  (said,) = boxes.left_out
  assert "line 9, which" in said
  assert BAD[line] in said
  assert boxes.ids.tolist() == [1, 2]
  np.testing.assert_array_equal(boxes.corners, read(tmp_path, PLAIN).corners)
  with pytest.raises(InputError, match=r"of 1[0-9] lines cannot be used, and if half"):
    read(tmp_path, PLAIN + f"{line}\n" * 9)


def test_what_does_not_count_is_told_and_can_be_asked_for(tmp_path):
  others = lines(lambda f, t: (1, t + 1, 1.0))
  with pytest.raises(InputError, match="4 boxes of class 2, 4 boxes of class 3; name the classes"):
    read(tmp_path, others)
  assert read(tmp_path, others, classes=("3",)).ids.tolist() == [2]
  assert read(tmp_path, others, classes=("all",)).ids.tolist() == [1, 2]
  ignored = lines(lambda f, t: (0, 1, 1.0))
  with pytest.raises(InputError, match="8 boxes of confidence 0"):
    read(tmp_path, ignored)
  with pytest.raises(InputError, match="has no classes"):
    read(tmp_path, PLAIN, classes=("1",))
  # Only a person can say what these columns are.
  either = lines(lambda f, t: (t - 1, t - 1, 0.5))
  with pytest.raises(InputError, match=r"4 of 8 lines do not count.*--boxes_format"):
    read(tmp_path, either)
  assert read(tmp_path, either, format="boxmot").ids.tolist() == [1]
  with pytest.raises(InputError, match="14 columns without names"):
    read(tmp_path, lines(lambda f, t: (0,) * 8))
  with pytest.raises(InputError, match="needs 9 columns"):
    read(tmp_path, PLAIN, format="ground_truth")
  with pytest.raises(InputError, match="did you mean 'results'"):
    read(tmp_path, PLAIN, format="result")
  with pytest.raises(InputError, match="link detections by a tracker"):
    read(tmp_path, lines(lambda f, t: (1, -1, -1, -1), tracks=(-1,)))
