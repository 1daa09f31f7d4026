"""Words of the page say of a run what its files say."""

from cosam_jax.reports import facts

CARD = {"dataset": "folder", "queries": 200, "valid_queries": 200, "not_counted": {}}


def test_a_warning_that_begins_with_a_path_names_that_path():
  said = ("mine/own.csv has no 'split': 4 identities train", "3 tracklets of train are left out")
  assert facts.warnings({"warnings": said}, [{"card": CARD}]) == [f"{one}." for one in said]
