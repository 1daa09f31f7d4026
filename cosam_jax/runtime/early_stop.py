"""Stop signals while the program is still loading: nothing was begun, and nothing is lost.

Python's own status on SIGTERM is 143, which a scheduler takes for a failure. `main` installs
this before it loads anything else; training has its own way to stop later (`training.preemption`).
"""

import contextlib
import os
import signal

from cosam_jax.errors import stop_signals

STOPPED = 75
"""Exit status of a training that was asked to stop: EX_TEMPFAIL of sysexits.h, "try again"."""


def install(arguments: list[str]) -> None:
  """From now on, signals that ask a training to stop end the process with `STOPPED`.

  Args:
    arguments: the command line's; nothing is done for another mode than training.
  """
  following = [*arguments[1:], ""]
  for argument, after in zip(arguments, following, strict=True):
    name, equals, value = argument.lstrip("-").partition("=")
    if argument.startswith("-") and name == "mode" and (value if equals else after) != "train":
      return
  for number in stop_signals():
    signal.signal(number, _stop)


def _stop(number: int, frame: object) -> None:
  name = signal.Signals(number).name
  text = f"stopped by {name} outside the training steps: the same command goes on\n"
  with contextlib.suppress(OSError):  # The terminal is gone.
    os.write(2, text.encode())
  os._exit(STOPPED)
