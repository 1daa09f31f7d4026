"""Corrections are read, checked, and turned into groups and pairs."""

import json

import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.evaluation.average_linkage import numbered
from cosam_jax.evaluation.corrections import Corrections, applied, check_kept, read_corrections

NAMES = ["a", "b", "c", "d", "e"]


def test_they_come_back_from_their_file(tmp_path):
  made = Corrections((("a", "b"),), (("c", "d"),))
  (tmp_path / "c.json").write_text(made.text())
  assert read_corrections(tmp_path / "c.json") == made


def test_names_become_rows():
  found = applied(Corrections((("a", "c"), ("c", "e"), ("a", "gone")), (("a", "b"),)), NAMES,
                  np.arange(5))  # fmt: skip
  assert numbered(found.groups).tolist() == [0, 1, 0, 3, 0]
  assert found.apart.tolist() == [[0, 1]]
  assert found.unknown == ("gone",)


def test_a_group_of_two_people_is_taken_apart():
  groups = np.array([0, 0, 0, 3, 3])
  found = applied(Corrections((("a", "c"),), (("a", "b"),)), NAMES, groups)
  assert numbered(found.groups).tolist() == [0, 1, 0, 3, 3]


def test_contradictions_are_refused():
  said = Corrections((("a", "b"), ("b", "c")), (("c", "a"),))
  with pytest.raises(InputError, match="'c' and 'a' are two people, and by other pairs"):
    applied(said, NAMES, np.arange(5))


@pytest.mark.parametrize(
  "content",
  [[], {"format": 2}, {"format": 1, "same": [["a"]]}, {"format": 1, "apart": [["a", "a"]]},
   {"format": 1, "same": {"a": "b"}}, {"format": 1, "same": [[1, 2]]},
   {"format": 1, "smae": [["a", "b"]]}],
)  # fmt: skip
def test_other_files_are_refused(content, tmp_path):
  (tmp_path / "c.json").write_text(json.dumps(content))
  with pytest.raises(InputError, match="give a file that the page of --mode=link saved"):
    read_corrections(tmp_path / "c.json")


def test_a_file_that_contradicts_itself_is_named(tmp_path):
  (tmp_path / "c.json").write_text(Corrections((("a", "b"),), (("b", "a"),)).text())
  with pytest.raises(InputError, match=r"c\.json: the corrections say that 'b' and 'a' are two"):
    read_corrections(tmp_path / "c.json")


def test_kept_corrections_are_not_lost():
  kept = Corrections((("a", "b"),), (("c", "d"),))
  check_kept(Corrections((("b", "a"), ("a", "e")), (("d", "c"),)), kept, "kept.json")
  check_kept(kept, Corrections(), "kept.json")
  with pytest.raises(InputError, match=r"lack 1 of the pairs that kept\.json .*'c' and 'd', which"):
    check_kept(Corrections((("a", "b"), ("c", "d"))), kept, "kept.json")
