"""The record beside exported weights: its format, and the digests of files."""

import hashlib
import json

import pytest

from cosam_jax.errors import InputError
from cosam_jax.models.exported_record import digests_of, read_record, sha256_of, stated_digests


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
