"""Regular reports of a long run: step times, waiting for input, memory.

A run that becomes slower, waits for its data or grows in memory shows it here long before it fails.
With several processes, the first writes for all, since one that waits for its data slows all.
"""

import os
import resource
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from cosam_jax.runtime import host_memory, hosts
from cosam_jax.training.scalars import ScalarLog

PERCENTILES = (50, 90, 99)


class HealthLog:
  """Collects the steps of a run and writes one line after every `every` of them.

  Each process has one and adds the same steps to it; writing a line is a collective.

  Args:
    path: `health.jsonl`; lines of steps that a resumed run is about to do again are dropped.
    first_step: steps done at the beginning.
    every: steps between lines; 0 for none.
    planned: gives the bytes that a step takes by XLA's plan, 0 if nobody knows.
  """

  def __init__(
    self,
    path: str | os.PathLike[str],
    first_step: int,
    every: int,
    planned: Callable[[], int] = int,
  ):
    self._every, self._planned = every, planned
    self._log = None
    if every:
      self._log = ScalarLog(path if hosts.is_first() else None, first_step + 1)
    self._seconds: list[float] = []
    self._waits: list[float] = []
    self._compiled = False

  def add(self, step: int, seconds: float, input_wait: float) -> str | None:
    """Records a step.

    Args:
      step: its number, from 1.
      seconds: the time from the end of the step before, or of the saving or validating after it, to
        its own end.
      input_wait: the part of `seconds` that was spent waiting for batches.

    Returns:
      If a report is due, two lines for people; the file has it already. Otherwise None.
    """
    if self._log is None:
      return None
    if self._compiled:  # A process compiles in its first step, which therefore does not count.
      self._seconds.append(seconds)
      self._waits.append(input_wait)
    self._compiled = True
    return None if step % self._every else self._line(step)

  def finish(self, step: int) -> str | None:
    """At the end, or if asked to stop after `step` steps: a line for those since the last line.

    Returns:
      As `add`.
    """
    return None if self._log is None else self._line(step)

  def _line(self, step: int) -> str | None:
    if not self._seconds or self._log is None:
      return None
    times = np.percentile(self._seconds, PERCENTILES)
    share = round(sum(self._waits) / max(sum(self._seconds), 1e-9), 4)
    values: dict[str, Any] = {
      "steps": len(self._seconds),
      **{f"step_seconds_p{p}": round(float(t), 6) for p, t in zip(PERCENTILES, times, strict=True)},
      "step_seconds_most": round(max(self._seconds), 6),
      "input_wait_seconds": round(sum(self._waits), 6),
      "input_wait_share": share,
      "planned_memory_mib": round(self._planned() / 2**20, 1),
      "host_memory_mib": round(memory_mib(), 1),
      "host_memory_most_mib": round(most_memory_mib(), 1),
    }
    everyone = hosts.gather([share, values["host_memory_most_mib"]])
    slowest = ""
    if len(everyone) > 1:
      shares, memories = map(list, zip(*everyone, strict=True))
      values |= {"input_wait_shares": shares, "host_memories_most_mib": memories}
      slowest = f" (most in process {np.argmax(shares)}: {100 * max(shares):.0f}%)"
    self._log.write(step, **values)
    self._seconds, self._waits = [], []
    return (
      f"step {step}: {times[0]:.3g} s a step (90% {times[1]:.3g}, 99% {times[2]:.3g}), "
      f"input wait {100 * share:.0f}%{slowest}\n"
      f"  memory {values['host_memory_mib']:,.0f} MiB, at most "
      f"{values['host_memory_most_mib']:,.0f} so far; the plan of a step: "
      f"{values['planned_memory_mib']:,.0f}"
    )


def memory_mib() -> float:
  """Memory of this process now, in MiB; if the system does not tell, its maximum so far."""
  resident = host_memory.resident_bytes()
  return most_memory_mib() if resident is None else resident / 2**20


def most_memory_mib() -> float:
  """The maximum memory of this process so far, in MiB."""
  most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  return most / (2**20 if sys.platform == "darwin" else 2**10)
