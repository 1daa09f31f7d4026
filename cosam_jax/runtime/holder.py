"""One holder of a folder: two processes that write there at once would lose each other's files.

On one machine the system's own lock (flock) on the folder's file `.holder` decides; the system
releases it if the process is killed. Over a shared disk such locks work in most places (NFS 4,
Lustre with -o flock) but not in all, so the holder also writes a record of itself, and writes it
again every `BEAT` seconds. A process that gets the lock and finds the record of another machine's
process waits until the record is `STALE` seconds old, by the disk's own clock; it is refused if the
record is renewed meanwhile.

Limits: if locks do not reach other machines, two processes that start within the same second may
both pass, and a process that was asleep for `STALE` seconds may be taken for gone; it notices
before its next checkpoint (`Holder.check`). A lock that a lost machine left on a file server is
never broken: the error says which file to remove.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import platform
import threading
import time
from collections.abc import Iterator
from typing import Any

from cosam_jax.errors import InputError, TryLaterError
from cosam_jax.runtime import holder_record as record

BEAT, STALE = 10.0, 60.0  # Seconds.
ENDING_PATIENCE = 300.0
"""Seconds to wait for a holder that was asked to stop: as long as launch/slurm.sbatch gives it."""
_PATIENCE, _POLL = 3.0, 0.2
_RECORD_BYTES = 1024


class Holder:
  """A folder that this process holds; `held` makes one.

  Args:
    folder: the folder.
    mode: the mode that writes there.
    descriptor: its open, locked file.
    made: folders that were made for it, the lowest first; those still empty at the end are removed.
  """

  def __init__(self, folder: pathlib.Path, mode: str, descriptor: int, made: list[pathlib.Path]):
    self._descriptor, self._path, self._made = descriptor, folder / record.NAME, made
    self._about = {
      "host": platform.node(),
      "boot": record.boot(),
      "pid": os.getpid(),
      "mode": mode,
    }
    self._about["since"] = time.strftime("%Y-%m-%d %H:%M:%S %z")
    self._beats, self._leaving, self._wake = 0, False, threading.Event()
    self._beat()
    self._thread = threading.Thread(target=self._keep_beating, daemon=True)
    self._thread.start()

  def ending(self) -> None:
    """From now on, other processes wait for this one to end instead of being refused."""
    if not self._leaving:  # In a signal's handler, which must not wait for a lock of `release`.
      self._about["ending"] = True
      self._wake.set()

  def check(self) -> None:
    """Raises InputError if another process took the folder because this one gave no sign."""
    now = record.read(self._path)
    if now and any(now[name] != self._about[name] for name in ("boot", "host", "pid")):
      raise InputError(
        f"{self._path.parent} was taken over by {record.words(now)}, since this process "
        "gave no sign of life for a while: leave it to that one, nothing more is written here"
      )

  def release(self) -> None:
    """Gives the folder up."""
    self._leaving = True
    self._wake.set()
    self._thread.join()
    with contextlib.suppress(OSError):
      if record.is_same(self._descriptor, self._path):
        self._path.unlink()  # A process waiting for its lock checks that the file still exists.
    os.close(self._descriptor)
    with contextlib.suppress(OSError):  # They are not empty.
      for folder in self._made:
        folder.rmdir()

  def _keep_beating(self) -> None:
    while not self._leaving:
      self._wake.wait(BEAT)
      self._wake.clear()
      if not self._leaving:
        self._beat()

  def _beat(self) -> None:
    self._beats += 1
    text = json.dumps(self._about | {"beat": self._beats}).encode().ljust(_RECORD_BYTES - 1) + b"\n"
    with contextlib.suppress(OSError):  # The disk is full or away; the lock is held all the same.
      os.pwrite(self._descriptor, text, 0)
      os.fsync(self._descriptor)


@contextlib.contextmanager
def held(folder: pathlib.Path, mode: str) -> Iterator[Holder]:
  """Holds a folder for the length of the block; makes it if need be.

  If another holder was asked to stop (SIGTERM), this waits for it, so that a job that is queued
  again may begin while the old one still saves.

  Args:
    folder: where this process is about to write.
    mode: the mode that writes there, which the error of other processes names.

  Raises:
    InputError: another process holds it, or the folder cannot be written to; TryLaterError, a kind
      of InputError, if a holder that was asked to stop did not end in time.
  """
  made = [path for path in (folder, *folder.parents) if not os.path.lexists(path)]
  holder = Holder(folder, mode, _locked(folder, mode), made)
  try:
    yield holder
  finally:
    holder.release()


@contextlib.contextmanager
def held_for(
  mode: str, workdir: str | None, *, output: str | None = None, beside: str | None = None
) -> Iterator[None]:
  """Holds the folder that a command without training writes to: the run's, or its output.

  Args:
    mode: of the command line.
    workdir: of the command line.
    output: the folder that the command writes to instead, if it is given.
    beside: a file next to which it writes without a workdir.

  Raises:
    InputError: as `held`.
  """
  folder = pathlib.Path(workdir) if workdir else pathlib.Path(beside).parent if beside else None
  nowhere = folder is None or not folder.is_dir()
  if folder is None or nowhere or (output is not None and not _is_inside(output, folder)):
    yield
    return
  with held(folder, mode):
    yield


def _is_inside(path: str, folder: pathlib.Path) -> bool:
  return pathlib.Path(path).expanduser().resolve().is_relative_to(folder.resolve())


def _locked(folder: pathlib.Path, mode: str) -> int:
  """Opens and locks a folder's `.holder`, once no other process holds it."""
  while True:
    try:
      folder.mkdir(parents=True, exist_ok=True)
      flags = os.O_RDWR | os.O_CREAT | os.O_NONBLOCK
      descriptor = os.open(folder / record.NAME, flags, 0o666)
    except OSError as error:
      raise InputError(
        f"the workdir {folder} cannot be used ({error.strerror or error}: {error.filename}): give "
        "one that exists or can be created, and is writable"
      ) from error
    try:
      _wait_for_lock(folder, descriptor, mode)
      # The holder before this one removes the file as it ends; a lock on a removed file is void.
      if record.is_same(descriptor, folder / record.NAME):
        _wait_for_silence(folder, mode)
        return descriptor
    except BaseException:
      os.close(descriptor)
      raise
    os.close(descriptor)


def _wait_for_lock(folder: pathlib.Path, descriptor: int, mode: str) -> None:
  """Takes the system's lock; on a disk without locks the record alone decides."""
  began, told = time.monotonic(), False
  while True:
    try:
      fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
      return
    except BlockingIOError:
      pass
    except OSError:  # A file system without locks.
      return
    other = record.read(folder / record.NAME)
    ending = bool(other and other.get("ending"))
    if time.monotonic() - began > (ENDING_PATIENCE if ending else _PATIENCE):
      raise _refused(folder, mode, other)
    if ending and not told:
      _say(f"{folder} is still held by {record.words(other)}, which was asked to stop: waiting")
    told = ending
    time.sleep(_POLL)


def _wait_for_silence(folder: pathlib.Path, mode: str) -> None:
  """With the lock taken, waits for a holder on a machine that locks do not reach."""
  first = other = record.read(folder / record.NAME)
  here = first is not None and first["boot"] == record.boot()
  if first is None or (here and not record.lives_without_locks(folder, first)):
    return
  _say(
    f"{folder} was last held by {record.words(first)}: waiting up to {STALE:.0f} s to see "
    "whether it is still at work"
  )
  began = time.monotonic()
  while other is not None and record.silence(folder) < STALE:
    waited = time.monotonic() - began
    if other["beat"] != first["beat"] and (not other.get("ending") or waited > ENDING_PATIENCE):
      raise _refused(folder, mode, other)
    time.sleep(_POLL)
    other = record.read(folder / record.NAME)


def _refused(folder: pathlib.Path, mode: str, other: dict[str, Any] | None) -> InputError:
  """The error for the process that comes second."""
  if other and other.get("ending"):
    return TryLaterError(
      f"{folder} is held by {record.words(other)}, which was asked to stop and is still at "
      f"work after {ENDING_PATIENCE:.0f} s: run the same command again later"
    )
  gone = ""
  if other and other["boot"] != record.boot() and (silent := record.silence(folder)) > STALE:
    gone = (
      f", which gave no sign of life for {silent:.0f} s (if it is gone, remove "
      f"{folder / record.NAME})"
    )
  return InputError(
    f"{folder} is held by {record.words(other)}{gone}, and --mode={mode} would write there "
    "too: wait until it has ended, stop it, or give another folder"
  )


def _say(text: str) -> None:
  print(text, flush=True)
