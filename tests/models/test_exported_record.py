"""The record beside exported weights: its format, and the digests of files."""

import hashlib
import json

import pytest

from cosam_jax.errors import InputError
from cosam_jax.models.exported_record import (
  check_digests,
  digests_of,
  lacking_of_published,
  read_record,
  sha256_of,
  stated_digests,
)


def written(path, content):
  path.write_text(json.dumps(content))
  return path


def test_a_record_of_any_earlier_version_is_read(tmp_path):
  path = tmp_path / "export.json"
  assert read_record(written(path, {"weights": "step 3"})) == {"weights": "step 3"}
  assert read_record(written(path, {"format": 1}))["format"] == 1
  assert read_record(written(path, [1])) == {}


@pytest.mark.parametrize("found", [2, 0, "1", True, None, 10**40])
def test_a_newer_format_is_one_sentence(tmp_path, found):
  path = written(tmp_path / "export.json", {"format": found})
  with pytest.raises(InputError, match=r"has the format .* reads up to 1: .* so update this one"):
    read_record(path)


def test_digests_are_those_of_the_files(tmp_path):
  for name in ("a.npz", "b.json"):
    (tmp_path / name).write_bytes(name.encode() * 1000)
  found = digests_of(tmp_path, ["a.npz", "b.json"])
  assert found["a.npz"] == hashlib.sha256(b"a.npz" * 1000).hexdigest()
  assert sha256_of(tmp_path / "b.json") == found["b.json"]
  assert stated_digests({"files": found}) == found


@pytest.mark.parametrize(
  "stated",
  [
    None, [], {"../a": "0" * 64}, {"a/b": "0" * 64}, {"a\\b": "0" * 64}, {"": "0" * 64},
    {"a": "0" * 63}, {"a": 3}, {"a": "X" * 64}, {"..": "0" * 64},
  ],
)  # fmt: skip
def test_digests_of_another_form_are_none(stated):
  assert stated_digests({"files": stated}) == {}


@pytest.mark.parametrize("changed", ["model.safetensors", "calibration.json"])
def test_a_file_that_was_changed_since_is_refused(tmp_path, changed):
  weights = tmp_path / "model.safetensors"
  names = (weights.name, "calibration.json")
  for name in names:
    (tmp_path / name).write_bytes(name.encode())
  check_digests(weights)  # There is no record.
  written(tmp_path / "export.json", {"files": digests_of(tmp_path, names)})
  check_digests(weights)
  (tmp_path / changed).write_bytes(b"other")
  with pytest.raises(InputError) as raised:
    check_digests(weights)
  assert f"{tmp_path / changed} has SHA-256 " in str(raised.value)
  assert "take a whole copy of the folder, or publish the network again" in str(raised.value)
  written(tmp_path / "export.json", {"formats": {}})  # An export states none.
  check_digests(weights)


def test_what_a_published_folder_lacks_is_said(tmp_path):
  record, weights = tmp_path / "export.json", tmp_path / "model.safetensors"
  assert lacking_of_published(tmp_path) == ""
  written(record, {"files": {weights.name: "0" * 64}})
  assert "as its export.json says, and lacks model.safetensors: " in lacking_of_published(tmp_path)
  (tmp_path / "publish_files.json").write_text("")
  found = lacking_of_published(tmp_path)
  assert "as its publish_files.json says, and lacks model.safetensors: take a whole" in found
  weights.write_text("")
  assert lacking_of_published(tmp_path) == ""
  record.unlink()
  assert "and lacks export.json: " in lacking_of_published(tmp_path)
  weights.unlink()
  assert "and lacks export.json and model.safetensors: " in lacking_of_published(tmp_path)
