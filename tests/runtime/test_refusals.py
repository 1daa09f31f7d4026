"""Errors that a user can fix are one line and an exit status; all others pass."""

import errno

import pytest

from cosam_jax.errors import InputError, Preempted, TryLaterError
from cosam_jax.runtime.refusals import refuse, status_of

ERRORS = [
  (InputError("no such\n file"), 2, "error: no such\\n file"),
  (TryLaterError("busy"), 75, "error: busy"),
  (
    OSError(errno.ENOSPC, "No space left on device", "/data/a"),
    2,
    "error: No space left on device (/data/a): make room, and run the same command again",
  ),
  (
    OSError(errno.EACCES, "Permission denied", "/tmp/a.partial", None, "/data/a"),
    2,
    "error: Permission denied (/data/a): make it usable, or give another place, and run the same "
    "command again",
  ),
  (
    OSError(errno.EFBIG, "File too large", "/data/a"),
    2,
    "error: File too large (/data/a): raise the limit on the size of files (ulimit -f), or give "
    "another place, and run the same command again",
  ),
  (
    OSError("gone"),
    2,
    "error: gone: make it usable, or give another place, and run the same command again",
  ),
  (
    Preempted("after step 3 of 9", "SIGUSR1"),
    75,
    "stopped by SIGUSR1 after step 3 of 9: the same command goes on",
  ),
  (
    Preempted(),
    75,
    "stopped by SIGTERM outside the training steps, where nothing was to be saved: the same "
    "command goes on",
  ),
  (
    Preempted("after step 3 of 9, which is saved", "SIGINT"),
    130,
    "stopped by Ctrl-C after step 3 of 9, which is saved: the same command goes on",
  ),
  (
    KeyboardInterrupt(),
    130,
    "stopped by Ctrl-C before the end: the same command does what is left to do",
  ),
]


@pytest.mark.parametrize(("error", "status", "line"), ERRORS, ids=lambda value: repr(value)[:30])
def test_an_error_is_a_line_and_a_status(error, status, line, capsys):
  def work():
    raise error

  assert status_of(work) == status
  assert capsys.readouterr() == ("", line + "\n")


def test_other_outcomes_are_the_works_own(capsys):
  assert [status_of(lambda: None), status_of(lambda: 3)] == [0, 3]
  with pytest.raises(ZeroDivisionError):
    status_of(lambda: 1 // 0)
  assert capsys.readouterr() == ("", "")


def test_a_refusal_is_one_line_whatever_its_text(capsys):
  assert refuse("one\n  two\tthree \x1b[2J") == 2
  assert capsys.readouterr().err == "error: one two three \\x1b[2J\n"
