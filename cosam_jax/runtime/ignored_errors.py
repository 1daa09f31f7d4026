"""Requests to stop that were raised where Python ignores every exception: they come again.

Finalizers, callbacks out of C and jax's callback of the garbage collector are such places. While
jax traces a network, about a sixth of all Ctrl-C comes in the latter, and would be lost with a
traceback.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

_SOON = 0.01  # Seconds.


def send_again(
  kind: type[BaseException], number: signal.Signals, noticed: Callable[[], object] = lambda: None
) -> Callable[[Any], object]:
  """From now on, an ignored exception of this kind sends its signal again and prints nothing.

  Args:
    kind: of the exception.
    number: the signal whose handler raises it.
    noticed: called before the signal is sent.

  Returns:
    `sys.unraisablehook` as it was before.
  """
  before = sys.unraisablehook

  def hook(ignored: Any) -> None:
    if not issubclass(ignored.exc_type, kind):
      before(ignored)
      return
    noticed()
    timer = threading.Timer(_SOON, os.kill, (os.getpid(), number))
    timer.daemon = True
    timer.start()

  sys.unraisablehook = hook
  return before
