"""Memory that the process keeps between steps, instead of asking the system for it each time.

On CPUs, XLA allocates the working memory of a program anew for every call: gigabytes for a training
step. The C library of Linux fetches a block of that size from the system and gives it back
afterwards, and the system has to clear every page of it: a fifth to a third of the step's time.
If the library keeps such blocks, that time is saved; the process then holds up to two of them.

`settle` chooses before anything is known of the program. `fit` checks again once it is compiled: if
two blocks of its plan need more than is free, memory goes back after each call.
"""

import ctypes
import os
import pathlib
import platform
import sys
from typing import Any, ClassVar

from cosam_jax.runtime import memory_limits

AUTO, KEEP, RETURN = "auto", "keep", "return"
AUTO_LEAST_BYTES = 12 * 2**30
"""`auto` keeps memory on machines with at least this much; see docs/performance.md."""
# Parameters of mallopt, from malloc.h, and what the library starts with.
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8
_GIVING_BACK = ((_MMAP_MAX, 65_536), (_TRIM_THRESHOLD, 128 * 2**10))
_BLOCKS_KEPT = 2
_ACCELERATORS = ("nvidia[0-9]*", "nvidiactl", "kfd", "accel*", "vfio/[0-9]*")


def settle(choice: str = AUTO) -> bool:
  """Makes the C library keep memory, or leaves it as it is; returns whether it keeps memory now.

  Call before JAX finds its devices: threads that already have a pool of their own keep it.

  Args:
    choice: `"auto"`, `"keep"` or `"return"`, as the flag's help describes them.
  """
  if choice == RETURN or not sys.platform.startswith("linux") or platform.libc_ver()[0] != "glibc":
    return False
  if choice == AUTO and (has_accelerator() or machine_bytes() < AUTO_LEAST_BYTES):
    return False
  # Large blocks come from the heap, the heap never shrinks, and all threads share it.
  _Kept.now = _set((_MMAP_MAX, 0), (_TRIM_THRESHOLD, -1), (_ARENA_MAX, 1))
  _Kept.by_choice = _Kept.now and choice == AUTO
  return _Kept.now


def compute_in_turn() -> None:
  """On CPUs, makes a call return when it has ended; call before JAX finds its devices.

  Otherwise JAX says that results are there shortly before it frees the call's working memory, so
  that the next call takes another block. `JAX_CPU_ENABLE_ASYNC_DISPATCH` of the user's counts.
  """
  if "JAX_CPU_ENABLE_ASYNC_DISPATCH" not in os.environ:
    import jax

    jax.config.update("jax_cpu_enable_async_dispatch", False)


class _Kept:
  """The C library's state, which belongs to the process.

  Attributes:
    now: whether memory is kept.
    by_choice: whether it is because `auto` chose so, and not because the user asked.
  """

  now = False
  by_choice = False


def keeps() -> bool:
  """Whether this process keeps memory between calls."""
  return _Kept.now


def fit(planned: int, free: int | None = None) -> str | None:
  """Compares a program's plan with what is free, once it is compiled.

  If memory is kept by `auto`, and blocks for two calls would not fit, memory is given back from now
  on: that is slower, and takes half.

  Args:
    planned: bytes of working memory that one call takes.
    free: bytes that this process can still have; None: what the system says, and what the C library
      keeps for the process's next allocations.

  Returns:
    A sentence if memory is given back from now on, or if one or two calls do not fit; else None.
  """
  if free is None:
    free = free_bytes()
    if free is None:
      return None
    free += _held_bytes()
  given_back = _Kept.by_choice and _BLOCKS_KEPT * planned > free and _set(*_GIVING_BACK)
  if given_back:
    _Kept.now = _Kept.by_choice = False
    ctypes.CDLL(None).malloc_trim(0)
  needs = f"a step needs {_gib(planned)} of memory by its plan, and {_gib(free)} are free: "
  if planned > free:
    return (
      f"{needs}if the system ends this process, use smaller parts (train.accumulate, "
      "evaluation.batch_clips), or model.remat for training"
    )
  if given_back:
    return (
      f"{needs}memory is given back after each step, which is slower than keeping it "
      "(--host_memory=keep keeps it)"
    )
  if _Kept.now and _BLOCKS_KEPT * planned > free:
    return (
      f"{needs}kept memory may take twice as much; if the system ends this process, use "
      "--host_memory=return"
    )
  return None


def bound(most: int, resident: int | None = None) -> bool:
  """Gives back what the C library keeps without need, if the process holds more than `most` bytes.

  A block of working memory that is free again may be split by small allocations, so that the next
  call's block no longer fits into it, and the heap grows by another block. The library would keep
  all of them.

  Args:
    most: bytes of resident memory that are as much as is needed.
    resident: bytes that the process holds; None: what the system says.

  Returns:
    Whether memory was given back.
  """
  if not _Kept.now:
    return False
  resident = resident_bytes() if resident is None else resident
  if resident is None or resident <= most:
    return False
  return give_back()


def give_back() -> bool:
  """Gives the system what the C library keeps and nobody uses; returns whether there was any."""
  return _Kept.now and ctypes.CDLL(None).malloc_trim(0) == 1


def resident_bytes(statm: pathlib.Path = pathlib.Path("/proc/self/statm")) -> int | None:
  """Memory that the process holds; None if the system does not say."""
  try:
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
  except (OSError, IndexError, ValueError):  # Not Linux.
    return None


def _set(*wanted: tuple[int, int]) -> bool:
  library: Any = ctypes.CDLL(None)
  return all(library.mallopt(parameter, value) == 1 for parameter, value in wanted)


class _Heap(ctypes.Structure):
  """`struct mallinfo2` of glibc's malloc.h."""

  _fields_: ClassVar = [
    (name, ctypes.c_size_t)
    for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks",
                 "fordblks", "keepcost")
  ]  # fmt: skip


def _held_bytes() -> int:
  """Free bytes of a heap that is kept, which the system counts as used; 0 if it does not say."""
  if not _Kept.now:  # Then the library counts pages as free that it has given back.
    return 0
  describe = getattr(ctypes.CDLL(None), "mallinfo2", None)  # From version 2.33 on.
  if describe is None:
    return 0
  describe.restype = _Heap
  return int(describe().fordblks)


def _gib(size: int) -> str:
  return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.1f} MiB"


def free_bytes(
  meminfo: pathlib.Path = pathlib.Path("/proc/meminfo"),
  tree: pathlib.Path = memory_limits.TREE,
  own: pathlib.Path = memory_limits.OWN_GROUPS,
) -> int | None:
  """Memory that this process can still have, in this machine or its container.

  Args:
    meminfo: the system's file on memory.
    tree, own: see `memory_limits.limits`.

  Returns:
    Bytes; None if the system does not say.
  """
  try:
    lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
    free = int(lines["MemAvailable"].split()[0]) * 2**10
  except (OSError, KeyError, ValueError):  # Not Linux, or an old one.
    return None
  return min([free, *(limit.free for limit in memory_limits.limits(tree, own))])


def machine_bytes(
  tree: pathlib.Path = memory_limits.TREE, own: pathlib.Path = memory_limits.OWN_GROUPS
) -> int:
  """The memory of this machine, or of the container that the process lives in."""
  total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
  return min([total, *(limit.most for limit in memory_limits.limits(tree, own))])


def has_accelerator(devices: pathlib.Path = pathlib.Path("/dev")) -> bool:
  """Whether JAX may compute on anything but CPUs, judged by the device files."""
  if os.environ.get("JAX_PLATFORMS") == "cpu":
    return False
  return any(next(devices.glob(pattern), None) is not None for pattern in _ACCELERATORS)
