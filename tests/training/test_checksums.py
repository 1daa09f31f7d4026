"""Any change to a folder's files is noticed and named, byte by byte."""

import json
import shutil

import pytest
from checkpoint_states import flip

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


def test_a_flipped_bit_anywhere_in_the_list_of_checksums_names_the_list(three, tmp_path):
  """The bit hits a brace, a digest, a file's name, or the name of the list's own digest."""
  folder = shutil.copytree(three / "checkpoints" / "9", tmp_path / "9")
  assert damage(folder) is None
  listed = folder / NAME
  content = listed.read_bytes()
  for position in range(len(content)):
    flip(listed, position)
    assert NAME in damage(folder), content[max(position - 20, 0) : position + 20]
    listed.write_bytes(content)


def test_a_list_of_checksums_without_a_digest_of_its_own_still_serves(three, tmp_path):
  """Earlier versions wrote such lists."""
  folder = shutil.copytree(three / "checkpoints" / "9", tmp_path / "9")
  digests = json.loads((folder / NAME).read_text())
  del digests[NAME]
  (folder / NAME).write_text(json.dumps(digests))
  assert damage(folder) is None
  flip(folder / "about" / "metadata", 0)
  assert "has other bytes" in damage(folder)
