"""What reaches the terminal: everything, or with `--quiet` warnings and errors alone."""

import contextlib
import io
import sys
from collections.abc import Iterator
from typing import TextIO

from absl import flags, logging

# Where warnings go while everything else that is printed is dropped.
_terminal: TextIO | None = None


def libraries() -> None:
  """Has libraries print warnings alone, unless --verbosity is given: absl would show all."""
  if not flags.FLAGS["verbosity"].present:
    logging.set_verbosity(logging.WARNING)


def warn(text: str) -> None:
  """Prints a warning, which `--quiet` shows too.

  Args:
    text: a sentence, without the word itself.
  """
  show(f"warning: {text}")


def show(text: str) -> None:
  """Prints what `--quiet` shows too: to stdout, or with `--quiet` to stderr."""
  print(text, file=_terminal or sys.stdout, flush=True)


@contextlib.contextmanager
def only_warnings(terminal: TextIO) -> Iterator[None]:
  """While it is entered, nothing that is printed is shown but by `warn` and `show`.

  Args:
    terminal: where these go, and everything that is written to stderr. Progress bars are not
      drawn, since they look for a terminal and find none.
  """
  global _terminal
  before, _terminal = _terminal, terminal
  try:
    with (
      contextlib.redirect_stdout(_Nowhere()),
      contextlib.redirect_stderr(_NoTerminal(terminal)),
    ):
      yield
  finally:
    _terminal = before


class _Nowhere(io.TextIOBase):
  """Drops everything."""

  def write(self, text: str) -> int:
    return len(text)


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
