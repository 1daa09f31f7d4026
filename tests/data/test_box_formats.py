"""The whole file says which format it has, and what its columns mean."""

import numpy as np
import pytest
from box_texts import PLAIN, RESULTS, TRUTH, lines, read

from cosam_jax.data.box_classes import PEOPLE
from cosam_jax.data.box_formats import Layout, layout_of
from cosam_jax.data.box_lines import read_lines
from cosam_jax.errors import InputError

# name -> (text, the tracks that are people)
FORMATS = {
  "results": (RESULTS, [1, 2]),
  "confidence": (lines(lambda f, t: (0.5,)), [1, 2]),
  "truth": (TRUTH, [1]),
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


NAMED = "id;frame;cx;cy;w;h;cls\n1;1;20;35;30;60;car\n2;1;40;35;30;60;person\n"
KITTI = "".join(
  f"{f} 1 {kind} 0 0 -1.5 11 5 41 65 1 1 1 1 1 1 0\n" for f, kind in enumerate(["Car", "Van"])
)
LAYOUTS = {
  "results": (RESULTS, Layout("results", "a tracker's results of 10 columns")),
  "six columns": (PLAIN, Layout("results", "a tracker's results of 6 columns")),
  "truth": (
    TRUTH,
    Layout("ground_truth", "MOTChallenge's ground truth of 9 columns", considered=6, label=7,
           people=("1",)),
  ),
  "VisDrone": (
    lines(lambda f, t: (1, 4 if t == 1 else 2, 0, f % 3)),
    Layout("visdrone", "VisDrone's 10 columns", considered=6, label=7, people=("1", "2")),
  ),
  "BoxMOT": (
    lines(lambda f, t: (0.75, t - 1, -1)),
    Layout("boxmot", "9 columns with a class, as BoxMOT's", label=7, people=("0",)),
  ),
  "a class elsewhere": (
    lines(lambda f, t: (2 * t - 2, 0.75)),
    Layout("boxmot", "8 columns with a class, in column 7", label=6, people=("0",)),
  ),
  "KITTI": (
    KITTI,
    Layout("kitti", "KITTI's 17 columns", place=(6, 7, 8, 9), coordinates="corners", label=2,
           people=PEOPLE),
  ),
  "named": (
    NAMED,
    Layout("named", "columns by their names (cx, cy, w, h)", frame=1, track=0, place=(2, 3, 4, 5),
           coordinates="centres", label=6, people=("person",)),
  ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_columns_of_each_format(tmp_path, name):
  text, layout = LAYOUTS[name]
  (tmp_path / "b.txt").write_text(text)
  assert layout_of(read_lines(tmp_path / "b.txt")) == layout
