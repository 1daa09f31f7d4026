"""Whole numbers as people write them, and texts that Python alone would take for some."""

import pytest

from cosam_jax.runtime.text_numbers import counted, shown, span, whole_number


@pytest.mark.parametrize(
  ("text", "number"),
  [("0", 0), ("007", 7), ("9" * 18, 10**18 - 1)]
  + [(text, None) for text in ("", " 1", "1\n", "-1", "+1", "1_0", "1.0", "٣", "²", "9" * 19)],
)
def test_digits_alone_are_a_number(text, number):
  assert whole_number(text) == number


def test_values_of_any_size_have_words():
  assert shown(7) == "7"
  assert shown("a") == "'a'"
  assert shown(10**5000) == shown((10**5000, 1)) == "a number of thousands of digits"
  long = shown("a" * 5000)
  assert long.startswith("'aaa")
  assert long.endswith("aaa'")
  assert len(long) < 400


def test_one_thing_is_not_several():
  assert [counted(n, "frame") for n in (0, 1, 2000)] == ["0 frames", "1 frame", "2,000 frames"]
  assert (span(9, 9), span(9, 1200)) == ("9", "9 to 1,200")
