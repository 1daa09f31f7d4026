"""The column of classes: found, asked for, or refused with the line of names that helps."""

import re

import numpy as np
import pytest
from box_texts import lines, read

from cosam_jax.data import box_classes
from cosam_jax.data.box_lines import read_lines
from cosam_jax.errors import InputError


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
    read(tmp_path, lines(lambda f, t: (0.5,)), classes=("1",))


def lines_of(tmp_path, *ends, tracks=None):
  """Lines of a file, one for each of `ends`, the texts behind the six numbers."""
  tracks = range(len(ends)) if tracks is None else tracks
  rows = [f"{i},{track},5,5,30,60{end}" for i, (track, end) in enumerate(zip(tracks, ends))]
  (tmp_path / "b.txt").write_text("\n".join(rows) + "\n")
  return read_lines(tmp_path / "b.txt")


def test_classes_are_texts(tmp_path):
  found = lines_of(tmp_path, ",2,0", ",2.5,0", ",person,0", ",,0", ",2,0")
  labels = box_classes.labels_of(found, 6)
  assert labels.tolist() == ["2", "2.5", "person", "nan", "2"]


@pytest.mark.parametrize(
  ("classes", "people"),
  [
    (["car", "Person", "bus"], ("Person",)),
    (["pedestrian", "person_sitting", "rider"], ("pedestrian", "person_sitting")),
    (["car"], ("car",)),
    (["3", "3"], ("3",)),
    (["0", "2"], ("0",)),
    (["1", "0", "2"], ("0",)),
    (["1", "2"], ("1",)),
    (["2", "3"], ("1",)),
  ],
)
def test_people_are_known_by_their_name_or_their_number(tmp_path, classes, people):
  found = lines_of(tmp_path, *[f",{name},0" for name in classes])
  assert box_classes.people_of(found, 6) == people


def are_classes_slowly(tracks, labels):
  by_track = {}
  for track, label in zip(tracks, labels):
    by_track.setdefault(track, set()).add(label)
    if label < 0 or label != int(label):
      return False
  constant = sum(len(found) == 1 for found in by_track.values())
  return len(set(labels)) <= 100 and 2 * constant >= len(by_track)


def test_numbers_are_classes_if_most_tracks_keep_theirs():
  draw, answers = np.random.default_rng(0), []
  for _ in range(300):
    tracks = draw.integers(0, 6, 12)
    labels = np.where(draw.random(12) < 0.3, draw.integers(0, 3, 12), tracks % 3).astype(float)
    labels[0] = draw.choice([labels[0], labels[0], labels[0], -1, 0.5])
    wanted = are_classes_slowly(tracks.tolist(), labels.tolist())
    assert box_classes.are_classes(tracks, labels) == wanted
    answers.append(wanted)
  assert 50 < sum(answers) < 250
  for count, wanted in ((100, True), (101, False)):
    assert box_classes.are_classes(np.arange(count), np.arange(count)) == wanted


@pytest.mark.parametrize(
  ("ends", "column"),
  [
    (["", ""], None),
    ([",1", ",2"], 6),
    ([",1", ",x"], 6),
    ([",1", ",2.5"], None),
    ([",0.5,3", ",0.5,4"], 7),
    ([",0.5,3,-1,-1", ",0.5,4,-1,-1"], 7),
  ],
)
def test_the_column_that_is_meant_if_classes_are_asked_for(tmp_path, ends, column):
  assert box_classes.asked_column(lines_of(tmp_path, *ends)) == column


def test_the_line_of_names_that_makes_a_column_the_class(tmp_path):
  found = lines_of(tmp_path, ",1,2,3", ",1,2,3")
  for column, names in (
    (6, "class"), (7, "confidence,class"), (9, "confidence,other,other,class")
  ):  # fmt: skip
    wanted = f"put the line '# frame,id,x,y,w,h,{names}' above the others"
    assert box_classes.naming(found, column) == wanted


def test_ones_and_zeros_that_may_be_a_class_are_counted(tmp_path):
  marks = lines_of(tmp_path, ",1", ",1", ",0", ",0", ",1", tracks=[1, 1, 2, 2, 1])
  (said,) = box_classes.flags_sentence(marks)
  assert said.startswith("the seventh column is 0 in 2 boxes and 1 in 3, the same all along the")
  for ends, tracks in (
    ([",1", ",1", ",1"], [1, 1, 1]),  # One value.
    ([",1", ",2", ",1"], [1, 2, 1]),  # Another one.
    ([",1", ",0", ",1"], [1, 2, 3]),  # Tracks of one box show nothing.
    ([",1", ",0", ",1", ",0"], [1, 1, 2, 2]),  # It changes along the tracks.
    (["", "", ""], [1, 1, 1]),
  ):
    assert box_classes.flags_sentence(lines_of(tmp_path, *ends, tracks=tracks)) == ()
