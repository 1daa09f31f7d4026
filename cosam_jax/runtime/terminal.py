"""Output to streams that may be closed, narrow or gone: printing never ends the work.

Strangers' file names hold bytes that are not text and characters that move a cursor; terminals do
not know all letters; readers of a pipe leave; and some processes are started without any output.
"""

import contextlib
import os
import sys
from typing import Any, TextIO

from cosam_jax.errors import printable


def settle() -> None:
  """Prepares stdout and stderr for any text; call once, before anything else.

  A closed descriptor is opened on the null device. Otherwise the next file that is opened would
  take its number, and receive all that libraries print.
  """
  for number in (0, 1, 2):
    try:
      os.fstat(number)
    except OSError:
      os.open(os.devnull, os.O_RDWR)  # Takes the lowest number that is free: this one.
  sys.stdout = _ready(sys.stdout, escaping=True)
  sys.stderr = _ready(sys.stderr, escaping=False)  # Progress bars move the cursor there.


def _ready(stream: Any, *, escaping: bool) -> Any:
  if isinstance(stream, Lasting):
    return stream
  if stream is None:
    stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
  with contextlib.suppress(AttributeError, ValueError):
    stream.reconfigure(errors="backslashreplace")
  return Lasting(stream, escaping)


class Lasting:
  """A text stream whose reader may leave; later text is then dropped without an error.

  Args:
    stream: where text goes; it must replace what it cannot encode.
    escaping: whether characters that move a cursor, or turn the direction of writing, are written
      as in Python's source.
  """

  def __init__(self, stream: TextIO, escaping: bool):
    self._stream, self._escaping = stream, escaping

  def write(self, text: str) -> int:
    """Writes text; returns the number of its characters."""
    with self._outlasting():
      self._stream.write(printable(text, keep="\n\t") if self._escaping else text)
    return len(text)

  def writelines(self, lines: Any) -> None:
    """Writes each line."""
    for line in lines:
      self.write(line)

  def flush(self) -> None:
    """Passes on the text that is waiting."""
    with self._outlasting():
      self._stream.flush()

  @contextlib.contextmanager
  def _outlasting(self) -> Any:
    try:
      yield
    except BrokenPipeError:
      # This also drops text that waits in the stream, and output of libraries and children.
      with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)

  def __getattr__(self, name: str) -> Any:
    return getattr(self._stream, name)
