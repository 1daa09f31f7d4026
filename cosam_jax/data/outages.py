"""Tells a data directory that is out of reach for a while from frames that are missing or damaged.

A network disk that is out of reach shows as a directory that does not exist, as an empty mount
point, or as read errors that are not the file's fault. In these cases the reader waits and tries
again.
"""

import errno
import itertools
import os
import pathlib
import time
from collections.abc import Callable, Iterable

from absl import logging

from cosam_jax.data.prepared import RecordStore
from cosam_jax.data.tracklets import FilePaths, FrameStore, JoinedFrames
from cosam_jax.errors import InputError
from cosam_jax.runtime.outside_files import open_regular

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_PASSING = {
  errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH,
  errno.ENETDOWN, errno.ENETUNREACH, errno.ECONNRESET, errno.ENODEV, errno.ENXIO,
}  # fmt: skip


def outage(store: FrameStore, frame: int) -> str | None:
  """The reason why a frame's whole data directory is out of reach, in words; None if it is not."""
  while isinstance(store, JoinedFrames):
    store, frame = store.locate(frame)
  if isinstance(store, RecordStore):
    return _gone(pathlib.Path(store.directory))
  if not isinstance(store, FilePaths):
    return None
  try:
    with open_regular(store.path(frame)) as file:
      file.read(1)
  except OSError as error:
    if error.errno in _PASSING:
      return f"the data directory {store.root} cannot be read ({error.strerror})"
    return _gone(store.root)
  return None


def wait_for_return(
  find: Callable[[], str | None], seconds: float, pause: Callable[[float], object] = time.sleep
) -> None:
  """Waits, with pauses that double from half a second to half a minute, until `find()` is None.

  Args:
    find: returns the reason in words, or None.
    seconds: how long to wait in all.
    pause: waits for the given seconds.

  Raises:
    InputError: `find` still returns a reason after `seconds`.
  """
  reason, deadline = find(), time.monotonic() + seconds
  if reason is not None and seconds:
    logging.warning("%s: waiting up to %g seconds for it", reason, seconds)
  pauses = (min(_FIRST_PAUSE * 2**i, _LONGEST_PAUSE) for i in itertools.count())
  while reason is not None and (left := deadline - time.monotonic()) > 0:
    pause(min(next(pauses), left))
    reason = find()
  if reason is not None:
    raise InputError(
      f"{reason}, for {seconds:g} seconds now (config.data.retry_seconds): make it reachable and "
      "run the same command again"
    )


def first_outage(store: FrameStore, frames: Iterable[int]) -> str | None:
  """The first reason that `outage` gives for one of the frames."""
  return next((reason for frame in frames if (reason := outage(store, frame))), None)


def _gone(directory: pathlib.Path) -> str | None:
  try:
    with os.scandir(directory) as entries:
      # A disk that is not mounted leaves an empty folder.
      return None if any(entries) else f"the data directory {directory} is empty"
  except OSError as error:
    return f"the data directory {directory} cannot be read ({error.strerror})"
