"""Lines of numbers, in whatever text a program or person has written them."""

import math

import numpy as np
import pytest
from box_texts import PLAIN, RESULTS, TRUTH, lines, read

from cosam_jax.data.box_lines import BadLines, read_lines
from cosam_jax.errors import InputError


def test_comments_above_the_lines(tmp_path):
  assert read(tmp_path, f"# frame,id,x,y,w,h\n{TRUTH}").ids.tolist() == [1]
  assert read(tmp_path, f"# by us\n% frame,id,x,y,w,h,conf\n\n{RESULTS}").ids.tolist() == [1, 2]
  boxes = read(tmp_path, f"# id,frame,x,y,w,h\n{RESULTS}")
  assert boxes.ids.tolist() == [1, 2, 3, 4]
  assert boxes.frames.tolist() == [1] * 4 + [2] * 4


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


def test_an_empty_field_moves_nothing(tmp_path):
  text = lines(lambda f, t: (0.9, -1, -1, -1), tracks=(1, 2, 3)).splitlines()
  text[2] = text[2].replace(",3,", ",,", 1)
  boxes = read(tmp_path, "\n".join(text))
  assert boxes.ids.tolist() == [1, 2, 3]
  assert boxes.lengths.tolist() == [4, 4, 3]
  assert boxes.left_out == ("line 3, which has no number of a track",)


def lines_of(tmp_path, text):
  (tmp_path / "b.txt").write_text(text)
  return read_lines(tmp_path / "b.txt")


def test_values_words_and_the_numbers_of_the_lines(tmp_path):
  text = "# by us\nFrame,ID,x,y,w,h,Class Name\n"
  text += "1,2,3.5,4,5,6,person\n\n2,2,3,4,5,6,\n3,x,1,2,3,4,car\n"
  found = lines_of(tmp_path, text)
  assert found.names == ("frame", "id", "x", "y", "w", "h", "class_name")
  nan = math.nan
  np.testing.assert_array_equal(
    found.values, [[1, 2, 3.5, 4, 5, 6, nan], [2, 2, 3, 4, 5, 6, nan], [3, nan, 1, 2, 3, 4, nan]]
  )
  assert found.words == {6: {0: "person", 1: "", 2: "car"}, 1: {2: "x"}}
  assert found.numbers.tolist() == [3, 5, 6]
  assert found.bad.total == 0
  empty = lines_of(tmp_path, "")
  assert (empty.values.shape, empty.names, empty.numbers.tolist()) == ((0, 0), None, [])


def test_lines_that_do_not_fit_are_counted_by_their_reason(tmp_path):
  text = PLAIN + "1,2,3\n1,2,3,4,5,6,7\n9,8,7,6,5,4,3\na,b,c,d,e,f\n"
  found = lines_of(tmp_path, text)
  assert found.numbers.tolist() == [*range(1, 9)]
  assert list(found.bad.sentences()) == [
    "2 lines, the first is line 10, which has 7 columns, and the file has 6",
    "line 9, which is '1,2,3': a line is frame,id,x,y,w,h",
    "line 12, which is 'a,b,c,d,e,f': a line is frame,id,x,y,w,h",
  ]
  bad = BadLines()
  for reason, numbers in (("odd", [7]), ("long", [5, 9]), ("none", []), ("long", [2])):
    bad.add(f"is {reason}", np.array(numbers, int))
  assert bad.total == 4
  assert list(bad.sentences()) == [
    "3 lines, the first is line 5, which is long", "line 7, which is odd"
  ]  # fmt: skip


@pytest.mark.parametrize(
  ("separator", "heading"),
  [
    (",", "put the line '# frame,id,class' above the others"),
    (";", "put the line '# frame;id;class' above the others"),
    ("\t", "put the line '# frame id class' (with tabs between) above the others"),
    (None, "put the line '# frame id class' above the others"),
  ],
)
def test_the_separator_is_the_one_that_gives_most_numbers(tmp_path, separator, heading):
  between = separator or "  "
  # Words that hold the other separators, and a first line that says nothing.
  text = "by; us, with\ttabs\n" + lines(lambda f, t: ("a;b" if separator != ";" else "a,b",),
                                        separator=between)  # fmt: skip
  found = lines_of(tmp_path, text)
  assert found.separator == separator
  assert found.values.shape == (8, 7)
  assert found.heading("frame", "id", "class") == heading


NUMBERS = {
  "1": 1.0, " 2 ": 2.0, "1e3": 1000.0, "-0.5": -0.5, "+7": 7.0, "0,5": 0.5, "-,25": -0.25,
  ".5": 0.5, "'5'": 5.0, '"4"': 4.0, "inf": math.inf, "nan": math.nan, "1_0": math.nan,
  "\u0663": math.nan, "0x3": math.nan, "1,2,3": math.nan, "": math.nan, "five": math.nan,
  "1.5.2": math.nan,
}  # fmt: skip


def test_texts_that_are_numbers_and_texts_that_are_none(tmp_path):
  rows = "".join(f"1;2;3;4;5;6;{text};0\n" for text in NUMBERS)
  found = lines_of(tmp_path, rows)
  np.testing.assert_array_equal(found.values[:, 6], list(NUMBERS.values()))
  none = [(row, text) for row, (text, value) in enumerate(NUMBERS.items()) if math.isnan(value)]
  assert found.words == {6: dict(none)}


@pytest.mark.parametrize(
  ("comment", "names"),
  [
    ("# id,frame,x,y,w,h", ("id", "frame", "x", "y", "w", "h", "", "", "", "")),
    ("# frame,id,x,y,w,h", None),
    ("% frame,id,x,y,width,height,conf", None),
    ("# frame,id,x,y,w,h,class", ("frame", "id", "x", "y", "w", "h", "class", "", "", "")),
    ("# a,b,c", None),
    ("Frame No.,Track-ID,x,y,w,h,a,b,c,d", ("frame_no_", "track_id", *"xywhabcd")),
  ],
)
def test_a_line_of_names_with_and_without_a_mark(tmp_path, comment, names):
  found = lines_of(tmp_path, f"{comment}\n{RESULTS}")
  assert found.names == names
  assert found.values.shape == (8, 10)
  assert found.numbers.tolist() == [*range(2, 10)]
