"""Requests to stop: SIGTERM and its kind, and Ctrl-C.

Schedulers send SIGTERM some time before they kill. A closed terminal sends SIGHUP, and some
schedulers warn by SIGUSR1; both do the same, and so does the first Ctrl-C (SIGINT). The second
Ctrl-C ends the process at once.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from cosam_jax.errors import Preempted, stop_signals
from cosam_jax.runtime.ignored_errors import send_again

STOPPED = 75
"""Exit status of work that was asked to stop: EX_TEMPFAIL of sysexits.h, "try again"."""
INTERRUPTED = 130
"""Exit status after Ctrl-C, as of shells: a person stopped it, so no scheduler begins it again."""

_FIRST = b"Ctrl-C: finishing and saving what has begun; a second Ctrl-C ends at once\n"
_AGAIN = b"ended by a second Ctrl-C: the same command goes on from what is saved or begins anew\n"


def status_after(by: str) -> int:
  """The exit status of work that a signal stopped."""
  return INTERRUPTED if by == "SIGINT" else STOPPED


def in_words(by: str) -> str:
  """The signal's name for people."""
  return "Ctrl-C" if by == "SIGINT" else by


class StopRequests:
  """Hears requests to stop inside its `with` block, if that runs in the main thread.

  Args:
    heard: called in the handler of the first request; may raise.
    at_once: called before a second Ctrl-C ends the process.

  Attributes:
    by: name of the first request's signal; None if there was none.
  """

  def __init__(
    self,
    heard: Callable[[], object] = lambda: None,
    at_once: Callable[[], object] = lambda: None,
  ):
    self.by: str | None = None
    self._heard, self._at_once = heard, at_once
    self._before: dict[signal.Signals, Any] = {}
    self._terminals: list[int] = []
    self._ignored = False

  def __enter__(self) -> "StopRequests":
    self.by = None
    # Python delivers signals to the main thread only, and lets no other one ask for them.
    if threading.current_thread() is threading.main_thread():
      self._terminals = [stream for stream in (1, 2) if os.isatty(stream)]
      self._before = {number: signal.getsignal(number) for number in stop_signals()}
      self._open_pipe()
      self._hook_before = send_again(Preempted, signal.SIGTERM, self._was_ignored)
      self.listen()
    return self

  def __exit__(self, *error: object) -> None:
    if self._before:
      for number, handler in self._before.items():
        signal.signal(number, handler)
      self._before = {}
      sys.unraisablehook = self._hook_before
      self._close_pipe()

  def listen(self) -> None:
    """Installs the handlers again, if others have been installed meanwhile."""
    for number in self._before:
      signal.signal(number, self._on_signal)

  def check(self, where: str) -> None:
    """Raises `Preempted` if there was a request.

    Args:
      where: see `Preempted`.
    """
    if self.by is not None:
      raise Preempted(where, self.by)

  def _on_signal(self, number: int, frame: FrameType | None) -> None:
    if number == getattr(signal, "SIGHUP", None):
      self._forget_terminal()
    # A second request while the first is on its way out changes nothing.
    if self.by is None or self._ignored:
      self.by, self._ignored = self.by or signal.Signals(number).name, False
      self._heard()

  def _was_ignored(self) -> None:
    self._ignored = True

  def _forget_terminal(self) -> None:
    """Discards all later output; printing to a terminal that is gone would be an error."""
    for stream in self._terminals:
      nowhere = os.open(os.devnull, os.O_WRONLY)
      os.dup2(nowhere, stream)
      os.close(nowhere)

  def _open_pipe(self) -> None:
    """Makes the interpreter write each signal's number to a pipe that a thread reads.

    A handler runs only once the main thread is back from a library, which may compile for minutes.
    """
    reading, self._writing = os.pipe()
    os.set_blocking(self._writing, False)
    self._pipe_before = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
    threading.Thread(target=self._count_interrupts, args=[reading], daemon=True).start()

  def _close_pipe(self) -> None:
    signal.set_wakeup_fd(self._pipe_before)
    os.close(self._writing)  # This ends the thread.

  def _count_interrupts(self, reading: int) -> None:
    count = 0
    while numbers := os.read(reading, 64):
      again = numbers.count(signal.SIGINT)
      if again and not count:
        _write(_FIRST)
      count += again
      if count > 1:
        self._at_once()
        _write(_AGAIN)
        os._exit(INTERRUPTED)
    os.close(reading)


def _write(text: bytes) -> None:
  with contextlib.suppress(OSError):  # The terminal is gone.
    os.write(2, (b"\n" if os.isatty(2) else b"") + text)  # A bar is there, or the letters ^C.
