"""Times of compiled programs: after a warm-up, the median of several measurements and a spread."""

import dataclasses
import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax

# A shorter measurement would show the clock and the dispatch rather than the program.
LEAST_SECONDS = 0.2


@dataclasses.dataclass(frozen=True)
class Timing:
  """Seconds of one call.

  Attributes:
    median: of the measurements.
    low, high: their quartiles.
    repeats: number of measurements.
    calls: number of calls in each measurement, by which it is divided.
  """

  median: float
  low: float
  high: float
  repeats: int
  calls: int

  def record(self) -> dict[str, float]:
    """The numbers by name, in seconds."""
    return {f"{name}_seconds": getattr(self, name) for name in ("median", "low", "high")} | {
      "repeats": self.repeats, "calls_per_repeat": self.calls
    }  # fmt: skip


def timed(call: Callable[[], Any], repeats: int, tick: Callable[[], None] = lambda: None) -> Timing:
  """Times a call whose result the devices compute.

  Short calls are made several at a time, and only the last result is waited for. It is the same in
  training, where the host never waits for a step; the devices work in order.

  Args:
    call: the call to time; it returns arrays.
    repeats: number of measurements, at least 2.
    tick: called after each measurement.
  """
  jax.block_until_ready(call())  # The warm-up: after it, all that happens only once is done.
  once = _seconds(call, 1)
  calls = max(1, math.ceil(LEAST_SECONDS / max(once, 1e-6)))
  found = []
  for _ in range(repeats):
    found.append(_seconds(call, calls) / calls)
    tick()
  low, _, high = statistics.quantiles(found, n=4, method="inclusive")
  return Timing(statistics.median(found), low, high, repeats, calls)


def _seconds(call: Callable[[], Any], calls: int) -> float:
  began = time.perf_counter()
  result = None
  for _ in range(calls):
    result = call()
  jax.block_until_ready(result)
  return time.perf_counter() - began


@dataclasses.dataclass(frozen=True)
class Program:
  """A compiled program, and XLA's numbers about it.

  Attributes:
    call: the executable.
    compile_seconds: without tracing.
    flops: floating-point operations of the program as written, before XLA rewrites it; a
      multiplication and an addition are two. None if XLA does not say.
    memory: bytes on one device: `temporary`, `arguments`, `outputs`, and their sum `total` less
      what outputs share with arguments; empty if XLA does not say.
  """

  call: Callable[..., Any]
  compile_seconds: float
  flops: float | None
  memory: dict[str, int]

  def record(self) -> dict[str, Any]:
    """The numbers by name."""
    return {
      "compile_seconds": self.compile_seconds,
      "flops": self.flops,
      "memory_bytes": self.memory,
    }


def compiled(function: Any, *arguments: Any, counted: Any = None) -> Program:
  """Compiles a jitted function for arguments (or their shapes), past the cache on disk.

  Args:
    function: the function.
    *arguments: its arguments.
    counted: a jitted function of the same arguments that does the same without loops, in which the
      operations are counted: XLA counts the operations in a loop once. None: `function`.
  """
  lowered = function.lower(*arguments)
  began = time.perf_counter()
  executable = lowered.compile()
  seconds = time.perf_counter() - began
  # Counted in the lowered program, since after optimisation products by libraries count nothing.
  unlooped = lowered if counted is None else counted.lower(*arguments)
  cost = unlooped.cost_analysis() or {}
  found = cost.get("flops")
  sizes = executable.memory_analysis()
  memory = {}
  if sizes is not None:
    memory = {
      "temporary": int(sizes.temp_size_in_bytes),
      "arguments": int(sizes.argument_size_in_bytes),
      "outputs": int(sizes.output_size_in_bytes),
    }
    memory["total"] = sum(memory.values()) - int(sizes.alias_size_in_bytes)
  return Program(executable, seconds, None if found is None else float(found), memory)
