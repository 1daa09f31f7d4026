"""Strangers' JSON gives a value or one kind of error; a bad line does not harm the others."""

import json
import os

import pytest

from cosam_jax.errors import InputError
from cosam_jax.runtime.json_files import check_ours, parse_json, read_json, read_json_lines
from cosam_jax.runtime.outside_files import open_to_append

BAD = {
  "{": "Expecting property name",
  "": "Expecting value",
  "[" * 100_000: "nested too deep",
  '{"a":' * 100_000: "nested too deep",
  "1" * 5000: "Exceeds the limit",
  "-1e400": "-1e400 is not a finite number",
  "[NaN]": "NaN is not a finite number",
  "Infinity": "Infinity is not a finite number",
  '{"a": 1, "b": {"c": 1, "c": 2}}': "it has 'c' twice in one object",
  "1 2": "Extra data",
}


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:12])
def test_what_is_no_json_is_one_kind_of_error(tmp_path, text):
  with pytest.raises(ValueError, match=BAD[text]):
    parse_json(text)
  (tmp_path / "a.json").write_text(text)
  with pytest.raises(InputError, match=f"list .*a.json cannot be read .*{BAD[text]}.*: write it"):
    read_json(tmp_path / "a.json", "list", "write it")


def test_values_come_as_they_are(tmp_path):
  value = {"a": [1, -2.5, 1e308, None, True, "ü\udc80"], "b": {"a": 2**80}}
  (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(value).encode())
  assert read_json(tmp_path / "a.json", "list", "write it") == value
  assert parse_json(json.dumps(value).encode()) == value


def test_files_that_are_none_are_refused_by_looking(tmp_path):
  os.mkfifo(tmp_path / "pipe")
  (tmp_path / "text").write_bytes(b"\xff\xfe\xfa")
  with open(tmp_path / "large", "wb") as file:
    file.truncate(1 << 40)
  for name, said in (("pipe", "named pipe"), ("text", "UTF"), ("large", "bytes"), ("none", "No ")):
    for read in (read_json, read_json_lines):
      if (name, read) != ("text", read_json_lines):
        with pytest.raises(InputError, match=said):
          read(tmp_path / name, "list", "write it")


def test_a_bad_line_is_none_and_the_others_stay(tmp_path):
  lines = [b'{"a": 1}', b"{", b'{"a": NaN}', b"\xff\x00", b" ", b'{"a": 1, "a": 2}', b"[1]",
           b"[" * 100_000, b"1" * 5000, b'{"a": "\xe2\x80\xa8"}', b'{"a": 3}\r']  # fmt: skip
  (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines) + b"\n")
  rows = read_json_lines(tmp_path / "a.jsonl", "log", "remove it")
  assert [row is not None for row in rows.values()] == [True, False, True, *[False] * 5, True, True]
  assert rows[1] == {"a": 1}
  assert rows[10] == {"a": "\u2028"}


def test_nothing_waits_for_the_reader_of_a_pipe(tmp_path):
  with open_to_append(tmp_path / "new.jsonl") as file:
    file.write("ü\n")
  with open_to_append(tmp_path / "new.jsonl") as file:
    file.write("b\n")
  assert (tmp_path / "new.jsonl").read_text("utf-8") == "ü\nb\n"
  os.mkfifo(tmp_path / "pipe")
  with pytest.raises(OSError):
    open_to_append(tmp_path / "pipe")
  with pytest.raises(OSError, match="device"):
    open_to_append("/dev/null")


def test_only_our_files_are_replaced(tmp_path):
  path = tmp_path / "a.json"
  check_ours(path, ("run", "results"))
  path.write_text('{"run": {}, "results": [], "more": 1}')
  check_ours(path, ("run", "results"))
  for text in ('{"run": {}}', "[]", "null", "mine", ""):
    path.write_text(text)
    with pytest.raises(InputError, match=r"a\.json would be replaced, .*: ask somebody"):
      check_ours(path, ("run", "results"), "ask somebody")
  path.unlink()
  path.symlink_to("nowhere")
  with pytest.raises(InputError, match="would be replaced"):
    check_ours(path, ())
