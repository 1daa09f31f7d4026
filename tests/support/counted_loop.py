"""A training loop whose steps only count."""

import itertools
import os
import signal

import jax.numpy as jnp

from cosam_jax.training import loop
from cosam_jax.training.scalars import ScalarLog


class Recorder:
  """A step that only counts; records every event in order."""

  def __init__(self, bad_step=None, bad_name="loss", bad_value=float("nan")):
    self.events, self._bad = [], (bad_step, bad_name, bad_value)

  def step(self, state, number):
    assert number == state, "a batch came out of turn"
    self.events.append(("step", state + 1))
    bad_step, name, value = self._bad
    metrics = {"loss": 3.0, "cross_entropy": 2.0, "triplet": 1.0, "gradient_norm": 9.0}
    if state + 1 == bad_step:
      metrics[name] = value
    return state + 1, {key: jnp.float32(number) for key, number in metrics.items()}

  def save(self, step, state):
    assert step == state
    self.events.append(("save", step))

  def validate(self, step, state):
    assert step == state
    self.events.append(("validate", step))

  def of(self, kind):
    return [step for name, step in self.events if name == kind]


def run(recorder, path, *, first=0, last=10, log_every=1, **options):
  """Runs the loop with a checkpoint every third step; its log is at `path`."""
  return loop.run(
    first,
    recorder.step,
    ((i,) for i in itertools.count(first)),
    first_step=first,
    last_step=last,
    learning_rate=lambda step: 0.1 ** (step // 4),
    scalars=ScalarLog(path, first + 1),
    progress=loop.Progress(first, last, log_every, clips_per_step=32),
    log_every=log_every,
    save=lambda *arguments: recorder.save(*arguments),  # Looked up when called: tests replace it.
    **{"save_every": 3} | options,
  )


def terminate_at(recorder, kind, step):
  """Sends this process a real SIGTERM while the recorder's `kind` runs at `step`."""
  before = getattr(recorder, kind)

  def during(*arguments):
    result = before(*arguments)
    if recorder.events[-1] == (kind, step):
      os.kill(os.getpid(), signal.SIGTERM)
    return result

  setattr(recorder, kind, during)
