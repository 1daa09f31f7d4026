"""The end of the process: prompt and with the right status, whatever threads libraries leave.

TensorFlow, XLA and the collectives keep threads. If one of them calls Python while the interpreter
shuts down, it waits for ever or aborts the process, and a run that went well ends with a wrong
status or not at all.
"""

import atexit
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator

from cosam_jax.errors import stop_signals

_END_WITHIN = 30
"""Seconds that exit functions and threads may take together."""


@contextlib.contextmanager
def prompt(seconds: float = _END_WITHIN) -> Iterator[None]:
  """On `sys.exit`, ends the process with that status, without shutting the interpreter down.

  First it waits for threads that are not daemons, runs exit functions and flushes the output.
  Other exceptions pass.

  Args:
    seconds: the process ends after this time in any case, with the same status.
  """
  try:
    yield
  except SystemExit as request:
    status = _status(request.code)
  else:
    return
  for number in stop_signals():
    signal.signal(number, signal.SIG_IGN)  # The work is over, and its status stands.
  _flush()
  at_latest(seconds, status)
  # The first steps of the interpreter's own shutdown, in its order.
  threading._shutdown()  # type: ignore[attr-defined]
  atexit._run_exitfuncs()
  os._exit(status if _flush() else status or 1)


def at_latest(seconds: float, status: int) -> None:
  """Ends the process with `status` after `seconds`, unless it has ended by then."""
  timer = threading.Timer(seconds, lambda: (_flush(), os._exit(status)))
  timer.daemon = True
  timer.start()


def _status(code: object) -> int:
  """The exit status that `sys.exit(code)` asks for; prints a message as Python would."""
  if code is None:
    return 0
  if isinstance(code, int):
    return code & 0xFF
  print(code, file=sys.stderr)
  return 1


def _flush() -> bool:
  """Flushes the output; returns whether that was possible."""
  written = True
  for stream in (sys.stdout, sys.stderr):
    try:
      stream.flush()
    except (OSError, ValueError):  # A closed pipe or a full disk; a closed stream.
      written = False
  return written
