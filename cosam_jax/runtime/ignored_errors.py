"""Requests to stop that were raised where Python ignores every exception: they come again.

Finalizers, callbacks out of C and jax's callback of the garbage collector are such places. While
jax traces a network, about a sixth of all Ctrl-C comes in the latter, and would be lost with a
traceback.
"""

import _thread
import os
import signal
import sys
import threading
import time
import types
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
    # `threading` would wait for the thread's start, during which the signal may already come.
    _thread.start_new_thread(_send_after, (hook.__code__, number))

  sys.unraisablehook = hook
  return before


def _send_after(hook: types.CodeType, number: signal.Signals) -> None:
  """Sends the signal when the main thread has left the hook, in which it would be lost for good."""
  main = threading.main_thread().ident
  inside = True
  while inside:
    time.sleep(_SOON)
    frame = sys._current_frames().get(main or 0)
    inside = False
    while frame is not None and not inside:
      inside, frame = frame.f_code is hook, frame.f_back
  os.kill(os.getpid(), number)
