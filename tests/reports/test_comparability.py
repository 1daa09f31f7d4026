"""Cards may be compared if they measured the same; every field that differs is named."""

import pytest

from cosam_jax.errors import InputError
from cosam_jax.reports.comparability import PROTOCOL_FIELDS, check_alike, protocol_differences

CARD = dict.fromkeys(PROTOCOL_FIELDS, 1) | {"pooling": "mean", "not_counted": {}, "split": 0}


def test_the_same_question_may_be_compared():
  older = {name: value for name, value in CARD.items() if name != "pooling"}
  cards = [("a", CARD), ("b", CARD | {"split": 3, "checkpoint": "x"}), ("c", older)]
  assert protocol_differences(cards) == check_alike(cards) == []


@pytest.mark.parametrize("field", PROTOCOL_FIELDS)
def test_a_field_that_differs_is_named_with_both_values(field):
  other = {"not_counted": {"no match": 2, "few": 1}}.get(field, "two")
  cards = [("a", CARD), ("b", CARD), ("c", CARD | {field: other})]
  (found,) = protocol_differences(cards)
  before = {"pooling": "mean", "not_counted": "none"}.get(field, "1")
  after = "1 few, 2 no match" if field == "not_counted" else "two"
  assert found == f"{field.replace('_', ' ')} {before} (a) and {after} (c)"


def test_mixing_is_refused_or_told():
  cards = [("a", CARD), ("b", CARD | {"frames": 4, "queries": 8})]
  wanted = ["queries 1 (a) and 8 (b)", "frames 1 (a) and 4 (b)"]
  with pytest.raises(InputError, match=r"queries 1 \(a\) and 8 \(b\); frames .*allow_mixed"):
    check_alike(cards)
  assert check_alike(cards, allow_mixed=True) == wanted
