"""How often Python looks for objects that only hold each other."""

import gc

THRESHOLDS = (20_000, 10, 10)
"""Python's own first one is 700; 20,000 objects are a few MB."""


def collect_rarely() -> None:
  """Lets Python look for cycles less often.

  Libraries, and networks while they are traced, make a million objects that stay; looking through
  them again and again takes 7 to 9% of a short training's time. What no cycle holds is freed at
  once, as ever, frames and arrays among it.
  """
  gc.set_threshold(*THRESHOLDS)
