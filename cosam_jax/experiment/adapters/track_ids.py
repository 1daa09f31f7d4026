"""The track's numbers of a picture's boxes as trackers' packages give them."""

import math
import numbers
from typing import Any

import numpy as np

from cosam_jax.errors import InputError
from cosam_jax.runtime.given_values import items_given, kind_of_value


def track_ids(given: Any, boxes: int) -> list[int | None]:
  """Each box's track; None for a box without one, whose number is None, NaN or below 0.

  Args:
    given: the numbers; whole ones may be of any type, such as the float 7.0.
    boxes: number of boxes.

  Raises:
    InputError: a number is not whole, or is none, or there are not as many as boxes.
  """
  ids = items_given("the tracks' ids", given, "a whole number for each box")
  if len(ids) != boxes:
    raise InputError(f"{len(ids)} tracks' ids, {boxes} boxes: give one for each box")
  return [_track(value) for value in ids]


def _track(value: Any) -> int | None:
  if value is None:
    return None
  if isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_):
    number = float(value)
    if math.isnan(number) or number < 0:
      return None
    if number.is_integer():
      return int(value)  # type: ignore[call-overload]  # A large one exactly.
  raise InputError(
    f"a track's id is {kind_of_value(value)}: give a whole number, and None or -1 to a box without "
    "a track"
  )
