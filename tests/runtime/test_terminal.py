"""Printing escapes text, raises no error, and never ends the work."""

import os
import pathlib
import subprocess
import sys

import pytest

from cosam_jax.errors import InputError, printable
from cosam_jax.runtime.terminal import Lasting

ROOT = pathlib.Path(__file__).resolve().parents[2]
ODD = "caf\udce9 \x1b[2J\u202egpj\u200f é 人"
PROGRAM = """
import os, sys
from cosam_jax.runtime import terminal
terminal.settle()
for i in range(2000):
  print("caf\\udce9 \\x1b \\u202e \\u4eba", "line", i)
print("\\r\\x1b[A bar \\udce9", file=sys.stderr, flush=True)
file = open("file", "w")
os.write(1, b"of a library\\n")
os.write(2, b"of a library\\n")
file.write("mine")
file.close()
sys.stdout.flush()
os._exit(0 if open("file").read() == "mine" else 1)
"""


def run(tmp_path, redirection: str, **environment) -> subprocess.CompletedProcess:
  (tmp_path / "program.py").write_text(PROGRAM)
  (tmp_path / "file").unlink(missing_ok=True)
  command = f'set -o pipefail; "{sys.executable}" program.py {redirection}'
  return subprocess.run(
    ["bash", "-c", command], cwd=tmp_path, capture_output=True, timeout=60, check=False,
    env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
  )  # fmt: skip


def test_text_for_people_has_nothing_that_moves_a_cursor_or_is_no_text():
  assert printable(ODD) == r"caf\udce9 \x1b[2J\u202egpj\u200f é 人"
  assert printable("a\nb\tc\r", keep="\n") == "a\nb\\tc\\r"
  assert str(InputError(f"a\n{ODD}")) == "a\\n" + printable(ODD)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_terminals_that_know_few_letters_get_the_rest_escaped(tmp_path, encoding):
  done = run(tmp_path, "", PYTHONIOENCODING=encoding, LC_ALL="C", PYTHONUTF8="0")
  assert done.returncode == 0, done.stderr
  first = done.stdout.splitlines()[0].decode(encoding)
  person = "人" if encoding == "utf-8" else r"\u4eba"
  assert first == rf"caf\udce9 \x1b \u202e {person} line 0"
  assert done.stderr.splitlines()[-2].decode(encoding).endswith(r" bar \udce9")


@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_outputs_lead_nowhere_and_never_into_a_file(tmp_path, redirection):
  assert run(tmp_path, redirection).returncode == 0
  assert (tmp_path / "file").read_text() == "mine"


def test_a_reader_that_leaves_does_not_end_the_work(tmp_path):
  done = run(tmp_path, "| head -1")
  assert (done.returncode, (tmp_path / "file").read_text()) == (0, "mine"), done.stderr
  assert done.stdout.decode() == "caf\\udce9 \\x1b \\u202e 人 line 0\n"
  assert b"Error" not in done.stderr


def test_what_was_waiting_is_forgotten_too(tmp_path):
  reading, writing = os.pipe()
  with open(writing, "w", encoding="utf-8") as stream:
    os.close(reading)
    lasting = Lasting(stream, True)
    assert lasting.write("x" * 100_000) == 100_000
    lasting.writelines(["y", "z"])
    lasting.flush()
    assert (lasting.encoding, lasting.fileno(), lasting.isatty()) == ("utf-8", writing, False)


@pytest.mark.parametrize("redirection", ["| head -c1", ">&-", "2>&-"])
def test_the_command_ends_with_its_own_status(tmp_path, redirection):
  command = f'set -o pipefail; "{sys.executable}" -m cosam_jax.main --version {redirection}'
  done = subprocess.run(
    ["bash", "-c", command], cwd=tmp_path, capture_output=True, timeout=60, check=False,
    env=os.environ | {"PYTHONPATH": str(ROOT)},
  )  # fmt: skip
  assert (done.returncode, done.stderr) == (0, b"")
