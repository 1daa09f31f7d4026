"""Invented people: drawn within the documented ranges, and told apart by what one would name."""

import collections
import dataclasses

import numpy as np
import pytest

from cosam_jax.data.drawn import looks as drawn
from cosam_jax.data.drawn.looks import PALETTE, difference, distinct_looks, random_look


def test_people_differ_in_what_one_would_name():
  looks = distinct_looks(40, np.random.default_rng(0))
  pairs = [difference(a, b) for k, a in enumerate(looks) for b in looks[:k]]
  assert min(pairs) >= 3
  assert len({look.upper for look in looks}) < len(looks) / 2  # Colours are shared.


def crowd(count, seed=0):
  rng = np.random.default_rng(seed)
  return [random_look(rng) for _ in range(count)]


RANGES = {
  "stature": (0.9, 1.05), "shoulders": (0.85, 1.2), "girth": (0.8, 1.35), "legs": (0.94, 1.05)
}  # fmt: skip
# field -> the share of people with each value.
SHARES = {
  "pattern": dict(zip(drawn.PATTERNS, np.array([4, 2, 1, 1, 2, 2, 1]) / 13)),
  "lower_kind": {"trousers": 0.5, "shorts": 0.3, "skirt": 0.2},
  "bag": {"none": 3 / 8, "backpack": 2 / 8, "shoulder bag": 2 / 8, "handbag": 1 / 8},
  "hair": {"short": 5 / 12, "long": 4 / 12, "ponytail": 2 / 12, "bald": 1 / 12},
  "hat": {"none": 6 / 8, "cap": 1 / 8, "beanie": 1 / 8},
  "long_sleeves": {True: 0.5, False: 0.5},
  "coat": {True: 0.15, False: 0.85},
}


def test_people_are_drawn_within_their_ranges_and_as_often():
  people = crowd(1000)
  for field, (low, high) in RANGES.items():
    values = [getattr(look, field) for look in people]
    assert low <= min(values) < low + 0.05 * (high - low)
    assert high - 0.05 * (high - low) < max(values) <= high
  for field, shares in SHARES.items():
    found = collections.Counter(getattr(look, field) for look in people)
    assert set(found) == set(shares)
    for value, share in shares.items():  # Within five standard deviations.
      assert abs(found[value] - 1000 * share) < 5 * (1000 * share * (1 - share)) ** 0.5, value
  for look in people:
    cloth = (look.upper, look.accent, look.lower, look.shoes, look.hat_colour, look.bag_colour)
    assert set(cloth) <= set(PALETTE)
    assert look.accent != look.upper
    for channel in (*look.skin, *look.hair_colour):
      assert isinstance(channel, int)
      assert 0 <= channel <= 255


def test_the_same_state_draws_the_same_person():
  assert crowd(3, seed=1) == crowd(3, seed=1)
  assert crowd(3, seed=1) != crowd(3, seed=2)


NAMEABLE = {
  "upper": "purple", "pattern": "plaid", "long_sleeves": None, "coat": None, "lower_kind": "skirt",
  "lower": "olive", "bag": "handbag", "hair": "bald", "hat": "beanie",
}  # fmt: skip


def test_differences_are_counted_over_what_one_would_name():
  look = dataclasses.replace(
    crowd(1)[0], upper="red", pattern="plain", lower_kind="shorts", lower="navy", bag="none",
    hair="short", hat="none",
  )  # fmt: skip
  assert difference(look, look) == 0
  other = look
  for count, (field, value) in enumerate(NAMEABLE.items(), 1):
    value = not getattr(look, field) if value is None else value
    assert difference(look, dataclasses.replace(look, **{field: value})) == 1, field
    other = dataclasses.replace(other, **{field: value})
    assert difference(look, other) == difference(other, look) == count
  unnamed = {"stature": 1.0, "girth": 1.0, "skin": (1, 2, 3), "hair_colour": (4, 5, 6),
             "shoes": "blue", "accent": "pink", "bag_colour": "grey"}  # fmt: skip
  assert difference(look, dataclasses.replace(look, **unnamed)) == 0


@pytest.mark.parametrize("at_least", [0, 5])
def test_a_crowd_differs_as_much_as_is_asked_for(at_least):
  people = distinct_looks(12, np.random.default_rng(3), at_least)
  pairs = [difference(a, b) for k, a in enumerate(people) for b in people[:k]]
  assert min(pairs) >= at_least
  if not at_least:
    assert people == crowd(12, seed=3)


def test_a_crowd_that_cannot_differ_so_much_is_drawn_all_the_same():
  people = distinct_looks(3, np.random.default_rng(0), at_least=10)  # There are nine things.
  assert people == [crowd(401)[i] for i in (0, 200, 400)], "the last of 200 draws each time"
