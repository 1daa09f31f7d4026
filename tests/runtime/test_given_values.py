"""Arguments of the Python API are checked in one place."""

import math
from fractions import Fraction

import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.runtime.given_values import (
  array_given,
  items_given,
  kind_of_value,
  number_given,
  whole_given,
)


def test_whole_numbers_of_python_and_numpy():
  for value in (3, np.int64(3), np.uint8(3)):
    found = whole_given("n", value, 1, 3)
    assert found == 3
    assert type(found) is int
  for value in (4, 0, 3.0, "3", None, True, np.float32(3), 10**5000):
    with pytest.raises(
      InputError, match=r"^n is .*: it must be a whole number of at least 1, at mo"
    ):
      whole_given("n", value, 1, 3)


def test_numbers_fit_and_are_finite_if_asked():
  for value in (0, 0.5, np.float32(0.5), np.int8(1), Fraction(1, 2)):
    assert number_given("n", value, lambda x: 0 <= x < math.inf, "0 or more") == float(value)
  for value in (-1, "1", None, False, math.nan, math.inf, np.float32(np.nan), 10**400, -(10**400)):
    with pytest.raises(InputError, match=r"^n is .*: it must be 0 or more$"):
      number_given("n", value, lambda x: 0 <= x < math.inf, "0 or more")


def test_items_of_everything_that_has_an_order():
  for value in ([1, 2], (1, 2), np.array([1, 2]), iter([1, 2]), {1: 0, 2: 0}.keys(), range(1, 3)):
    assert items_given("x", value, "a list") == [1, 2]
  assert items_given("x", {2}, "a list", ordered=False) == [2]
  for value, kind in (
    (None, "None"), (5, "5"), ("12", "'12'"), (b"1", "b'1'"), ({1, 2}, "a set"), ({}, "a dict"),
    (frozenset(), "a frozenset"), (np.array(5), r"int64\[\]"), (np.ma.ones(2), "a masked array"),
  ):  # fmt: skip
    with pytest.raises(InputError, match=f"^x is {kind}: give a list$"):
      items_given("x", value, "a list")


def test_arrays_have_rows_of_one_length_and_no_mask():
  assert array_given("x", [[1, 2]], np.float64).shape == (1, 2)
  for value, words in (
    ("abc", "x: 'abc' is no array"), ([[1], [1, 2]], "x: a list is no array"),
    ([10**400], "x: a list is no array"), (np.ma.ones(2), "x is a masked array: give an array"),
  ):  # fmt: skip
    with pytest.raises(InputError, match=f"^{words}"):
      array_given("x", value, np.float64)


def test_values_in_a_few_words():
  values = (None, 2.5, "a", np.zeros((2, 3)), [1], object())
  wanted = ["None", "2.5", "'a'", "float64[2, 3]", "a list", "a object"]
  assert [kind_of_value(value) for value in values] == wanted
