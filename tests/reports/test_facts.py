"""Words of the page say of a run what its files say."""

import pytest

from cosam_jax.reports import facts

CARD = {"dataset": "folder", "queries": 200, "valid_queries": 200, "not_counted": {}}


def test_a_warning_that_begins_with_a_path_names_that_path():
  said = ("mine/own.csv has no 'split': 4 identities train", "3 tracklets of train are left out")
  assert facts.warnings({"warnings": said}, [{"card": CARD}]) == [f"{one}." for one in said]


@pytest.mark.parametrize("label", ["after training", "OSNet_MSMT17.onnx"])
def test_the_outcome_names_weights_as_they_are_called(label):
  metrics = {"mAP": {"percent": 64.13}, "Rank-1": {"percent": 66.67}}
  record = {"label": label, "metrics": metrics, "card": {"valid_queries": 48}}
  assert facts.summary([record], []) == f"mAP is 64.1% and Rank-1 66.7% over 48 queries ({label})."
