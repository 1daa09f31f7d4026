"""Whole numbers that people wrote."""

import re

_PLAIN = re.compile(r"[0-9]{1,18}")


def whole_number(text: str) -> int | None:
  """The number from 0 that a text is, of at most 18 digits; None if it is anything else.

  Python itself also takes other scripts' digits and `1_0`, and fails on numbers of many digits.
  """
  return int(text) if _PLAIN.fullmatch(text) else None
