"""Strangers' .npz files: read as they are, or refused before they are unpacked."""

import zipfile

import numpy as np
import pytest

from cosam_jax.data.npz_files import names_in_npz, read_npz, write_npz
from cosam_jax.errors import InputError


def test_arrays_come_as_they_are(tmp_path):
  path = tmp_path / "a.npz"
  np.savez(path, one=np.arange(3), two=np.array(["x"]))
  assert names_in_npz(path) == ["one", "two"]
  found = read_npz(path)
  assert {name: array.tolist() for name, array in found.items()} == {"one": [0, 1, 2], "two": ["x"]}


def test_nothing_that_would_run_or_fill_the_memory_is_read(tmp_path):
  pickled, bomb, text = (tmp_path / name for name in ("p.npz", "b.npz", "t.npz"))
  np.savez(pickled, allow_pickle=True, one=np.array([print], object))
  with pytest.raises(ValueError, match="allow_pickle=False"):
    read_npz(pickled)
  with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("one.npy", bytes(1 << 29))
  with pytest.raises(ValueError, match=r"become 536,870,912 bytes in memory of \d"):
    read_npz(bomb)
  text.write_text("hello")
  with pytest.raises(ValueError, match=r"it is not an \.npz file"):
    read_npz(text)
  with pytest.raises(OSError, match="it is a folder, not a file"):
    read_npz(tmp_path)


def test_what_is_written_is_whole_or_nothing(tmp_path):
  write_npz(tmp_path / "a.npz", {"format": 1}, {"one": np.arange(3)}, what="vectors", again="embed")
  found = read_npz(tmp_path / "a.npz")
  assert (str(found["about"]), found["one"].tolist()) == ('{"format": 1}', [0, 1, 2])
  (tmp_path / "folder").mkdir()
  with pytest.raises(InputError, match=r"the vectors could not be written to .*embed again"):
    write_npz(tmp_path / "folder", {}, {}, what="vectors", again="embed")
  assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "folder"]
