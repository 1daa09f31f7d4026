"""Texts that are rates, and those that are none."""

import pytest

from cosam_jax.evaluation.calibration_names import is_rate


@pytest.mark.parametrize(
  ("text", "wanted"),
  [("0.001", True), ("1e-4", True), (" .5", True), ("0", False), ("1", False), ("-0.1", False),
   ("nan", False), ("inf", False), ("", False), ("half", False)],
)  # fmt: skip
def test_a_rate_is_above_zero_and_below_one(text, wanted):
  assert is_rate(text) is wanted
