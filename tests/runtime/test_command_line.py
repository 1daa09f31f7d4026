"""Printed and kept commands can be given to a shell as they are."""

import os
import shlex

import pytest

from cosam_jax.commands.registry import COMMANDS
from cosam_jax.runtime import command_line

GIVEN = [
  "--config=configs/mars.py",
  "--mode",
  "evaluate",
  "--workdir=a b",
  "--data_dir=" + "d" * 60,
]


def words(text):
  return shlex.split(text.replace("\\\n", " "))


@pytest.mark.parametrize(("mode", "added"), [("report", ["--mode=report"]), ("train", [])])
def test_the_same_command_with_another_mode(mode, added):
  text = command_line.command(GIVEN, mode)
  assert words(text) == ["python", "-m", "cosam_jax.main", GIVEN[0], *GIVEN[3:], *added]
  assert all(len(line) < 80 for line in text.splitlines())


def test_what_follows_training_is_going_on_and_evaluating():
  text = command_line.next_steps(COMMANDS["train"].following, GIVEN)
  assert "go on, with more of --config.train.epochs:\n  python -m cosam_jax.main" in text
  assert "--mode=evaluate" in text.split("evaluate again:")[1]
  assert command_line.next_steps(COMMANDS["doctor"].following, GIVEN) == ""


def test_the_latest_command_of_each_mode_is_kept(tmp_path):
  assert command_line.recorded(tmp_path) == {}
  command_line.record(tmp_path, "train", GIVEN)
  command_line.record(tmp_path, "train", [*GIVEN, "--seed=2"])
  with (tmp_path / command_line.COMMANDS_FILE).open("a") as file:
    file.write('{"mode": "ev')  # A kill.
  assert list(command_line.recorded(tmp_path)) == ["train"]
  assert words(command_line.recorded(tmp_path)["train"])[-1] == "--seed=2"


def test_nothing_is_said_where_nobody_gave_a_command(tmp_path):
  command_line.record(tmp_path, "train", None)
  assert not (tmp_path / command_line.COMMANDS_FILE).exists()
  assert command_line.next_steps(COMMANDS["train"].following, None) == ""


def test_damaged_commands_are_passed_over(tmp_path):
  path = tmp_path / command_line.COMMANDS_FILE
  lines = [
    b'{"mode": "train", "command": "a"}',
    b"[" * 99_999,
    b"\xff",
    b'{"mode": [], "command": ""}',
  ]
  path.write_bytes(b"\n".join(lines))
  assert command_line.recorded(tmp_path) == {"train": "a"}
  path.unlink()
  os.mkfifo(path)
  with pytest.raises(OSError):
    command_line.record(tmp_path, "train", GIVEN)  # Without waiting for a reader.
