"""Memory that the process keeps between steps, instead of asking the system for it each time.

XLA takes the working memory of a program anew for every call on CPUs, gigabytes for a training
step. The C library of Linux fetches a block of that size from the system and gives it back
afterwards, and the system has to clear every page of it: a fifth to a third of the step's time.
If the library keeps such blocks, that time is saved; the process then holds up to two of them.
"""

import ctypes
import os
import pathlib
import platform
import sys
from typing import Any

AUTO, KEEP, RETURN = "auto", "keep", "return"
AUTO_LEAST_BYTES = 12 * 2**30
"""`auto` keeps memory on machines with at least this much; see docs/performance.md."""
# Parameters of mallopt, from malloc.h.
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8
_ACCELERATORS = ("nvidia[0-9]*", "nvidiactl", "kfd", "accel*", "vfio/[0-9]*")


def settle(choice: str = AUTO) -> bool:
  """Makes the C library keep memory, or leaves it alone; returns whether it keeps memory now.

  Call before JAX finds its devices: threads that already have a pool of their own keep it.

  Args:
    choice: `"auto"`, `"keep"` or `"return"`, as the flag's help describes them.
  """
  if choice == RETURN or not sys.platform.startswith("linux") or platform.libc_ver()[0] != "glibc":
    return False
  if choice == AUTO and (has_accelerator() or machine_bytes() < AUTO_LEAST_BYTES):
    return False
  library: Any = ctypes.CDLL(None)
  # Large blocks come from the heap, the heap never shrinks, and all threads share it.
  wanted = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, -1), (_ARENA_MAX, 1))
  return all(library.mallopt(parameter, value) == 1 for parameter, value in wanted)


def machine_bytes(cgroup: pathlib.Path = pathlib.Path("/sys/fs/cgroup/memory.max")) -> int:
  """The memory of this machine, or of the container that the process lives in."""
  total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
  try:
    return min(total, int(cgroup.read_text()))
  except (OSError, ValueError):  # No such limit, or "max".
    return total


def has_accelerator(devices: pathlib.Path = pathlib.Path("/dev")) -> bool:
  """Whether JAX may compute on anything but CPUs: device files say so."""
  if os.environ.get("JAX_PLATFORMS") == "cpu":
    return False
  return any(next(devices.glob(pattern), None) is not None for pattern in _ACCELERATORS)
