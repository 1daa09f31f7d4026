"""JSON lines: exact, append-only within a run, and cut back by the next one."""

import json
import math
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosam_jax.training.scalars import ScalarLog, first_non_finite, read_scalars


def test_lines_are_json_with_the_step_first(tmp_path):
  path = tmp_path / "scalars.jsonl"
  log = ScalarLog(path, 1)
  log.write(1, loss=0.1, learning_rate=3e-4)
  log.write(2, loss=1 / 3, learning_rate=3e-4)
  lines = path.read_text().splitlines()
  assert lines[0] == '{"step": 1, "loss": 0.1, "learning_rate": 0.0003}'
  assert json.loads(lines[1]) == {"step": 2, "loss": 1 / 3, "learning_rate": 3e-4}
  assert read_scalars(path) == [json.loads(line) for line in lines]


def test_a_line_is_there_when_write_returns(tmp_path):
  log = ScalarLog(tmp_path / "scalars.jsonl", 1)
  for step in (1, 2, 3):
    log.write(step, loss=0.0)
    assert len(read_scalars(tmp_path / "scalars.jsonl")) == step


def test_a_resumed_run_drops_the_lines_it_will_write_again(tmp_path):
  path = tmp_path / "scalars.jsonl"
  first = ScalarLog(path, 1)
  for step in range(1, 8):
    first.write(step, loss=float(step))
  before = path.read_text().splitlines(keepends=True)
  second = ScalarLog(path, 5)
  assert path.read_text() == "".join(before[:4])
  second.write(5, loss=50.0)
  assert [row["loss"] for row in read_scalars(path)] == [1, 2, 3, 4, 50]
  assert [entry.name for entry in tmp_path.iterdir()] == ["scalars.jsonl"]


def test_a_new_training_says_that_it_drops_the_lines_of_another(tmp_path, capsys):
  path = tmp_path / "scalars.jsonl"
  for step in (1, 2):
    ScalarLog(path, step).write(step, loss=1.0)
  assert capsys.readouterr().out == ""
  ScalarLog(path, 1)
  told = f"{path} is begun anew: its 2 lines are of a training without a checkpoint\n"
  assert capsys.readouterr().out == told


def test_lines_that_are_none_are_named_and_lose_no_others(tmp_path, capsys):
  """Bad lines between good ones: words, other JSON, no step, no numbers, too deep, no UTF-8."""
  path = tmp_path / "scalars.jsonl"
  bad = [
    b"not json", b"[]", b"3", b"null", b"{}", b'{"step": "2"}', b'{"step": true}', b'{"step": 2.5}',
    b'{"step": 2, "loss": "x"}', b'{"step": 2, "loss": {}}', b"[" * 100_000, b"\xff\xfe",
    b'{"step": ' + b"9" * 5000 + b"}", b'{"step": ' + b"9" * 30 + b"}",
  ]  # fmt: skip
  good = [b'{"step": 1, "loss": 1.5}', b'{"step": 3, "loss": NaN, "list": [1, 2]}']
  path.write_bytes(b"\n".join([good[0], *bad, b"", good[1], b""]))
  assert [row["step"] for row in read_scalars(path)] == [1, 3]
  line = capsys.readouterr().out
  assert line.startswith(
    f"warning: 14 of 17 lines of {path} cannot be read (line 2, 3, 4, 5, 6, ..."
  )
  ScalarLog(path, 4).write(4, loss=0.5)
  capsys.readouterr()
  assert [row["step"] for row in read_scalars(path)] == [1, 3, 4]
  assert capsys.readouterr().out == ""


@pytest.mark.parametrize("cut", range(1, 25))
def test_a_line_that_a_kill_cut_short_is_dropped(tmp_path, cut):
  path = tmp_path / "scalars.jsonl"
  log = ScalarLog(path, 1)
  log.write(1, loss=1.5)
  whole = path.read_bytes()
  log.write(2, loss=2.5)
  full = path.read_bytes()
  path.write_bytes(full[:-cut])
  # Without its newline a line may still be whole; then nothing is lost.
  rows = [1] if cut > 1 else [1, 2]
  assert [row["step"] for row in read_scalars(path)] == rows
  resumed = ScalarLog(path, 3)
  assert path.read_bytes() == (whole if cut > 1 else full)
  resumed.write(3, loss=3.5)
  assert [row["step"] for row in read_scalars(path)] == [*rows, 3]


def test_what_is_no_file_is_named_and_makes_room(tmp_path, capsys):
  path = tmp_path / "scalars.jsonl"
  os.mkfifo(path)
  assert read_scalars(path) == []
  assert "scalars.jsonl cannot be read (it is a named pipe, not a file)" in capsys.readouterr().out
  ScalarLog(path, 1).write(1, loss=0.5)
  assert read_scalars(path) == [{"step": 1, "loss": 0.5}]


def test_there_are_no_scalars_without_a_file(tmp_path):
  assert read_scalars(tmp_path / "none.jsonl") == []


@given(st.lists(st.floats(), min_size=1, max_size=6))
def test_the_first_value_that_is_not_finite_is_named(numbers):
  values = {f"value{i}": number for i, number in enumerate(numbers)}
  wanted = None
  for name, number in values.items():
    if number != number or number in (math.inf, -math.inf):
      wanted = name
      break
  assert first_non_finite(values) == wanted
