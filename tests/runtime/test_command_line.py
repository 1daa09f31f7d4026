"""Printed and kept commands can be given to a shell as they are."""

import os
import pathlib
import shlex
import subprocess
import sys

import pytest

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


def test_a_command_is_broken_between_its_words():
  text = command_line.command(GIVEN)
  assert words(text) == ["python", "-m", "cosam_jax.main", *GIVEN]
  assert all(len(line) < 80 for line in text.splitlines())
  assert command_line.command([], "x/python") == "x/python -m cosam_jax.main"


@pytest.mark.parametrize(
  ("given", "values", "wanted"),
  [
    (["--a=1", "--b=2"], {"a": "3"}, ["--b=2", "--a=3"]),
    (["--a", "1", "-b", "2"], {"a": "3"}, ["-b", "2", "--a=3"]),
    (["-b", "2", "-a=1", "--b=4"], {"b": None}, ["-a=1"]),
    (["--yes", "--b=2", "--yes"], {"yes": None}, ["--b=2"]),
    (["--noyes", "--b", "2"], {"yes": "true"}, ["--b", "2", "--yes=true"]),
    (["--b=2"], {"c.d": "5", "b": None}, ["--c.d=5"]),
    (["--ab=1", "--b.a=2"], {"a": "3", "b": None}, ["--ab=1", "--b.a=2", "--a=3"]),
  ],
)
def test_a_flag_is_changed_however_it_was_given(given, values, wanted):
  assert command_line.changed(given, values) == wanted


@pytest.fixture
def environments(tmp_path, monkeypatch):
  """Two environments of one Python, as venv makes them: links in folders of their own."""
  real = pathlib.Path(sys.executable).resolve()
  for name in ("mine", "other"):
    (tmp_path / name).mkdir()
    for link in ("python", "python3"):
      (tmp_path / name / link).symlink_to(real)
  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(sys, "executable", str(tmp_path / "mine" / "python3"))
  return tmp_path


def test_the_python_of_the_path_needs_no_path(environments, monkeypatch):
  monkeypatch.setenv("PATH", f"{environments / 'mine'}:{environments / 'other'}")
  assert command_line.this_python() == "python"
  monkeypatch.setattr(sys, "executable", "")  # As in a program that embeds Python.
  assert command_line.this_python() == "python"


@pytest.mark.parametrize("search", ["other", "nothing"])
def test_another_python_is_named_by_its_place(environments, monkeypatch, search):
  """A shell finds it from here, whatever its PATH."""
  monkeypatch.setenv("PATH", str(environments / search))
  places = {
    environments: "mine/python3",
    environments / "mine": "./python3",
    environments / "other": str(environments / "mine" / "python3"),
  }
  for folder, wanted in places.items():
    monkeypatch.chdir(folder)
    assert command_line.this_python() == wanted
    found = subprocess.run(["/bin/sh", "-c", f"command -v {wanted}"], stdout=subprocess.DEVNULL)
    assert found.returncode == 0


def test_next_steps_name_the_python_that_runs(environments, monkeypatch):
  monkeypatch.setenv("PATH", str(environments / "other"))
  text = command_line.next_steps({"go on": ["--a=b c"], "stop": []})
  assert text == (
    f"next, in the folder {environments}:\n"
    "go on:\n  mine/python3 -m cosam_jax.main '--a=b c'\nstop:\n  mine/python3 -m cosam_jax.main\n"
  )
  assert command_line.next_steps({}) == ""


def test_a_folder_whose_name_moves_the_cursor_is_escaped(tmp_path, monkeypatch):
  (tmp_path / "a\rb").mkdir()
  monkeypatch.chdir(tmp_path / "a\rb")
  assert command_line.in_this_folder() == f"in the folder {tmp_path}/a\\rb"


def test_the_latest_command_of_each_mode_is_kept(tmp_path):
  assert command_line.recorded(tmp_path) == {}
  command_line.record(tmp_path, "train", GIVEN)
  command_line.record(tmp_path, "train", [*GIVEN, "--seed=2"])
  with (tmp_path / command_line.COMMANDS_FILE).open("a") as file:
    file.write('{"mode": "ev')  # A kill.
  assert list(command_line.recorded(tmp_path)) == ["train"]
  kept = command_line.recorded(tmp_path)["train"]
  assert words(kept) == ["python", "-m", "cosam_jax.main", *GIVEN, "--seed=2"]


def test_nothing_is_kept_if_nobody_gave_a_command(tmp_path):
  command_line.record(tmp_path, "train", None)
  assert not (tmp_path / command_line.COMMANDS_FILE).exists()


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
