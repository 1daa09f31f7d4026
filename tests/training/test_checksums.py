"""Any change to a folder's files is noticed and named, byte by byte."""

import json

import pytest

from cosam_jax.training.checksums import NAME, damage, write_checksums


@pytest.fixture
def folder(tmp_path):
  (tmp_path / "part").mkdir()
  (tmp_path / "part" / "a").write_bytes(b"abc")
  (tmp_path / "b").write_bytes(b"")
  (tmp_path / "c.partial").write_bytes(b"not yet")
  write_checksums(tmp_path)
  return tmp_path


def test_a_whole_folder_is_whole_and_more_files_are_no_damage(folder):
  assert set(json.loads((folder / NAME).read_text())) == {"part/a", "b", NAME}
  assert damage(folder) is None
  (folder / "new").touch()
  write_checksums(folder)
  assert damage(folder) is None
  (folder / NAME).unlink()
  assert damage(folder) is None  # Nothing to compare with.


def test_other_bytes_and_missing_files_are_named(folder):
  for i in range(3):
    data = bytearray(b"abc")
    data[i] ^= 1
    (folder / "part" / "a").write_bytes(data)
    assert damage(folder) == "part/a has other bytes than were saved"
  (folder / "part" / "a").unlink()
  assert damage(folder) == "part/a is missing"
