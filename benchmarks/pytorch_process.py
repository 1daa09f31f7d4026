"""PyTorch's side of a comparison in a process of its own, where no setting of ours reaches it.

Imports nothing that starts threads: whether the process keeps memory is settled before.
"""

import multiprocessing
import time
import traceback
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from cosam_jax.runtime import host_memory


class PytorchProcess:
  """A process with `pytorch_network.Runner`, which times the calls that it is asked for.

  Args:
    network: arguments of `pytorch_network.Network`.
    runner, keywords: arguments of `pytorch_network.Runner` behind the network.
    keep_memory: whether it holds on to memory as our process does; not PyTorch's habit.
  """

  def __init__(
    self,
    network: tuple[Any, ...],
    runner: tuple[Any, ...],
    keywords: dict[str, Any],
    keep_memory: bool,
  ):
    # Forked, it would have our settings of the C library.
    context = multiprocessing.get_context("spawn")
    self._connection, theirs = context.Pipe()
    self._process = context.Process(target=_serve, args=(theirs, keep_memory), daemon=True)
    self._process.start()
    theirs.close()
    self._connection.send((network, runner, keywords))

  def __enter__(self) -> "PytorchProcess":
    return self

  def __exit__(self, *error: object) -> None:
    self._process.terminate()
    self._process.join()

  def call(self, part: str, times: int = 1) -> tuple[float, np.ndarray]:
    """Seconds of `times` calls of `"step"` or `"embed"` one after the other, and the last result.

    Raises:
      RuntimeError: with the traceback of what went wrong there.
    """
    self._connection.send((part, times))
    answer = self._connection.recv()
    if isinstance(answer, str):
      raise RuntimeError(answer)
    return answer


def _serve(connection: Connection, keep_memory: bool) -> None:
  try:
    if keep_memory:
      host_memory.settle(host_memory.KEEP)
    import pytorch_network

    network, arguments, keywords = connection.recv()
    runner = pytorch_network.Runner(pytorch_network.Network(*network), *arguments, **keywords)
    while True:
      part, times = connection.recv()
      call = getattr(runner, part)
      runner.wait()
      began = time.perf_counter()
      for _ in range(times):
        result = call()
      runner.wait()
      connection.send((time.perf_counter() - began, result.float().cpu().numpy()))
  except EOFError:  # The other side has gone.
    return
  except BaseException:
    connection.send(traceback.format_exc())
    raise
