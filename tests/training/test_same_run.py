"""A configuration may differ from the checkpoint's only in fields that are free."""

import pytest

from cosam_jax.errors import InputError
from cosam_jax.training.same_run import check_same, differing


def test_each_field_that_differs_is_listed_with_both_values():
  saved = {"seed": 0, "model.width": 1.0, "clips.image_size": [256, 128], "data.dir": "a", "old": 1}
  asked = {"seed": 1, "model.width": 1.0, "clips.image_size": (256, 128), "data.dir": "b", "new": 2}
  with pytest.raises(InputError) as raised:
    check_same(saved, asked, ("data",), "W/checkpoints/3")
  sentence = str(raised.value)
  assert "W/checkpoints/3" in sentence
  assert "seed was 0 and is now 1" in sentence
  assert "old was 1 and is now None" in sentence
  assert "new was None and is now 2" in sentence
  assert "model.width" not in sentence
  assert "image_size" not in sentence
  assert "data.dir" not in sentence


def test_differing_fields_are_sorted_names():
  saved, asked = {"b": 1, "a": [1], "c": 2, "d": 4}, {"b": 2, "a": (1,), "c": 3, "e": 5}
  assert differing(saved, asked, ("c",)) == ["b", "d", "e"]


def test_free_names_cover_groups_but_not_names_that_begin_alike():
  check_same({"data.dir": 1, "evaluation.rerank": 1}, {}, ("data.dir", "evaluation"), "")
  with pytest.raises(InputError, match=r"data\.directory"):
    check_same({"data.directory": 1}, {}, ("data.dir",), "")
