"""The one error that a person's input can cause, from data to report; and being asked to stop."""

import difflib
import signal
from collections.abc import Iterable

_LONGEST = 1900  # Letters of an error, which a terminal still shows at once.


def printable(text: str, keep: str = "") -> str:
  """Text for people: what is no letter that can be seen is written as in Python's source.

  Such are line breaks and what else moves a cursor, marks that turn the direction of writing, and
  the bytes of a file's name that are no UTF-8.

  Args:
    text: with whatever a stranger called a file.
    keep: characters that stay, such as a newline.
  """
  if text.isprintable():
    return text
  return "".join(c if c.isprintable() or c in keep else ascii(c)[1:-1] for c in text)


class InputError(ValueError):
  """Bad input: data, configuration, weights or a checkpoint.

  The message is one sentence for the person at the terminal: what was wrong (file, field, value),
  what is allowed, what to do. The command line prints it without a traceback and exits non-zero.
  File names and values of strangers stand in it, so line breaks and what else moves a terminal's
  cursor are shown as they are written in Python, and of values without end the middle is left out.
  """

  def __init__(self, message: str):
    text = printable(message)
    half = _LONGEST // 2
    super().__init__(text if len(text) <= _LONGEST else f"{text[:half]} ... {text[-half:]}")


class TryLaterError(InputError):
  """What cannot work now, and the same command may do later: exit status 75 (EX_TEMPFAIL)."""


class Preempted(BaseException):
  """The process was asked to stop (SIGTERM). The same command goes on where it stopped.

  Like KeyboardInterrupt no Exception: nothing on its way shall take it for an error of its own.

  Args:
    where: how far it got, and what is saved; may be empty.
    by: the signal.
  """

  def __init__(self, where: str = "", by: str = "SIGTERM"):
    super().__init__(where)
    self.by = by


def stop_signals() -> list[signal.Signals]:
  """The signals that ask to stop, without those that this process was started to ignore (nohup).

  SIGTERM is every scheduler's, SIGUSR1 the early warning of some; SIGHUP is a closed terminal's.
  """
  names = ("SIGTERM", "SIGHUP", "SIGUSR1")
  numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
  return [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]


def suggestion(word: str, choices: Iterable[str]) -> str:
  """Returns `"; did you mean 'x'?"` for the closest of `choices`, or an empty string."""
  close = difflib.get_close_matches(word, list(choices), n=1, cutoff=0.6)
  return f"; did you mean {close[0]!r}?" if close else ""


def renaming(wanted: str, found: Iterable[str]) -> str:
  """Returns `"; rename 'x' to 'wanted'"` for the closest of `found`, or an empty string.

  For a name that somebody's files must have: not the name that is wanted is wrong.
  """
  by_plain = {name.casefold(): name for name in found}
  close = difflib.get_close_matches(wanted.casefold(), list(by_plain), n=1, cutoff=0.6)
  return f"; rename {by_plain[close[0]]!r} to {wanted!r}" if close else ""
