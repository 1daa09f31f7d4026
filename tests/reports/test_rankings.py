"""Rankings on disk: a damaged file is one sentence, even if each array is whole by itself."""

import dataclasses

import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.reports.rankings import (
  AS_RANKED,
  Ranking,
  Rankings,
  choose_queries,
  read_rankings,
  write_rankings,
)

LIST = Ranking(
  np.array([[1, -1], [0, 2]], np.int32), np.ones((2, 2), np.float32),
  np.array([0.5, np.nan]), np.array([1, 0]),
)  # fmt: skip
WHOLE = Rankings(
  "reference", np.array(["a", "b", "c"]), np.arange(3), np.arange(3), np.ones(3, int),
  np.array([0, 2]), {AS_RANKED: LIST}, np.array([1]), np.ones((1, 4), np.float32),
  {"embedding": 1.0},
)  # fmt: skip


def test_what_was_written_is_read(tmp_path):
  write_rankings(tmp_path / "r.npz", WHOLE)
  found = read_rankings(tmp_path / "r.npz")
  assert found.names.tolist() == ["a", "b", "c"]
  np.testing.assert_array_equal(found.by_title[AS_RANKED].rows, LIST.rows)
  assert found.seconds == {"embedding": 1.0}


@pytest.mark.parametrize(
  "change",
  [
    {"identities": np.arange(2)}, {"names": np.arange(3)}, {"queries": np.array([0, 3])},
    {"queries": np.array([0.0, 1.0])}, {"pictured": np.array([-1])}, {"by_title": {}},
    {"vectors": np.ones((2, 4), np.float32)}, {"vectors": np.full((1, 4), np.nan, np.float32)},
    {"vectors": np.float32(1)}, {"lengths": np.array([1j, 1, 1])},
  ]
  + [
    {"by_title": {AS_RANKED: dataclasses.replace(LIST, **one)}}
    for one in ({"rows": LIST.rows + 2}, {"rows": LIST.rows[0]}, {"first_match": np.ones(3, int)},
                {"average_precision": np.ones((2, 1))}, {"distances": np.ones((2, 3))})
  ],
)  # fmt: skip
def test_arrays_that_do_not_fit_are_refused(tmp_path, change):
  write_rankings(tmp_path / "r.npz", dataclasses.replace(WHOLE, **change))
  with pytest.raises(InputError, match=r"r.npz (cannot be read as rank|is damaged).*evaluate a"):
    read_rankings(tmp_path / "r.npz")


def test_an_unknown_query_is_answered_with_a_name_that_works():
  with pytest.raises(InputError, match=r"names '0025'.* it has 2, such as 'a'$"):
    choose_queries(WHOLE, worst=0, best=0, random=0, names=["0025"])
  assert choose_queries(WHOLE, worst=0, best=0, random=0, names=["a"]) == {0: "asked for by name"}
