"""Runs the program as a person would, and reads its answers."""

import pathlib
import subprocess
import sys
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[2]
MARS = f"--config={ROOT / 'configs' / 'mars.py'}"
MINI = f"--config={ROOT / 'configs' / 'mars_mini.py'}"


class Answer(NamedTuple):
  """A command's exit status, stdout and stderr."""

  status: int
  out: str
  errors: str


def command(*arguments, **options) -> Answer:
  """Runs the program as a person would."""
  result = subprocess.run(
    [sys.executable, "-m", "cosam_jax.main", *arguments],
    capture_output=True, text=True, timeout=120, cwd=ROOT, check=False, **options,
  )  # fmt: skip
  return Answer(result.returncode, result.stdout, result.stderr)


def only_line(answer: Answer) -> str:
  """The sentence of a refusal, after `error: `."""
  assert answer.status not in (0, 1), answer
  lines = answer.errors.splitlines()
  assert len(lines) == 1, answer.errors
  assert lines[0].startswith("error: ")
  return lines[0].removeprefix("error: ")
