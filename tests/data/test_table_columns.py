"""Identities of any size, names without end, and frames that are no files."""

import os
import pathlib
import zipfile

import layouts
import numpy as np
import pytest

from cosam_jax.data import load_dataset
from cosam_jax.data.batch_reader import unreadable_reason
from cosam_jax.data.npz_files import read_npz
from cosam_jax.data.outages import outage
from cosam_jax.data.stream import _paths
from cosam_jax.data.tracklets import FilePaths, TrackletTable
from cosam_jax.errors import InputError


def table(**columns) -> TrackletTable:
  store = FilePaths(pathlib.Path("."), np.array([b""]), np.zeros(4, np.int32), np.array([b"a"] * 4))
  whole = {"starts": [0, 2], "lengths": [2, 2], "identities": [1, 2], "cameras": [1, 2],
           "names": ["a", "b"]}  # fmt: skip
  return TrackletTable(store, **(whole | columns))


def test_identities_and_cameras_of_64_bits_stay_what_they_are():
  found = table(identities=[2**40 + 7, 7], cameras=np.uint64([2**33, 0]))
  assert found.identities.tolist() == [2**40 + 7, 7]
  assert found.cameras.tolist() == [2**33, 0]
  assert found.labels().tolist() == [1, 0]


@pytest.mark.parametrize(
  ("columns", "words"),
  [
    ({"identities": [2**63, 1]}, "identities of tracklets must be whole numbers up to 92233"),
    ({"identities": [10**30, 1]}, "identities of tracklets must be whole numbers"),
    ({"cameras": [1.5, 1]}, "cameras of tracklets must be whole numbers"),
    ({"names": ["a", "a\0"]}, r"name 'a\\x00' holds NUL"),
    ({"names": ["a", "b" * 10_000_000]}, "has 10,000,000 letters"),
  ],
)
def test_what_numpy_would_wrap_or_cut_is_refused(columns, words):
  with pytest.raises(InputError, match=words):
    table(**columns)


def test_frames_that_are_no_files_are_refused_without_waiting(tmp_path):
  for split, camera in (("train", 1), ("query", 1), ("gallery", 2)):
    for frame in (1, 2):
      layouts.image(tmp_path / split / "1" / str(camera) / "0" / f"{frame}.jpg")
  store = load_dataset("folder", tmp_path).train.frames
  whole, pipe = pathlib.Path(store.path(0)), pathlib.Path(store.path(1))
  pipe.unlink()
  os.mkfifo(pipe)
  assert unreadable_reason(store, 1) == "it is a named pipe, not a file"
  assert _paths(store)(1) == b""
  assert outage(store, 1) is None
  with whole.open("r+b") as file:
    file.truncate(1 << 40)
  assert "it has 1,099,511,627,776 bytes" in unreadable_reason(store, 0)


def test_arrays_that_would_fill_the_memory_are_not_unpacked(tmp_path):
  with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
    for name in "abc":
      archive.writestr(f"{name}.npy", bytes(100 << 20))
  with pytest.raises(ValueError, match=r"would become 314,\d+,\d+ bytes in memory"):
    read_npz(tmp_path / "a.npz")
  np.savez_compressed(tmp_path / "a.npz", a=np.zeros(1 << 20), b=np.arange(3))
  found = read_npz(tmp_path / "a.npz")
  assert found["a"].shape == (1 << 20,)
  np.testing.assert_array_equal(found["b"], [0, 1, 2])
