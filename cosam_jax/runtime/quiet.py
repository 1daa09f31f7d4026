"""What does not reach the terminal: with `--quiet` all but warnings and errors."""

import contextlib
import io
from collections.abc import Iterator
from typing import TextIO

from absl import flags, logging


def libraries() -> None:
  """Libraries tell of warnings alone, unless --verbosity is given: absl would show all they log."""
  if not flags.FLAGS["verbosity"].present:
    logging.set_verbosity(logging.WARNING)


@contextlib.contextmanager
def only_warnings(terminal: TextIO) -> Iterator[None]:
  """While it is entered, of what is printed only warnings and errors are shown.

  These are the lines that begin with `warning: ` or `error: `, and indented ones right below.

  Args:
    terminal: where these go, and everything that is written to stderr. Progress bars are not
      drawn, since they look for a terminal and find none.
  """
  with (
    contextlib.redirect_stdout(_Warnings(terminal)),
    contextlib.redirect_stderr(_NoTerminal(terminal)),
  ):
    yield


class _NoTerminal(io.TextIOBase):
  """Passes everything on, and is no terminal."""

  def __init__(self, terminal: TextIO):
    self._terminal = terminal

  def write(self, text: str) -> int:
    return self._terminal.write(text)

  def flush(self) -> None:
    self._terminal.flush()

  def isatty(self) -> bool:
    return False


class _Warnings(_NoTerminal):
  """Passes warnings and errors on, line by line."""

  def __init__(self, terminal: TextIO):
    super().__init__(terminal)
    self._begun, self._passing = "", False

  def write(self, text: str) -> int:
    *whole, self._begun = (self._begun + text).split("\n")
    for line in whole:
      told = line.startswith(("warning: ", "error: "))
      self._passing = told or (self._passing and line.startswith("  "))
      if self._passing:
        self._terminal.write(f"{line}\n")
    return len(text)
