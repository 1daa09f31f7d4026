"""Kills at random moments, one after the other, of real processes that train."""

import os
import pathlib
import random
import signal
import time

import processes
import pytest

SIGNALS = 8
"""Seven times SIGKILL, and the fifth time SIGTERM; other moments in every run of the test."""
EPOCHS = 32
LAST_STEP = 3 * EPOCHS
# A checkpoint every 3 steps: a kill in the middle of one is likely.
FIELDS = {"train__epochs": EPOCHS, "train__checkpoint_every_epochs": 1}

pytestmark = pytest.mark.filterwarnings("ignore:Sharding info not provided")


def _complete(run: pathlib.Path) -> list[int]:
  """The steps whose checkpoints have their final name."""
  folder = run / "checkpoints"
  names = [path.name for path in folder.iterdir()] if folder.exists() else []
  return sorted(int(name) for name in names if name.isdecimal())


def _log(run: pathlib.Path) -> tuple[int, int]:
  """The log's inode, which each start changes, and its number of lines."""
  path = run / "scalars.jsonl"
  return (path.stat().st_ino, processes.lines(path)) if path.exists() else (0, 0)


def _signal_at_random(process, run, newest: int, rng: random.Random, count: int) -> int:
  """Signals during the start, or shortly after a step not saved yet; returns the signal.

  Every other time, that step lies past the next checkpoint, so that the run gets on.
  """
  before, _ = _log(run)
  if count % 2 or rng.random() < 0.6:
    steps = newest + (rng.randint(4, 5) if count % 2 else rng.randint(1, 3))
    processes.wait_for(
      process, lambda: _log(run)[0] != before and _log(run)[1] >= steps, f"step {steps}"
    )
    time.sleep(rng.uniform(0, 0.5))
  else:
    time.sleep(rng.uniform(0, 8))
  number = signal.SIGTERM if count % 5 == 4 else signal.SIGKILL
  process.send_signal(number)
  return number


@pytest.mark.slow
def test_kills_at_random_moments(tiny_synthetic, tmp_path, hasty_compilation):
  """After each kill every checkpoint can be read and none is lost; the end is as without kills.

  Every fifth signal is SIGTERM; after it the last step must have been saved.
  """
  whole, run = tmp_path / "whole", tmp_path / "run"
  setting = (tiny_synthetic, hasty_compilation)
  processes.finish(processes.start(whole, *setting, **FIELDS))

  seed = int.from_bytes(os.urandom(4), "little")
  rng = random.Random(seed)
  newest, gained = 0, []
  for count in range(SIGNALS):
    process = processes.start(run, *setting, **FIELDS)
    number = _signal_at_random(process, run, newest, rng, count)
    _, errors = process.communicate(timeout=processes.PATIENCE)
    # While Python itself starts, nothing handles SIGTERM yet.
    legal = (-signal.SIGKILL,) if number == signal.SIGKILL else (75, -signal.SIGTERM)
    assert process.returncode in legal, (seed, count, processes.shortened(errors))
    steps = _complete(run)
    assert max(steps, default=0) >= newest, (seed, count, "a checkpoint was lost")
    for step in steps:
      assert int(processes.state(run, step)["step"]) == step, (seed, count)
    if "which is saved" in errors:
      assert max(steps) == processes.losses(run)[-1]["step"], (seed, count)
    gained.append(max(steps, default=0) - newest)
    newest += gained[-1]
  print(f"seed {seed}: steps saved before each signal {gained}")
  assert newest < LAST_STEP, "the run ended before the last signal: make it longer"
  assert sum(steps > 0 for steps in gained) >= SIGNALS // 2, (seed, gained)
  out = processes.finish(processes.start(run, *setting, **FIELDS))
  assert f"continuing from step {newest} of {LAST_STEP}" in out
  assert "damaged" not in out
  processes.assert_same_run(run, whole, LAST_STEP)
