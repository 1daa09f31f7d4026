"""Whole numbers that people wrote, and values of any size in words."""

import re
from typing import Any

_PLAIN = re.compile(r"[0-9]{1,18}")


def whole_number(text: str) -> int | None:
  """Reads a whole number from 0 of at most 18 digits; None if the text is anything else.

  Python itself also takes other scripts' digits and `1_0`, and fails on numbers of many digits.
  """
  return int(text) if _PLAIN.fullmatch(text) else None


def shown(value: Any) -> str:
  """A value as Python writes it, the middle of a long one left out.

  Python does not write numbers of thousands of digits; words stand for these.
  """
  try:
    text = repr(value)
  except ValueError:
    return "a number of thousands of digits"
  return text if len(text) <= 400 else f"{text[:200]} ... {text[-100:]}"
