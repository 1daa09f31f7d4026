"""Whole numbers as people write them, and texts that Python alone would take for some."""

import pytest

from cosam_jax.runtime.text_numbers import whole_number


@pytest.mark.parametrize(
  ("text", "number"),
  [("0", 0), ("007", 7), ("9" * 18, 10**18 - 1)]
  + [(text, None) for text in ("", " 1", "1\n", "-1", "+1", "1_0", "1.0", "٣", "²", "9" * 19)],
)
def test_digits_alone_are_a_number(text, number):
  assert whole_number(text) == number
