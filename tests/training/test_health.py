"""The periodic summary of a run: percentiles by hand, real memory, and a run that is resumed."""

import itertools
import mmap
import os
import time

import jax.numpy as jnp
import numpy as np
import processes
import pytest

from cosam_jax.training import health, loop
from cosam_jax.training.scalars import ScalarLog, read_scalars

NAMES = ("loss", "cross_entropy", "triplet", "gradient_norm")


def test_percentiles_and_waiting_over_each_stretch(tmp_path):
  log = health.HealthLog(tmp_path / "health.jsonl", 0, 100)
  seconds = np.random.default_rng(0).permutation(np.arange(1, 201)) / 100
  lines = [log.add(step, s, s / 4) for step, s in enumerate(seconds.tolist(), 1)]
  assert [i + 1 for i, line in enumerate(lines) if line] == [100, 200]
  printed = [part for line in lines if line for part in line.splitlines()]
  assert len(printed) == 4
  assert all(len(part) <= 80 for part in printed)
  assert printed[1].startswith("  memory ")
  rows = read_scalars(tmp_path / "health.jsonl")
  assert [(row["step"], row["steps"]) for row in rows] == [(100, 99), (200, 100)]
  for row, part in zip(rows, (seconds[1:100], seconds[100:]), strict=True):
    ordered = sorted(part)
    for percent in (50, 90, 99):
      below, fraction = divmod((len(ordered) - 1) * percent / 100, 1)
      wanted = ordered[int(below)] + fraction * (ordered[int(below) + 1] - ordered[int(below)])
      assert row[f"step_seconds_p{percent}"] == pytest.approx(wanted, abs=1e-6)
    assert row["step_seconds_most"] == ordered[-1]
    assert row["input_wait_seconds"] == pytest.approx(sum(part) / 4)
    assert row["input_wait_share"] == 0.25


def test_memory_is_that_of_the_process(tmp_path):
  log = health.HealthLog(tmp_path / "health.jsonl", 0, 1)
  for step in (1, 2):
    log.add(step, 1.0, 0.0)
  # The system itself gives 100 MiB, and all are touched. An array would not do: the C library may
  # keep its memory when it is freed, and does if a run in this process told it to.
  with mmap.mmap(-1, 100 << 20) as held:
    np.frombuffer(held, np.uint8)[:: mmap.PAGESIZE] = 1
    log.add(3, 1.0, 0.0)
  log.add(4, 1.0, 0.0)
  before, during, after = read_scalars(tmp_path / "health.jsonl")
  assert 95 < during["host_memory_mib"] - before["host_memory_mib"] < 105
  assert after["host_memory_mib"] < during["host_memory_mib"] - 95
  assert after["host_memory_most_mib"] >= during["host_memory_mib"] - 5


@pytest.mark.slow
def test_a_loop_writes_it_without_the_time_of_saving(tmp_path, capsys):
  def run(first, last):
    loop.run(
      first,
      lambda state, number: (state + 1, dict.fromkeys(NAMES, jnp.float32(number))),
      ((i,) for i in itertools.count(first)),
      first_step=first,
      last_step=last,
      learning_rate=lambda step: 0.1,
      scalars=ScalarLog(tmp_path / "scalars.jsonl", first + 1),
      progress=loop.Progress(first, last, 100, clips_per_step=1),
      health=health.HealthLog(tmp_path / "health.jsonl", first, 2),
      log_every=1,
      save_every=2,
      save=lambda step, state: time.sleep(1),
    )
    return read_scalars(tmp_path / "health.jsonl")

  rows = run(0, 6)
  assert [(row["step"], row["steps"]) for row in rows] == [(2, 1), (4, 2), (6, 2)]
  assert all(row["step_seconds_most"] < 1 for row in rows)
  out = capsys.readouterr().out
  assert all(f"step {step}: " in out for step in (2, 4, 6))
  # Begun again after step 3: later rows are written anew; the first step compiles and is left out.
  assert [(row["step"], row["steps"]) for row in run(3, 8)] == [(2, 1), (6, 2), (8, 2)]


def test_the_time_of_validating_alone_is_no_steps_either(tmp_path):
  loop.run(
    0,
    lambda state, number: (state + 1, dict.fromkeys(NAMES, jnp.float32(number))),
    ((i,) for i in itertools.count()),
    first_step=0,
    last_step=5,
    learning_rate=lambda step: 0.1,
    scalars=ScalarLog(tmp_path / "scalars.jsonl", 1),
    progress=loop.Progress(0, 5, 100, clips_per_step=1),
    health=health.HealthLog(tmp_path / "health.jsonl", 0, 5),
    log_every=1,
    save_every=5,
    save=lambda step, state: None,
    validate=lambda step, state: time.sleep(1),
    validate_every=2,
  )
  (row,) = read_scalars(tmp_path / "health.jsonl")
  assert row["step_seconds_most"] < 1


class Number:
  """A number that the host has to wait for, until the clock shows `ready`."""

  def __init__(self, clock, ready):
    self._clock, self._ready = clock, ready

  def __float__(self):
    self._clock[0] = max(self._clock[0], self._ready)
    return 1.0


@pytest.mark.parametrize("last", [2, 3, 7])
def test_a_short_run_has_the_time_of_a_step_alone(tmp_path, monkeypatch, last):
  """The device works on a step while the host does something else; saving waits for all steps."""
  clock, free = [0.0], [0.0]
  monkeypatch.setattr(loop.time, "perf_counter", lambda: clock[0])

  def step(state, number):
    clock[0] += 40 if number == 0 else 0  # The first step compiles,
    free[0] = max(clock[0], free[0]) + (7 if number == 0 else 2)  # and takes longer.
    names = ("loss", "cross_entropy", "triplet", "gradient_norm")
    return state + 1, {name: Number(clock, free[0]) for name in names}

  def save(step, state):
    clock[0] += 100

  loop.run(
    0, step, ((i,) for i in range(last)), first_step=0, last_step=last,
    learning_rate=lambda step: 0.1, scalars=ScalarLog(tmp_path / "scalars.jsonl", 1),
    progress=loop.Progress(0, last, 100, clips_per_step=1),
    health=health.HealthLog(tmp_path / "health.jsonl", 0, 500),
    log_every=100, save_every=3, save=save,
  )  # fmt: skip
  (row,) = read_scalars(tmp_path / "health.jsonl")
  assert row["steps"] == last - 1
  assert row["step_seconds_p50"] == row["step_seconds_most"] == 2


def test_a_run_shorter_than_a_stretch_has_a_line_too(tmp_path):
  log = health.HealthLog(tmp_path / "health.jsonl", 0, 500)
  assert log.finish(0) is None
  for step in range(1, 8):
    assert log.add(step, 1.0, 0.25) is None
  assert log.finish(7).startswith("step 7: 1 s a step")
  assert log.finish(7) is None
  (row,) = read_scalars(tmp_path / "health.jsonl")
  assert (row["step"], row["steps"], row["input_wait_share"]) == (7, 6, 0.25)


def test_none_is_written_for_zero(tmp_path):
  log = health.HealthLog(tmp_path / "health.jsonl", 0, 0)
  assert [log.add(step, 1.0, 0.0) for step in (1, 2)] == [None, None]
  assert log.finish(2) is None
  assert not os.listdir(tmp_path)


@pytest.mark.slow
def test_memory_does_not_grow_over_2000_steps(tiny_synthetic, tmp_path):
  """A real run with a checkpoint every 300 steps reports flat memory."""
  fields = {
    "train__epochs": 667, "train__checkpoint_every_epochs": 100, "train__health_every_steps": 100
  }  # fmt: skip
  quick_steps = {"XLA_FLAGS": ""}  # So many steps are worth a proper compilation.
  process = processes.start(tmp_path / "run", tiny_synthetic, quick_steps, **fields)
  processes.finish(process)
  rows = read_scalars(tmp_path / "run" / "health.jsonl")
  assert [row["step"] for row in rows] == [*range(100, 2001, 100), 2001]
  memory = {row["step"]: row["host_memory_mib"] for row in rows}
  print("MiB after so many steps:", memory)
  # Least squares, from the second checkpoint on: until then caches fill. A leak of one batch a step
  # would be 270 MiB.
  steps = np.array([step for step in memory if step > 600])
  slope = np.polyfit(steps, [memory[step] for step in steps], 1)[0]
  print(f"MiB gained over 1,400 steps and 5 checkpoints: {1400 * slope:.1f}")
  assert 1400 * slope < 50
