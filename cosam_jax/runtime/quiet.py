"""`--quiet`: only warnings and errors reach the terminal."""

import contextlib
import io
import sys
from collections.abc import Iterator
from typing import TextIO

from absl import flags, logging

# Where warnings go while everything else that is printed is dropped.
_terminal: TextIO | None = None


def libraries() -> None:
  """Makes libraries print warnings alone unless --verbosity is given; absl would print all."""
  if not flags.FLAGS["verbosity"].present:
    logging.set_verbosity(logging.WARNING)


def warn(text: str) -> None:
  """Prints a warning, which `--quiet` shows too.

  Args:
    text: a sentence, without the word "warning".
  """
  show(f"warning: {text}")


def show(text: str) -> None:
  """Prints what `--quiet` shows too: to stdout, or with `--quiet` to stderr."""
  print(text, file=_terminal or sys.stdout, flush=True)


@contextlib.contextmanager
def only_warnings(terminal: TextIO) -> Iterator[None]:
  """Within the block, `warn`, `show` and stderr alone reach the terminal; stdout is dropped.

  Args:
    terminal: the stream that receives them. Progress bars are not drawn, since they look for a
      terminal and find none.
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
  """Passes everything on, and is not a terminal."""

  def __init__(self, terminal: TextIO):
    self._terminal = terminal

  def write(self, text: str) -> int:
    return self._terminal.write(text)

  def flush(self) -> None:
    self._terminal.flush()

  def isatty(self) -> bool:
    return False
