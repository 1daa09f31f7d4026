"""The batches of a plan, read in order on a thread of their own.

Only that thread calls TensorFlow. Python runs signal handlers on the main thread, between any two
of its instructions. If a handler raises (Ctrl-C, SIGTERM) while TensorFlow calls back into Python,
the exception is swallowed there, and TensorFlow 2.21 then writes beyond its memory. So the main
thread only waits; a wait that is broken off loses no batch, since the next wait gets the batch that
was asked for.

The thread and TensorFlow's iterator end before the interpreter does: TensorFlow's threads, if they
call Python after that, wait for ever or abort the process.
"""

from __future__ import annotations

import atexit
import dataclasses
import queue
import threading
import traceback
import weakref
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import numpy as np
from absl import logging

from cosam_jax.data.augmentation import Preprocess
from cosam_jax.data.batches import Batch
from cosam_jax.data.decoders import Decoder, UnreadFrames
from cosam_jax.data.outages import first_outage, wait_for_return
from cosam_jax.data.stream import BY_TENSORFLOW
from cosam_jax.data.tracklets import FrameStore, TrackletTable
from cosam_jax.errors import InputError

_MOST_RETRIES = 5  # For one batch.
_END_WITHIN = 20
"""Seconds that the program, at its end, waits for a batch that is being read."""

BatchType = TypeVar("BatchType", covariant=True)
Frames = Iterator[tuple[np.ndarray, np.ndarray]]


class Batches(Generic[BatchType], Iterator[BatchType]):
  """The batches of a plan, in order.

  Attributes:
    skipped: number of frames of the batches so far that could not be read and were left out.
  """

  def __init__(
    self,
    table: TrackletTable,
    address: Callable[[int], Batch],
    finish: Callable[[Batch, np.ndarray, np.ndarray], BatchType],
    preprocess: Preprocess,
    *,
    first: int,
    last: int | None,
    seed: int,
    skip: bool,
    retry_seconds: float,
    threads: int | None,
    share: tuple[int, int],
    decoder: Decoder = BY_TENSORFLOW,
  ):
    """Makes the batches `first` .. `last - 1`, or without end.

    Args:
      table, address, preprocess, seed, skip, threads: see `stream.frame_batches`.
      finish: (batch, float32 or uint8 [B, T, H, W, 3], bool[B, T]) -> the item to hand out.
      first, last: see above.
      retry_seconds: how long to wait for a data directory that is out of reach.
      share: (i, n), the i-th of n equal runs of each batch's clips.
      decoder: reads the frames.
    """
    own = address if share[1] == 1 else lambda step: address(step).share(*share)

    def frames_from(step: int) -> Frames:
      return decoder.frames(
        table.frames,
        own,
        preprocess,
        first=step,
        last=np.iinfo(np.int64).max if last is None else max(step, last),
        seed=seed,
        skip=skip,
        threads=threads,
        share=share[0],
      )

    self.skipped = 0
    self._finish = finish
    self._step, self._last = first, last
    self._reading: _Reading | None = None
    self._reader = _Reader(table, own, frames_from, decoder.refusal, skip, retry_seconds)
    # Does not wait for the reader's thread, which may itself wait for the thread that runs this.
    weakref.finalize(self, self._reader.tasks.put, None).atexit = False

  def __iter__(self) -> Batches[BatchType]:
    return self

  def __next__(self) -> BatchType:
    if self._last is not None and self._step >= self._last:
      raise StopIteration
    if self._reading is None:
      self._reading = _Reading(self._step)
    reading = self._reading
    self._reader.wait_for(reading)
    if reading.error is not None:
      self._reading = None
      try:
        raise reading.error
      finally:
        del reading  # It would be in a cycle: the error's traceback refers to this frame.
    batch = self._finish(*reading.found)
    skipped = self.skipped + reading.skipped
    self._reading, self._step, self.skipped = None, self._step + 1, skipped
    return batch


@dataclasses.dataclass(eq=False)
class _Reading:
  """A requested batch, and once it is done either its content or an error."""

  step: int
  done: bool = False
  found: tuple = ()
  skipped: int = 0
  error: BaseException | None = None


class _Reader:
  """The thread; it does not refer to the `Batches` that it reads for, so that these can be freed.

  Attributes:
    tasks: readings, and None to end. This is the only kind of Python's queues that still works
      after an interruption at any instruction; those with locks written in Python may stay locked.
    ending: set when the program ends.
  """

  def __init__(
    self,
    table: TrackletTable,
    address: Callable[[int], Batch],
    frames_from: Callable[[int], Frames],
    refusal: Callable[[bytes], str | None],
    skip: bool,
    retry_seconds: float,
  ):
    self.tasks: queue.SimpleQueue[_Reading | None] = queue.SimpleQueue()
    self.ending = threading.Event()
    self._woken: queue.SimpleQueue[None] = queue.SimpleQueue()
    self._table, self._address, self._skip = table, address, skip
    self._retry_seconds = retry_seconds
    self._reported: set[int] = set()
    self._frames_from, self._refusal = frames_from, refusal
    self._frames: Frames | None = None
    self._next = 0
    self.thread = threading.Thread(target=self._run, name="batches", daemon=True)
    _READERS.add(self)
    self.thread.start()

  def wait_for(self, reading: _Reading) -> None:
    """Returns once the reading is done; can be interrupted anywhere, and called again."""
    if not reading.done:
      # Asks again after an interrupted wait, which may have got no further; the thread skips a
      # reading that is done.
      self.tasks.put(reading)
    while not reading.done:
      self._woken.get()

  def _run(self) -> None:
    while (reading := self.tasks.get()) is not None:
      if not reading.done:
        self._settle(reading)
      del reading  # Frees its images.
      self._woken.put(None)
    self._frames = None
    _READERS.discard(self)

  def _settle(self, reading: _Reading) -> None:
    try:
      self._read(reading)
    except BaseException as error:
      self._frames = None
      if not isinstance(error, InputError):
        lines = traceback.format_tb(error.__traceback__)
        error.add_note(f"while reading frames:\n{''.join(lines)}")
      # The traceback would keep TensorFlow's iterator alive.
      reading.error = error.with_traceback(None)
    reading.done = True

  def _read(self, reading: _Reading) -> None:
    batch = self._address(reading.step)
    wanted = batch.frames >= 0
    for retry in range(_MOST_RETRIES + 1):
      failure = None
      try:
        images, valid = self._frames_of(reading.step)
        valid = valid.reshape(batch.frames.shape)
        bad = np.setdiff1d(batch.frames[~valid & wanted], list(self._reported))
      except UnreadFrames as error:
        failure, bad = error.with_traceback(None), np.unique(batch.frames[wanted])
      if not len(bad) or retry == _MOST_RETRIES or not self._passing(bad.tolist()):
        break
      self._frames = None
    if failure is not None:
      raise self._explained(batch, reading.step, failure) from failure
    if self._skip:
      reading.skipped = self._count(batch, valid)
    reading.found = batch, images.reshape(*batch.frames.shape, *images.shape[1:]), valid

  def _frames_of(self, step: int) -> tuple[np.ndarray, np.ndarray]:
    """A step's frames. Any step can be read at any time; only the next one is read ahead."""
    if self._frames is None or self._next != step:
      self._frames = self._frames_from(step)
    found = next(self._frames)
    self._next = step + 1
    return found

  def _passing(self, frames: list[int]) -> bool:
    """Whether failed frames can be read now; waits for a data directory that is out of reach."""
    if not self._retry_seconds:
      return False
    store = self._table.frames
    away = first_outage(store, frames)
    if not away and any(self._reason(frame) for frame in frames):
      return False
    wait_for_return(lambda: first_outage(store, frames), self._retry_seconds, self._pause)
    return True

  def _reason(self, frame: int) -> str | None:
    return unreadable_reason(self._table.frames, frame, self._refusal)

  def _pause(self, seconds: float) -> None:
    if self.ending.wait(seconds):
      raise SystemExit  # Ends the wait; the program is ending, so nobody sees it.

  def _count(self, batch: Batch, valid: np.ndarray) -> int:
    """Counts the frames that were left out; names each file once in the log."""
    bad = np.argwhere(~valid & (batch.frames >= 0))
    for clip, position in bad.tolist():
      frame = int(batch.frames[clip, position])
      if frame not in self._reported:
        self._reported.add(frame)
        what = _describe(self._table, int(batch.tracklets[clip]), frame)
        reason = self._reason(frame) or "it could not be read once"
        logging.warning("%s is left out: %s", what, reason)
    return len(bad)

  def _explained(self, batch: Batch, step: int, error: Exception) -> InputError:
    """Reads the frames of a failed batch one by one, to say which of them failed and why."""
    for tracklet, frames in zip(batch.tracklets.tolist(), batch.frames.tolist()):
      for frame in dict.fromkeys(frames):
        reason = None if frame < 0 else self._reason(frame)
        if reason:
          return InputError(
            f"{_describe(self._table, tracklet, frame)} cannot be used: {reason}; repair the file, "
            "or leave such frames out with on_unreadable='skip'"
          )
    line = (str(error).splitlines() or ["no reason is known"])[0]
    return InputError(
      f"batch {step} could not be read, although each of its frames can be now ({line}); "
      "look at the disk or network that holds the data, then run again"
    )


_READERS: set[_Reader] = set()


@atexit.register
def _end_readers() -> None:
  """Ends all readers, and TensorFlow's iterators with them."""
  readers = list(_READERS)
  for reader in readers:
    reader.ending.set()
    reader.tasks.put(None)
  for reader in readers:
    reader.thread.join(_END_WITHIN)


def unreadable_reason(
  store: FrameStore, frame: int, refusal: Callable[[bytes], str | None] = BY_TENSORFLOW.refusal
) -> str | None:
  """The reason why a frame cannot be used, in words; None if it can. See `Decoder.refusal`."""
  try:
    data = store.read(frame)
  except FileNotFoundError:
    return "there is no such file"
  except (OSError, InputError) as error:
    return getattr(error, "strerror", None) or str(error)
  return refusal(data)


def _describe(table: TrackletTable, tracklet: int, frame: int) -> str:
  """Names a frame and its tracklet, for people."""
  return f"frame {table.frames.name(frame)} of tracklet {str(table.names[tracklet])!r}"
