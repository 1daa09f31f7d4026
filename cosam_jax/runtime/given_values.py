"""Arguments of the Python API, checked once: what does not fit is one sentence."""

import math
import numbers
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from cosam_jax.errors import InputError
from cosam_jax.runtime.text_numbers import shown


def whole_given(name: str, value: object, least: int = 1, most: int | None = None) -> int:
  """A whole number of Python or numpy, within bounds.

  Raises:
    InputError: it is anything else.
  """
  if isinstance(value, numbers.Integral) and not isinstance(value, bool):
    number = int(value)
    if least <= number and (most is None or number <= most):
      return number
  allowed = f"a whole number of at least {least}" + ("" if most is None else f", at most {most}")
  raise InputError(f"{name} is {shown(value)}: it must be {allowed}")


def number_given(name: str, value: object, fits: Callable[[float], bool], allowed: str) -> float:
  """A number of Python or numpy.

  Args:
    name: of the argument.
    value: as it was given.
    fits: whether a number is legal; it is asked about NaN and infinity too.
    allowed: the legal numbers in words.

  Raises:
    InputError: it is no number, or does not fit.
  """
  if isinstance(value, numbers.Real) and not isinstance(value, bool):
    try:
      number = float(value)
    except OverflowError:  # A whole number of hundreds of digits.
      number = math.nan
    if fits(number):
      return number
  raise InputError(f"{name} is {shown(value)}: it must be {allowed}")


def items_given(name: str, value: object, wanted: str, *, ordered: bool = True) -> list[Any]:
  """The items of a list, an array, a generator, or of anything else that has some.

  Args:
    name: of the argument.
    value: as it was given.
    wanted: what to give, in words.
    ordered: whether their order counts, so that a set or a dict will not do.

  Raises:
    InputError: it has no items, or no order, or hides some; a text's letters are no items.
  """
  refused = (str, bytes, np.ma.MaskedArray, *((set, frozenset, dict) if ordered else ()))
  if isinstance(value, Iterable) and not isinstance(value, refused):
    try:
      items = iter(value)
    except TypeError:  # An array without dimensions.
      pass
    else:
      return list(items)
  raise InputError(f"{name} is {kind_of_value(value)}: give {wanted}")


def array_given(name: str, value: object, dtype: Any = None) -> np.ndarray:
  """An array of what is one, or can become one.

  Raises:
    InputError: it cannot, or it hides some of its numbers.
  """
  if not isinstance(value, np.ma.MaskedArray):
    try:
      return np.asarray(value, dtype)
    except (TypeError, ValueError, OverflowError) as error:
      raise InputError(
        f"{name}: {kind_of_value(value)} is no array, so give numbers in rows of one length"
      ) from error
  raise InputError(f"{name} is {kind_of_value(value)}: give an array without a mask")


def kind_of_value(value: object) -> str:
  """A value in a few words, for messages: itself if it is short, else its type."""
  if isinstance(value, np.ma.MaskedArray):
    return "a masked array"
  if isinstance(value, np.ndarray):
    return f"{value.dtype}{list(value.shape)}"
  if value is None or isinstance(value, bool | int | float | str | bytes):
    return shown(value)
  return f"a {type(value).__name__}"
