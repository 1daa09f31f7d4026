"""The loop: step, log, save, validate. It holds no mathematics."""

import collections
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import tqdm

from cosam_jax.errors import InputError, Preempted
from cosam_jax.training.health import HealthLog
from cosam_jax.training.preemption import Preemption
from cosam_jax.training.scalars import ScalarLog, first_non_finite
from cosam_jax.training.state import TrainState

Batch = tuple[Any, ...]


class Progress:
  """A bar on a terminal, lines elsewhere: losses, learning rate, clips/s and time left."""

  def __init__(self, first: int, last: int, every: int, clips_per_step: int):
    self._last, self._every, self._clips = last, every, clips_per_step
    # The first step compiles; a window over the latest steps leaves it behind.
    self._ends: collections.deque[float] = collections.deque(maxlen=50)
    hidden = not sys.stderr.isatty()
    self._bar = tqdm.tqdm(total=last, initial=first, unit="step", desc="train", disable=hidden)

  def rate(self) -> float:
    """Clips per second over the latest steps; 0 before the second one."""
    if len(self._ends) < 2:
      return 0.0
    return self._clips * (len(self._ends) - 1) / max(self._ends[-1] - self._ends[0], 1e-9)

  def update(self, step: int, values: dict[str, float]) -> None:
    """Shows the values of a finished step (1 .. last)."""
    self._ends.append(time.perf_counter())
    parts = f"cross-entropy {values['cross_entropy']:.3f}, triplet {values['triplet']:.3f}"
    if "mask_mean" in values:
      parts += f", mean of masks {values['mask_mean']:.3f}"
    text = (
      f"loss {values['loss']:.3f} ({parts}), learning rate {values['learning_rate']:.1e}, "
      f"{self.rate():.1f} clips/s"
    )
    self._bar.update()
    self._bar.set_postfix_str(text, refresh=False)
    if self._bar.disable and (step % self._every == 0 or step == self._last):
      rate = self.rate()
      left = _clock((self._last - step) * self._clips / rate) if rate else "unknown time"
      print(f"step {step}/{self._last}  {text}, {left} left", flush=True)

  def note(self, text: str) -> None:
    """Prints a line without tearing the bar."""
    self._bar.clear()
    print(text, flush=True)

  def close(self) -> None:
    """Ends the bar."""
    self._bar.close()


def run(
  state: TrainState,
  step_fn: Callable[..., tuple[TrainState, dict[str, jax.Array]]],
  batches: Iterator[Batch],
  *,
  first_step: int,
  last_step: int,
  learning_rate: Callable[[int], Any],
  scalars: ScalarLog,
  progress: Progress,
  health: HealthLog | None = None,
  watch: Callable[[int, dict[str, float]], str | None] | None = None,
  log_every: int,
  save_every: int,
  save: Callable[[int, TrainState], None],
  validate_every: int = 0,
  validate: Callable[[int, TrainState], None] | None = None,
  validate_first: bool = False,
  preemption: Preemption | None = None,
) -> TrainState:
  """Trains from `first_step` to `last_step`.

  The host reads the metrics of a step while the devices work on the next one, so the devices never
  wait. All metrics are read before anything is saved, so a checkpoint is never of a diverged run.

  Args:
    state: the state after `first_step` steps.
    step_fn: (state, *batch) -> (state, metrics).
    batches: batches of the steps from `first_step` on, on the devices.
    first_step, last_step: numbers of steps done at the beginning and at the end.
    learning_rate: step -> rate, for the log.
    scalars, progress, log_every: receive the values of every `log_every`-th step.
    health: receives step times, waiting for input and memory; None: nothing does.
    watch: (step, its values) -> a sentence to print, or None.
    save_every, save: steps between checkpoints, and (steps done, state) -> None.
    validate_every, validate: likewise for validation; 0: never.
    validate_first: whether the initial state is validated too.
    preemption: says when to stop early; None: never.

  Returns:
    The state after `last_step` steps.

  Raises:
    InputError: a loss or gradient is not finite; the error gives its step and name.
    Preempted: the process was asked to stop; the steps that were done are saved.
  """
  preemption = preemption or Preemption()
  done = saved = first_step
  waiting: list[tuple[int, dict[str, jax.Array]]] = []
  input_wait = 0.0
  # The end of the latest step, or of the saving or validating after it; the wait for input since.
  ended, waited = time.perf_counter(), 0.0

  def read_metrics(keep: int) -> None:
    nonlocal ended, waited
    while len(waiting) > keep:
      step, metrics = waiting.pop(0)
      values = {name: float(value) for name, value in metrics.items()}  # Waits for the step.
      now = time.perf_counter()
      bad = first_non_finite(values)
      if bad is not None:
        raise InputError(f"{bad} is {values[bad]} at step {step}: {_way_out(saved)}")
      values["learning_rate"] = float(learning_rate(step - 1))
      progress.update(step, values)
      warning = watch(step, values) if watch else None
      if warning:
        progress.note(warning)
      if step % log_every == 0 or step == last_step:
        scalars.write(step, **values, clips_per_second=round(progress.rate(), 3),
                      input_wait_seconds=round(input_wait, 3))  # fmt: skip
      note = health.add(step, now - ended, waited) if health else None
      if note:
        progress.note(note)
      ended, waited = now, 0.0

  with preemption.deferred():
    try:
      if validate_first and validate is not None:
        with preemption.immediate():
          validate(first_step, state)
      ended = time.perf_counter()
      for step in range(first_step + 1, last_step + 1):
        began = time.perf_counter()
        with preemption.immediate():
          batch = next(batches)
        now = time.perf_counter()
        waited, input_wait = waited + now - began, input_wait + now - began
        state, metrics = step_fn(state, *batch)
        done = step
        waiting.append((step, metrics))
        saving = step % save_every == 0 or step == last_step
        validating = validate is not None and validate_every > 0 and step % validate_every == 0
        stopping = preemption.agreed()
        read_metrics(keep=0 if saving or validating or stopping else 1)
        if stopping:
          raise Preempted
        # Validation comes first: a run killed after the checkpoint must not skip it.
        if validating and validate is not None:
          with preemption.immediate():
            validate(step, state)
        if saving:
          save(step, state)
          saved = step
        if saving or validating:
          ended = time.perf_counter()
      # The last step's results and checkpoint took their time since it asked.
      if last_step > first_step and preemption.agreed():
        raise Preempted
    except Preempted:
      read_metrics(keep=0)
      if saved < done:
        save(done, state)
      note = health.finish(done) if health else None
      if note:
        progress.note(note)
      raise Preempted(_where(first_step, done, last_step), preemption.by) from None
    note = health.finish(done) if health else None
    if note:
      progress.note(note)
  progress.close()
  return state


def _way_out(saved: int) -> str:
  """The remedy for a run that diverged after the checkpoint of step `saved` (0: there is none)."""
  if not saved:
    return (
      "training stopped before anything was saved; lower optim.learning_rate or set "
      "optim.clip_norm, and run again, from the beginning"
    )
  return (
    f"training stopped, and the checkpoint of step {saved} is kept; run again with --change_optim "
    f"and a lower optim.learning_rate or with optim.clip_norm, which goes on from step {saved}"
  )


def _where(first: int, done: int, last: int) -> str:
  """The place where a run was asked to stop: its last step, and whether it is saved."""
  if done > first:
    return f"after step {done} of {last}, which is saved"
  if first:
    return f"before another step than the {first} of {last} that were saved before"
  return f"before step 1 of {last}, so that nothing was to be saved"


def _clock(seconds: float) -> str:
  minutes, seconds = divmod(round(seconds), 60)
  hours, minutes = divmod(minutes, 60)
  return f"{hours}:{minutes:02d}:{seconds:02d}"
