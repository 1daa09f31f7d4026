"""Matrices in MATLAB files: what is read, and what a file that cannot be read is told to be."""

import layouts
import numpy as np
import pytest
import scipy.io

from cosam_jax.data import load_dataset
from cosam_jax.data.matlab import load_mat, read_matrix
from cosam_jax.errors import InputError


def test_a_variable_of_another_name_is_to_be_renamed(tmp_path):
  root = layouts.mars(tmp_path, with_frames=False)
  scipy.io.savemat(root / "info" / "query_IDX.mat", {"query_idx": [[1]]})
  with pytest.raises(InputError, match=r"rename 'query_idx' to 'query_IDX'"):
    load_dataset("mars", root, check_files=False)


@pytest.mark.parametrize(
  ("contents", "message"),
  [
    (
      {"track_train_inf": np.ones((2, 4))},
      r"no variable 'track_train_info', only .*rename 'track_train_inf' to",
    ),
    ({"track_train_info": np.ones((2, 3))}, r"has 3 columns"),
    ({"track_train_info": np.full((2, 4), 1.5)}, r"must be a matrix of whole numbers, got float64"),
    ({"track_train_info": np.full((2, 4), np.nan)}, r"must be a matrix of whole numbers"),
    ({"track_train_info": "text"}, r"must be a matrix of whole numbers"),
    (b"MATLAB 5.0 but damaged", r"tracks_train_info.mat cannot be read as a MATLAB 5 file"),
    (b"", r"tracks_train_info.mat is not a MATLAB 5 file: it is empty"),
  ],
)
def test_a_damaged_matrix(tmp_path, contents, message):
  layouts.mars(tmp_path, with_frames=False)
  path = tmp_path / "info" / "tracks_train_info.mat"
  if isinstance(contents, bytes):
    path.write_bytes(contents)
  else:
    scipy.io.savemat(path, contents)
  with pytest.raises(InputError, match=message):
    load_dataset("mars", tmp_path, check_files=False)


def save(path, contents, **options):
  scipy.io.savemat(path, contents, **options)
  return path


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
  "dtype", ["uint8", "int16", "uint16", "int32", "int64", "float32", "float64", "bool"]
)
def test_whole_numbers_of_every_type_become_int64(tmp_path, dtype, compressed):
  values = np.array([[1, 2, 0], [250, 0, 7]]).astype(dtype)
  contents = {"rows": values, "note": "of ours"}
  path = save(tmp_path / "a.mat", contents, do_compression=compressed)
  found = read_matrix(path, "rows")
  assert found.dtype == np.int64
  wanted = [[1, 1, 0], [1, 0, 1]] if dtype == "bool" else [[1, 2, 0], [250, 0, 7]]
  assert found.tolist() == wanted
  assert load_mat(path)["note"] == ["of ours"]


def test_large_negative_and_no_numbers(tmp_path):
  path = save(tmp_path / "a.mat", {"x": [[-3.0, 1e15]], "e": np.zeros((0, 4)), "v": [5, 6, 7],
                                   "i": np.array([[2**60 + 1]])})  # fmt: skip
  assert read_matrix(path, "x").tolist() == [[-3, 10**15]]
  assert read_matrix(path, "e").shape == (0, 4)
  assert read_matrix(path, "v").tolist() == [[5, 6, 7]]
  assert read_matrix(path, "i").tolist() == [[2**60 + 1]]


@pytest.mark.parametrize(
  ("value", "found"),
  [
    (np.ones((2, 2, 2)), r"got float64 of shape \(2, 2, 2\)"),
    (np.array([[1 + 2j]]), r"got complex128 of shape \(1, 1\)"),
    (np.array([[1.0, np.inf]]), r"got float64 of shape \(1, 2\)"),
    (np.array([1, "a"], object), r"got object of shape \(1, 2\)"),
    ({"a": 1}, r"got \[\('a', 'O'\)\] of shape \(1, 1\)"),
  ],
)
def test_what_is_no_matrix_of_whole_numbers(tmp_path, value, found):
  path = save(tmp_path / "a.mat", {"rows": value})
  with pytest.raises(InputError, match=rf"variable 'rows' of .*a.mat must be a matrix .*{found}"):
    read_matrix(path, "rows")


def test_files_that_are_missing_or_of_another_version(tmp_path):
  for path in (tmp_path, tmp_path / "none.mat"):
    with pytest.raises(InputError, match=f"info file {path} is missing; copy it there from"):
      read_matrix(path, "rows")
  path = save(tmp_path / "four.mat", {"rows": np.ones((2, 2))}, format="4")
  with pytest.raises(InputError, match=r"cannot be read as a MATLAB 5 file \(ValueError: it does"):
    read_matrix(path, "rows")
  path = save(tmp_path / "none.mat", {})
  with pytest.raises(InputError, match=r"has no variable 'rows', only nothing; use the file of"):
    read_matrix(path, "rows")
