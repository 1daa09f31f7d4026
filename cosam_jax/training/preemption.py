"""Stopping on request: SIGTERM, which schedulers send some time before they kill.

Inside the loop a step is finished first, so that what is saved is a step; whatever may take long
(waiting for data, validating) is broken off at once. With several processes, all leave the loop at
the same step: each tells its own request with every step, and the devices tell all of them.
"""

import collections
import contextlib
import functools
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import jax
import numpy as np
from jax.sharding import NamedSharding

from cosam_jax.errors import Preempted
from cosam_jax.training.mesh import make_mesh, replicated, split_batch


class Preemption:
  """Hears SIGTERM while it is entered; not entered, nothing ever asks to stop."""

  def __init__(self) -> None:
    self._before: Any = None
    self._entered = self._requested = self._deferred = False
    self._told: collections.deque[jax.Array] = collections.deque()

  def __enter__(self) -> "Preemption":
    # Python delivers signals to the main thread only, and lets no other one ask for them.
    self._entered = threading.current_thread() is threading.main_thread()
    if self._entered:
      self._before = signal.signal(signal.SIGTERM, self._on_signal)
    return self

  def __exit__(self, *error: object) -> None:
    if self._entered:
      signal.signal(signal.SIGTERM, self._before)
      self._entered = False

  def _on_signal(self, number: int, frame: FrameType | None) -> None:
    self._requested = True
    if not self._deferred:
      raise Preempted

  @contextlib.contextmanager
  def deferred(self) -> Iterator[None]:
    """A request waits until `agreed` is asked, instead of raising `Preempted` at once."""
    self._deferred = True
    if self._entered:  # jax's start with several processes has a handler of its own.
      signal.signal(signal.SIGTERM, self._on_signal)
    try:
      yield
    finally:
      self._deferred = False

  @contextlib.contextmanager
  def immediate(self) -> Iterator[None]:
    """Inside `deferred`: a request raises `Preempted` at once after all, also an earlier one.

    Not with several processes, where one that leaves alone would let the others wait for it.
    """
    if jax.process_count() > 1:
      yield
      return
    self._deferred = False
    try:
      if self._requested:
        raise Preempted
      yield
    finally:
      self._deferred = True

  def agreed(self) -> bool:
    """Whether to stop after this step; to be asked once a step, and the same in all processes.

    With several processes it is what all of them said a step ago, which costs no waiting.
    """
    if jax.process_count() == 1:
      return self._requested
    sharding, highest = _agreement()
    here = np.full(jax.local_device_count(), self._requested, np.int32)
    self._told.append(highest(jax.make_array_from_process_local_data(sharding, here)))
    return len(self._told) > 1 and bool(self._told.popleft())


@functools.cache
def _agreement() -> tuple[NamedSharding, Callable[[jax.Array], jax.Array]]:
  """How one number a device is laid out, and what tells the highest of them to all devices."""
  mesh = make_mesh()
  return split_batch(mesh), jax.jit(lambda numbers: numbers.max(), out_shardings=replicated(mesh))
