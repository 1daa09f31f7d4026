"""The other side of a comparison in a process of its own, where no setting of ours reaches it.

Imports nothing that starts threads, since whether the process keeps memory is decided before that.
"""

import contextlib
import importlib
import multiprocessing
import sys
import time
import traceback
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from cosam_jax.runtime import host_memory


class PeerProcess:
  """A process with a peer's network, which times the calls that it is asked for.

  Args:
    maker: `"module:function"` of this folder; the function makes an object with the methods that
      `call` names, and `wait`, which returns when all work is done.
    arguments: of the function.
    keep_memory: whether the process keeps memory as ours does; by default peers do not.
  """

  def __init__(self, maker: str, arguments: tuple[Any, ...], keep_memory: bool = False):
    # A forked process would have our settings of the C library.
    context = multiprocessing.get_context("spawn")
    self._connection, theirs = context.Pipe()
    self._process = context.Process(target=_serve, args=(theirs, keep_memory), daemon=True)
    self._process.start()
    theirs.close()
    self._connection.send((maker, arguments))

  def __enter__(self) -> "PeerProcess":
    return self

  def __exit__(self, *error: object) -> None:
    self._process.terminate()
    self._process.join()

  def call(self, part: str, times: int = 1) -> tuple[float, np.ndarray]:
    """Seconds of `times` calls of a method one after the other, and the last result.

    Raises:
      RuntimeError: something failed in that process; the error has its traceback.
    """
    # A process that has failed has closed its end, and its last words wait in ours.
    with contextlib.suppress(BrokenPipeError):
      self._connection.send((part, times))
    answer = self._connection.recv()
    if isinstance(answer, str):
      raise RuntimeError(answer)
    return answer


def _serve(connection: Connection, keep_memory: bool) -> None:
  try:
    if keep_memory:
      host_memory.settle(host_memory.KEEP)
    maker, arguments = connection.recv()
    module, function = maker.split(":")
    peer = getattr(importlib.import_module(module), function)(*arguments)
    while True:
      part, times = connection.recv()
      call = getattr(peer, part)
      peer.wait()
      began = time.perf_counter()
      for _ in range(times):
        result = call()
      peer.wait()
      connection.send((time.perf_counter() - began, np.asarray(result)))
  except EOFError:  # The other side has gone.
    return
  except BaseException:
    connection.send(traceback.format_exc())
    sys.exit(1)  # The other side shows the error.
