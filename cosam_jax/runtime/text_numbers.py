"""Whole numbers that people wrote, and numbers and values of any size in words."""

import re
from typing import Any

_PLAIN = re.compile(r"[0-9]{1,18}")


def whole_number(text: str) -> int | None:
  """Reads a whole number from 0 of at most 18 digits; None if the text is anything else.

  Python itself also takes other scripts' digits and `1_0`, and fails on numbers of many digits.
  """
  return int(text) if _PLAIN.fullmatch(text) else None


def counted(number: int, one: str) -> str:
  """A number of things: 1 and `tracklet` give `1 tracklet`, 2000 give `2,000 tracklets`."""
  return f"{number:,} {one}" if number == 1 else f"{number:,} {one}s"


def span(least: int, most: int) -> str:
  """Two numbers in words: `9 to 12`, or `9` if they are the same."""
  return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def shown(value: Any) -> str:
  """A value as Python writes it, the middle of a long one left out.

  Python does not write numbers of thousands of digits; words stand for these.
  """
  try:
    text = repr(value)
  except ValueError:
    return "a number of thousands of digits"
  return text if len(text) <= 400 else f"{text[:200]} ... {text[-100:]}"
