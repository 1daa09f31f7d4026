"""Stopping on request: SIGTERM and its kind, and Ctrl-C; see `runtime.stop_requests`.

Inside the loop, the current step is finished first, so that a whole step is saved; long work
(waiting for data, validating) is broken off at once. With several processes, all leave the loop at
the same step: at every step each passes its own request to the others, through the devices.
"""

import collections
import contextlib
import functools
import signal
from collections.abc import Callable, Iterator

import jax
import numpy as np
from jax.sharding import NamedSharding

from cosam_jax.errors import Preempted
from cosam_jax.runtime.stop_requests import StopRequests
from cosam_jax.training.mesh import make_mesh, replicated, split_batch


class Preemption:
  """Hears SIGTERM and its kind inside its `with` block; outside, nothing ever asks to stop.

  Args:
    requested: called in the signal's handler, at the first request.
  """

  def __init__(self, requested: Callable[[], None] | None = None) -> None:
    self._requests = StopRequests(self._on_request)
    self._deferred = False
    self._tell = requested
    self._told: collections.deque[jax.Array] = collections.deque()
    self._agreed = 0

  def __enter__(self) -> "Preemption":
    self._requests.__enter__()
    return self

  def __exit__(self, *error: object) -> None:
    self._requests.__exit__(*error)

  @property
  def by(self) -> str:
    """The signal that asked first; of several processes, the one that they agreed on."""
    return signal.Signals(self._agreed).name if self._agreed else self._requests.by or "SIGTERM"

  def _on_request(self) -> None:
    if self._tell:
      self._tell()
    if not self._deferred:
      raise Preempted(by=self.by)

  @contextlib.contextmanager
  def deferred(self) -> Iterator[None]:
    """Inside the block, a request waits for `agreed` instead of raising `Preempted` at once."""
    self._deferred = True
    self._requests.listen()  # jax's start with several processes has a handler of its own.
    try:
      yield
    finally:
      self._deferred = False

  @contextlib.contextmanager
  def immediate(self) -> Iterator[None]:
    """Inside `deferred`: a request, even an earlier one, raises `Preempted` at once.

    With several processes it does not: the others would wait for one that leaves alone.
    """
    if jax.process_count() > 1:
      yield
      return
    self._deferred = False
    try:
      self._requests.check("")
      yield
    finally:
      self._deferred = True

  def agreed(self) -> bool:
    """Whether to stop after this step; to be called once a step; the same in all processes.

    With several processes, the answer is that of the step before, which needs no waiting.
    """
    own = self._requests.by
    if jax.process_count() == 1:
      return own is not None
    sharding, highest = _agreement()
    here = np.full(jax.local_device_count(), signal.Signals[own] if own else 0, np.int32)
    self._told.append(highest(jax.make_array_from_process_local_data(sharding, here)))
    if len(self._told) > 1:
      self._agreed = int(self._told.popleft())
    return bool(self._agreed)


@functools.cache
def _agreement() -> tuple[NamedSharding, Callable[[jax.Array], jax.Array]]:
  """The layout of one number a device, and a function that gives all devices the largest one."""
  mesh = make_mesh()
  return split_batch(mesh), jax.jit(lambda numbers: numbers.max(), out_shardings=replicated(mesh))
