"""The record that the holder of a folder wrote into it, and whether the holder is still alive."""

import contextlib
import fcntl
import json
import os
import pathlib
import platform
from typing import Any

NAME = ".holder"


def lives_without_locks(folder: pathlib.Path, other: dict[str, Any]) -> bool:
  """Whether the holder, a process of this machine, is alive although its lock was free."""
  with open(folder / NAME, "rb") as file:
    try:
      fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
      return False  # We hold the lock, so locks work here, and the record's writer is gone.
    except OSError:
      pass  # The disk has no locks.
  try:
    os.kill(other["pid"], 0)
  except ProcessLookupError:
    return False
  except OSError:
    pass
  return other["pid"] != os.getpid()


def silence(folder: pathlib.Path) -> float:
  """Seconds since the holder last wrote, by the clock of the disk's own machine."""
  probe = folder / f"{NAME}.{platform.node()}.{os.getpid()}"
  try:
    probe.touch()
    # Opened anew, since over a network the times of an open file may be out of date.
    with open(folder / NAME, "rb") as file:
      return max(0.0, probe.stat().st_mtime - os.fstat(file.fileno()).st_mtime)
  except OSError:
    return 0.0
  finally:
    with contextlib.suppress(OSError):
      probe.unlink()


def read(path: pathlib.Path) -> dict[str, Any] | None:
  """The holder's record; None if there is none, or it is damaged."""
  try:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
      found = json.loads(os.pread(descriptor, 1 << 16, 0))
    finally:
      os.close(descriptor)
    names = {"host": str, "boot": str, "pid": int, "mode": str, "since": str, "beat": int}
    return found if all(isinstance(found[name], kind) for name, kind in names.items()) else None
  except (OSError, ValueError, KeyError, TypeError, RecursionError):
    return None


def is_same(descriptor: int, path: pathlib.Path) -> bool:
  """Whether an open file is still the one at that path."""
  try:
    return os.path.samestat(os.fstat(descriptor), os.stat(path))
  except OSError:
    return False


def words(other: dict[str, Any] | None) -> str:
  """Names a holder, for people."""
  if other is None:
    return "another process"
  return (
    f"process {other['pid']} on {other['host']} (--mode={other['mode']}, since {other['since']})"
  )


def boot() -> str:
  """An id of this start of the machine; its containers have the same one."""
  try:
    return pathlib.Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
  except (OSError, ValueError):
    return platform.node()
