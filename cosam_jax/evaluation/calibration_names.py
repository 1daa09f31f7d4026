"""Names that calibrations and the command line share; loads nothing slow."""

import math

OTHER_CAMERAS, ALL_PAIRS = "other_cameras", "all"
COMPARED = (OTHER_CAMERAS, ALL_PAIRS)
"""Which tracklets are compared: those of different cameras, or all."""
TEST_PEOPLE, HELD_OUT_PEOPLE, TRAINING_PEOPLE = "test", "held_out", "training"
PARTS_OF_PEOPLE = (TEST_PEOPLE, HELD_OUT_PEOPLE, TRAINING_PEOPLE)
"""Parts of a data set's people: the test set, training people held out for validation, the others
that are trained on."""


IN_WORDS = "of rates above 0 and below 1, such as 0.01 for 1%"
"""What `is_rate` takes, for messages about lists."""


def is_rate(text: str) -> bool:
  """Whether a text is a number above 0 and below 1."""
  try:
    value = float(text)
  except ValueError:
    return False
  return math.isfinite(value) and 0 < value < 1
