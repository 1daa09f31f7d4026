"""Stop signals while the program is still loading: nothing was begun, and nothing is lost.

Python's own status on SIGTERM is 143, which a scheduler takes for a failure, and Ctrl-C while
libraries load leaves their tracebacks. `main` installs this before it loads anything else; training
has its own way to stop later (`runtime.stop_requests`).
"""

import contextlib
import os
import signal
from collections.abc import Collection

from cosam_jax.errors import stop_signals
from cosam_jax.runtime.ignored_errors import send_again
from cosam_jax.runtime.stop_requests import status_after


def install(arguments: list[str], continuing: Collection[str]) -> None:
  """From now on, signals that ask to stop end the process with the status for that.

  Args:
    arguments: of the command line.
    continuing: the modes that the same command continues; in others, only Ctrl-C is heard.
  """
  continues = _mode(arguments) in continuing
  for number in stop_signals():
    if continues or number == signal.SIGINT:
      signal.signal(number, _stop)


def work_begins() -> None:
  """From now on Ctrl-C raises `KeyboardInterrupt` again, so that work can leave things in order."""
  if signal.getsignal(signal.SIGINT) is _stop:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    send_again(KeyboardInterrupt, signal.SIGINT)


def _mode(arguments: list[str]) -> str:
  following = [*arguments[1:], ""]
  for argument, after in zip(arguments, following, strict=True):
    name, equals, value = argument.lstrip("-").partition("=")
    if argument.startswith("-") and name == "mode":
      return value if equals else after
  return "train"


def _stop(number: int, frame: object) -> None:
  name = signal.Signals(number).name
  text = f"stopped by {name} outside the training steps: the same command goes on\n"
  if number == signal.SIGINT:
    text = "stopped by Ctrl-C before any work: the same command begins it\n"
  with contextlib.suppress(OSError):  # The terminal is gone.
    os.write(2, text.encode())
  os._exit(status_after(name))
