"""Stopping on request: SIGTERM, which schedulers send some time before they kill, and its kind.

A closed terminal sends SIGHUP, and some schedulers warn by SIGUSR1; both do the same.

Inside the loop a step is finished first, so that a whole step is saved; long work (waiting for
data, validating) is broken off at once. With several processes, all leave the loop at the same
step: each passes its own request on with every step, through the devices.
"""

import collections
import contextlib
import functools
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import jax
import numpy as np
from jax.sharding import NamedSharding

from cosam_jax.errors import Preempted, stop_signals
from cosam_jax.training.mesh import make_mesh, replicated, split_batch


class Preemption:
  """Hears SIGTERM and its kind while it is entered; not entered, nothing ever asks to stop.

  Args:
    requested: called in the signal's handler when it is asked for the first time.
  """

  def __init__(self, requested: Callable[[], None] | None = None) -> None:
    self._before: dict[signal.Signals, Any] = {}
    self._entered = self._requested = self._deferred = False
    self._tell = requested
    self._terminals: list[int] = []
    self._told: collections.deque[jax.Array] = collections.deque()
    self.by = "SIGTERM"

  def __enter__(self) -> "Preemption":
    # Python delivers signals to the main thread only, and lets no other one ask for them.
    self._entered = threading.current_thread() is threading.main_thread()
    if self._entered:
      self._terminals = [stream for stream in (1, 2) if os.isatty(stream)]
      self._before = {number: signal.getsignal(number) for number in stop_signals()}
      self._listen()
    return self

  def __exit__(self, *error: object) -> None:
    if self._entered:
      for number, handler in self._before.items():
        signal.signal(number, handler)
      self._entered = False

  def _listen(self) -> None:
    for number in self._before:
      signal.signal(number, self._on_signal)

  def _on_signal(self, number: int, frame: FrameType | None) -> None:
    again, self._requested = self._requested, True
    self.by = signal.Signals(number).name
    if self.by == "SIGHUP":
      self._forget_terminal()
    if not again and self._tell:
      self._tell()
    # A second one while the first is on its way out changes nothing.
    if not self._deferred and not again:
      raise Preempted(by=self.by)

  def _forget_terminal(self) -> None:
    """What is printed from now on goes nowhere; on a terminal that is gone it would be an error."""
    for stream in self._terminals:
      nowhere = os.open(os.devnull, os.O_WRONLY)
      os.dup2(nowhere, stream)
      os.close(nowhere)

  @contextlib.contextmanager
  def deferred(self) -> Iterator[None]:
    """A request waits until `agreed` is asked, instead of raising `Preempted` at once."""
    self._deferred = True
    if self._entered:  # jax's start with several processes has a handler of its own.
      self._listen()
    try:
      yield
    finally:
      self._deferred = False

  @contextlib.contextmanager
  def immediate(self) -> Iterator[None]:
    """Inside `deferred`: a request, also an earlier one, raises `Preempted` at once.

    Not with several processes: the others would wait for one that leaves alone.
    """
    if jax.process_count() > 1:
      yield
      return
    self._deferred = False
    try:
      if self._requested:
        raise Preempted(by=self.by)
      yield
    finally:
      self._deferred = True

  def agreed(self) -> bool:
    """Whether to stop after this step; to be asked once a step, and the same in all processes.

    With several processes it is their answer of a step ago, which costs no waiting.
    """
    if jax.process_count() == 1:
      return self._requested
    sharding, highest = _agreement()
    here = np.full(jax.local_device_count(), self._requested, np.int32)
    self._told.append(highest(jax.make_array_from_process_local_data(sharding, here)))
    return len(self._told) > 1 and bool(self._told.popleft())


@functools.cache
def _agreement() -> tuple[NamedSharding, Callable[[jax.Array], jax.Array]]:
  """The layout of one number a device, and a function that gives their highest to all devices."""
  mesh = make_mesh()
  return split_batch(mesh), jax.jit(lambda numbers: numbers.max(), out_shardings=replicated(mesh))
