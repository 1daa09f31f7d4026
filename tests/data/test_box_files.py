"""Box files of programs, spreadsheets and people are read right, reported or refused."""

import re

import numpy as np
import pytest

from cosam_jax.data.box_files import BoxReading, read_boxes
from cosam_jax.errors import InputError


def read(tmp_path, text, encoding="utf-8", **reading):
  (tmp_path / "b.txt").write_bytes(text.encode(encoding))
  return read_boxes(tmp_path / "b.txt", BoxReading(**reading))


def lines(end, tracks=(1, 2), frames=range(1, 5), separator=","):
  """One line for each box of 30 x 60; it ends with the columns of `end(frame, track)`."""
  rows = [(f, t, 10 * t + f, 5, 30, 60, *end(f, t)) for f in frames for t in tracks]
  return "".join(separator.join(map(str, row)) + "\n" for row in rows)


RESULTS = lines(lambda f, t: (0.9, -1, -1, -1))
PLAIN = lines(lambda f, t: ())
# name -> (text, the tracks that are people)
FORMATS = {
  "results": (RESULTS, [1, 2]),
  "confidence": (lines(lambda f, t: (0.5,)), [1, 2]),
  "truth": (lines(lambda f, t: (1, t, 0.5)), [1]),
  "truth, whole visibilities": (lines(lambda f, t: (int(t == 1), 1, 1)), [1]),
  "BoxMOT from 0, confidence last": (lines(lambda f, t: (1, t - 1, 0.875)), [1]),
  "BoxMOT from 0, people alone": (lines(lambda f, t: (1, 0, 0.875)), [1, 2]),
  "BoxMOT from 1, confidence last": (lines(lambda f, t: (1, t, 0.875)), [1]),
  "BoxMOT, index last": (lines(lambda f, t: (0.75, t - 1, t)), [1]),
  "BoxMOT, index 0 and 1": (lines(lambda f, t: (0.75, t - 1, t - 1)), [1]),
  "BoxMOT, -1 last": (lines(lambda f, t: (0.75, t, -1)), [1]),
  "8 columns": (lines(lambda f, t: (0.75, t - 1)), [1]),
  "class in ten columns": (lines(lambda f, t: (0.75, t - 1, -1, -1)), [1]),
  "one class throughout": (lines(lambda f, t: (0.75, 5, 7)), [1, 2]),
  "an age, no class": (lines(lambda f, t: (0.75, f, -1)), [1, 2]),
  "old StrongSORT": (lines(lambda f, t: (-1, -1, -1, 0), separator=" "), [1, 2]),
  "world": (lines(lambda f, t: (1, 3.5 * t, 2.5, 0)), [1, 2]),
  "VisDrone": (lines(lambda f, t: (1, 4 if t == 1 else 2, 0, f % 3)), [2]),
  "class last of seven": (lines(lambda f, t: (2 * (t == 2),)), [1]),
  "class last of seven, from 1": (lines(lambda f, t: (5 - 2 * t,)).replace(",5,", ",5.5,"), [2]),
  "class seventh, confidence last": (lines(lambda f, t: (2 * t - 2, 0.75)), [1]),
  "class seventh of ten": (lines(lambda f, t: (2 * t - 2, 0.75, -1, -1)), [1]),
  "class eighth of ten, visibility": (lines(lambda f, t: (0.9, 2 * t - 2, -1, 0.5)), [1]),
  "class eighth of ten, from 0 to 1": (lines(lambda f, t: (0.9, t - 1, -1, 0.5)), [1]),
  "class ninth of nine": (lines(lambda f, t: (0.9, -1, 2 * t - 2)), [1]),
  "class in words": (lines(lambda f, t: ("car" if t == 1 else "Person",)), [2]),
  "words after a confidence": (lines(lambda f, t: (0.9, "car" if t == 1 else "person")), [2]),
  "one word": (lines(lambda f, t: ("walker",)), [1, 2]),
  "no confidence known": (lines(lambda f, t: ("nan", -1, -1, -1)), [1, 2]),
  "whole confidences, of boxes": (lines(lambda f, t: (2 * (f == 1),)), [1, 2]),
}


@pytest.mark.parametrize("name", FORMATS)
def test_the_whole_file_says_what_its_columns_are(tmp_path, name):
  text, people = FORMATS[name]
  boxes = read(tmp_path, text)
  assert boxes.ids.tolist() == people
  dropped = 8 - 4 * len(people)
  assert sum(int(said.split()[0]) for said in boxes.left_out) == dropped
  assert len(boxes.told) == 1
  assert f"{len(people)} tracks" in boxes.told[0]
  assert read(tmp_path, text, format="results").ids.tolist() == [1, 2]


def test_a_class_that_cannot_be_read_is_refused_or_told_with_the_way_out(tmp_path):
  # Only 0 and 1: a class, a mark, or confidences without decimals.
  for separator in (",", " ", "\t"):
    text = lines(lambda f, t: (t - 1,), separator=separator)
    boxes = read(tmp_path, text)
    assert boxes.ids.tolist() == [1, 2]
    assert "the seventh column is 0 in 4 boxes and 1 in 4" in boxes.told[1]
    heading = re.search(r"put the line '(.*?)'", boxes.told[1])[1]
    heading = heading.replace(" ", "\t").replace("#\t", "# ") if separator == "\t" else heading
    assert read(tmp_path, f"{heading}\n{text}").ids.tolist() == [1]
    assert read(tmp_path, text, classes=("1",)).ids.tolist() == [2]
    assert read(tmp_path, text, format="boxmot").ids.tolist() == [1]
  for end, words in (
    (lambda f, t: (("car", "bus")[t - 1],), "column 7 .* words bus, car, the same all along"),
    (lambda f, t: (t, 0.5, t - 1 or 7), "columns 7 and 9 .* could each be the class"),
    (lambda f, t: (2 * t - 2, t - 1, -1), "columns 7 and 8 .* could each be the class"),
    (
      lambda f, t: (t + 1, 0.5),
      "no line of it counts: left out are 4 boxes of class 2, 4 boxes of class 3",
    ),
    (lambda f, t: (2 * t,), "mostly above 1 .* if it is a class, put the line '# frame,id"),
  ):
    with pytest.raises(InputError, match=words) as caught:
      read(tmp_path, lines(end))
    assert "--boxes_format" in str(caught.value)
    assert read(tmp_path, lines(end), format="results").ids.tolist() == [1, 2]
  words = lines(lambda f, t: (0.5, ("car", "bus")[t - 1]))
  heading = "# frame,id,x,y,w,h,confidence,class\n"
  assert read(tmp_path, heading + words, classes=("bus",)).ids.tolist() == [2]
  with pytest.raises(InputError, match="has no classes"):
    read(tmp_path, FORMATS["confidence"][0], classes=("1",))


def test_comments_above_the_lines(tmp_path):
  truth = FORMATS["truth"][0]
  assert read(tmp_path, f"# frame,id,x,y,w,h\n{truth}").ids.tolist() == [1]
  assert read(tmp_path, f"# by us\n% frame,id,x,y,w,h,conf\n\n{RESULTS}").ids.tolist() == [1, 2]
  boxes = read(tmp_path, f"# id,frame,x,y,w,h\n{RESULTS}")
  assert boxes.ids.tolist() == [1, 2, 3, 4]
  assert boxes.frames.tolist() == [1] * 4 + [2] * 4


@pytest.mark.parametrize(
  "row", ["{f},{t},5,5,20,5,40", "{f},{t},5,5,20,5,40,0", "{f},{t},1{f},5,20,5,40,0,80,5"]
)
def test_decimal_commas_between_commas_are_not_taken_for_columns(tmp_path, row):
  text = "".join(row.format(f=f, t=t) + "\n" for f in range(1, 5) for t in (1, 2))
  with pytest.raises(InputError, match=r"mostly above 1 \(such as 40\): decimals seem to be"):
    read(tmp_path, text)
  assert read(tmp_path, text, format="results").ids.tolist() == [1, 2]


def test_kitti_and_named_columns(tmp_path):
  kind = {1: "Pedestrian", 2: "Car"}
  kitti = "".join(
    f"{f} {t} {kind[t]} 0 0 -1.5 {10 * t + f} 5 {10 * t + f + 30} 65 1 1 1 1 1 1 0\n"
    for f in range(4)
    for t in (1, 2)
  )
  wanted = read(tmp_path, PLAIN).corners[::2]
  boxes = read(tmp_path, kitti)
  assert boxes.ids.tolist() == [1]
  np.testing.assert_array_equal(boxes.corners[:, 1:], wanted[:, 1:])
  named = {
    "frame,id,bb_left,bb_top,bb_width,bb_height": "{f},{t},{x},5,30,60",
    '"Track ID";"Frame";"X1";"Y1";"X2";"Y2"': "{t}.0;{f};{x},0;5;{x2},0;65",
    "x_min,y_min,x_max,y_max,class_id,tracker_id,frame_index": "{x},5,{x2},65,0,{t},{f}",
    "frame\ttrack_id\tcx\tcy\tw\th\tlabel": "{f}\t{t}\t{c}\t35\t30\t60\tperson",
    ",frame,id,x,y,w,h": "7,{f},{t},{x},5,30,60",
    "# frame, id, left, top, width, height": "{f}, {t}, {x}, 5, 30, 60",
  }
  for header, row in named.items():
    body = [
      row.format(f=f, t=t, x=10 * t + f, x2=10 * t + f + 30, c=10 * t + f + 15)
      for f in range(1, 5)
      for t in (1, 2)
    ]
    boxes = read(tmp_path, "\n".join([header, *body]))
    assert boxes.ids.tolist() == [1, 2], header
    np.testing.assert_array_equal(boxes.corners, read(tmp_path, PLAIN).corners, header)
    assert boxes.left_out == ()
  with pytest.raises(InputError, match="begins with the names a, b, c, d, e, f: it needs frame"):
    read(tmp_path, "a,b,c,d,e,f\n" + PLAIN)
  with pytest.raises(InputError, match="two columns for the same, 'id' and 'track'"):
    read(tmp_path, "frame,id,track,x,y,w,h\n1,1,1,1,1,1,1\n")


def test_text_is_read_however_it_is_kept(tmp_path):
  wanted = read(tmp_path, PLAIN)
  spaced = PLAIN.replace(",", ", ")
  halves = "\n".join(f"{line},5" for line in PLAIN.replace(",", ";").splitlines())
  for text, encoding in (
    (PLAIN, "utf-8-sig"),
    (PLAIN.replace("\n", "\r\n"), "utf-8"),
    (PLAIN.replace("\n", "\r"), "utf-8"),
    (PLAIN.replace("\n", ",\n"), "utf-8"),
    (PLAIN.replace("\n", "\n\n \n"), "utf-8"),
    ("# by hand\n// also\n%\n" + PLAIN, "utf-8"),
    (spaced, "utf-8"),
    (PLAIN.replace(",", "\t"), "utf-8"),
    (PLAIN.replace(",", " ; "), "utf-8"),
    (PLAIN.replace(",", "   "), "utf-8"),
    (PLAIN.replace(",5,30", ",5e0,3.0e1"), "utf-8"),
  ):
    boxes = read(tmp_path, text, encoding)
    np.testing.assert_array_equal(boxes.corners, wanted.corners, repr(text[:40]))
    assert boxes.left_out == ()
  assert (read(tmp_path, halves).corners[:, 3] == 60.5).all()
  with pytest.raises(InputError, match="UTF-16"):
    read(tmp_path, PLAIN, "utf-16")


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


def test_an_empty_field_moves_nothing(tmp_path):
  text = lines(lambda f, t: (0.9, -1, -1, -1), tracks=(1, 2, 3)).splitlines()
  text[2] = text[2].replace(",3,", ",,", 1)
  boxes = read(tmp_path, "\n".join(text))
  assert boxes.ids.tolist() == [1, 2, 3]
  assert boxes.lengths.tolist() == [4, 4, 3]
  assert boxes.left_out == ("line 3, which has no number of a track",)


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
