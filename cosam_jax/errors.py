"""`InputError`, for all that a user's input can cause; `Preempted`, the request to stop."""

import difflib
import signal
from collections.abc import Iterable

_LONGEST = 1900  # Characters; a terminal shows an error of this length at once.


def printable(text: str, keep: str = "") -> str:
  """Returns text for people: characters that cannot be seen are escaped as in Python's source.

  Those are line breaks and others that move a cursor, marks that change the direction of writing,
  and bytes of a file's name that are not UTF-8.

  Args:
    text: the text; it may hold any name that a stranger gave a file.
    keep: characters that stay, such as a newline.
  """
  if text.isprintable():
    return text
  return "".join(c if c.isprintable() or c in keep else ascii(c)[1:-1] for c in text)


class InputError(ValueError):
  """Bad input: data, configuration, weights or a checkpoint.

  The message is one sentence for the person at the terminal: what was wrong (file, field, value),
  what is allowed, what to do. The command line prints it without a traceback and exits non-zero.
  It may hold strangers' file names and values, so line breaks and other characters that move a
  terminal's cursor are escaped as in Python, and the middle of a very long message is left out.
  """

  def __init__(self, message: str):
    text = printable(message)
    half = _LONGEST // 2
    super().__init__(text if len(text) <= _LONGEST else f"{text[:half]} ... {text[-half:]}")


class TryLaterError(InputError):
  """The same command may work later: exit status 75 (EX_TEMPFAIL)."""


class Preempted(BaseException):
  """The process was asked to stop (SIGTERM, Ctrl-C). The same command goes on where it stopped.

  Like KeyboardInterrupt it is not an Exception, so that `except Exception` does not catch it.

  Args:
    where: how far it got, and whether that is saved; may be empty.
    by: the signal.
  """

  def __init__(self, where: str = "", by: str = "SIGTERM"):
    super().__init__(where)
    self.by = by


def stop_signals() -> list[signal.Signals]:
  """The signals that ask to stop, except those that this process was started to ignore (nohup).

  SIGTERM is every scheduler's, SIGUSR1 the early warning of some; SIGHUP is a closed terminal's,
  SIGINT is Ctrl-C.
  """
  names = ("SIGINT", "SIGHUP", "SIGUSR1", "SIGTERM")
  numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
  return [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]


def suggestion(word: str, choices: Iterable[str]) -> str:
  """Returns `"; did you mean 'x'?"` for the closest of `choices`, or an empty string."""
  close = difflib.get_close_matches(word, list(choices), n=1, cutoff=0.6)
  return f"; did you mean {close[0]!r}?" if close else ""


def renaming(wanted: str, found: Iterable[str]) -> str:
  """Returns `"; rename 'x' to 'wanted'"` for the closest of `found`, or an empty string.

  For a required name: the file has the wrong name, not the caller.
  """
  by_plain = {name.casefold(): name for name in found}
  close = difflib.get_close_matches(wanted.casefold(), list(by_plain), n=1, cutoff=0.6)
  return f"; rename {by_plain[close[0]]!r} to {wanted!r}" if close else ""
