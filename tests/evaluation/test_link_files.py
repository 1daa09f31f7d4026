"""A calibration of links comes back from its file as it was; damaged files are refused."""

import labelled
import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.evaluation.link_calibration import calibrate_links
from cosam_jax.evaluation.link_files import check_linking_replaceable, read_links, write_links


@pytest.fixture(scope="module")
def made():
  facts = {"network": {"vectors_hash": "aa"}, "data": {"dataset": "mars"}}
  return calibrate_links(*labelled.drawn(people=20), **facts, resamples=100)


def test_it_comes_back(made, tmp_path):
  write_links(tmp_path / "linking.npz", made)
  write_links(tmp_path / "linking.npz", made)  # Ours may be replaced.
  found = read_links(tmp_path / "linking.npz")
  np.testing.assert_array_equal(found.space.scaling, made.space.scaling)
  np.testing.assert_array_equal(found.space.centre, made.space.centre)
  assert (found.network, found.data, found.stitch) == (made.network, made.data, made.stitch)
  one, other = found.kinds["plain"], made.kinds["plain"]
  assert (one.cut, one.numbers, one.intervals) == (other.cut, other.numbers, other.intervals)
  np.testing.assert_array_equal(one.chances, other.chances)


@pytest.mark.parametrize(
  ("name", "value"),
  [
    ("centre", np.array([np.nan] * 6, np.float32)),
    ("scaling", np.eye(5, dtype=np.float32)),
    ("plain_chances", np.zeros(0)),
    ("about", np.array("{}")),
    ("about", np.array("[")),
  ],
)
def test_a_damaged_file_is_refused(made, tmp_path, name, value):
  path = tmp_path / "linking.npz"
  write_links(path, made)
  with np.load(path) as file:
    content = {**file, name: value}
  np.savez(path, **content)
  with pytest.raises(InputError, match=r"linking\.npz cannot be read as a calibration of links"):
    read_links(path)


def test_somebody_elses_file_is_not_replaced(made, tmp_path):
  path = tmp_path / "linking.npz"
  path.write_text("mine")
  with pytest.raises(InputError, match="this program did not write it"):
    write_links(path, made)
  assert path.read_text() == "mine"
  check_linking_replaceable(tmp_path / "none.npz")
  with pytest.raises(InputError, match="cannot be read"):
    read_links(path)
