"""What tells two sides apart: values of fields, each once, and files by whatever path."""

import pytest

from cosam_jax.reports.comparison_sides import (
  differing_fields,
  fields_in_words,
  remark_on_files,
  remarks_on_runs,
)


def test_fields_differ_by_their_values_in_any_order_and_number():
  first = [{"seed": 0, "lr": 1, "stages": [4]}, {"seed": 1, "lr": 1, "stages": [4]}]
  second = [{"seed": 1, "lr": 1, "new": True}, {"seed": 0, "lr": 2, "new": True}]
  assert differing_fields([first, second]) == {
    "lr": [[1], [1, 2]], "new": [[None], [True]], "stages": [[[4]], [None]]
  }  # fmt: skip
  assert differing_fields([first, first[::-1]]) == {}
  assert differing_fields([first, [{}]]) is None


@pytest.mark.parametrize(
  ("fields", "words"),
  [
    (None, "unknown fields: not every file says its configuration"),
    ({}, "no field of the configuration that decides results"),
    ({"a": [[1, 2], ["x"]], "b": [[True], [[4, 5]]]},
     'a (1 and 2 in A, "x" in B); b (true in A, [4, 5] in B)'),
  ],
)  # fmt: skip
def test_fields_for_people(fields, words):
  assert fields_in_words(fields) == words


def test_of_many_fields_some_are_named():
  words = fields_in_words({f"f{i:02}": [[0], [1]] for i in range(15)})
  assert words.endswith("; f11 (0 in A, 1 in B); and 3 more")
  assert words.count(" in A") == 12


def test_runs_of_one_side_that_are_not_one_network_are_told():
  first = [{"seed": 0, "lr": 1, "data.split": 2}, {"seed": 1, "lr": 1, "data.split": 3}, {}]
  second = [{"seed": 0, "lr": 1}, {"seed": 1, "lr": 2, "mask": "a"}]
  assert remarks_on_runs("AB", [first, second]) == [
    "the runs of B are not one network with other seeds: they differ in lr (1 and 2); mask "
    '(null and "a"); name the runs that you mean, with commas between them'
  ]
  many = [{f"f{i:02}": value for i in range(15)} for value in (0, 1)]
  (remark,) = remarks_on_runs("A", [many])
  assert "f11 (0 and 1); and 3 more; name the runs" in remark


def test_the_same_file_is_noticed_by_another_path(tmp_path):
  for name in "abc":
    (tmp_path / name).touch()
  (tmp_path / "link").symlink_to(tmp_path / "a")
  a, b, c, link = (str(tmp_path / name) for name in ("a", "b", "c", "link"))
  assert remark_on_files([[a], [b]]) == ""
  same = remark_on_files([[a], [link]])
  assert same == f"A and B are the same: {a}. There is nothing to compare."
  assert remark_on_files([[a, b], [b, a]]).startswith(f"A and B are the same: {a}, {b}.")
  assert remark_on_files([[a, b], [c, link]]).startswith(f"A and B both have {a}, so they are")
