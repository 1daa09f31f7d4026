"""A run that is killed at any time and repeated ends as if it had never been killed."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest
import tiny

LAST_STEP = 8  # 4 epochs of 2 steps: 6 people, 2 of them held out, 2 in a batch.


def _start(workdir, data_dir, cache, **fields) -> subprocess.Popen:
  command = [sys.executable, "-m", "cosam_jax.main", f"--workdir={workdir}"]
  return subprocess.Popen(
    command + tiny.flags(data_dir, **fields),
    cwd=tiny.ROOT,
    env=os.environ | cache,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )


def _finish(process: subprocess.Popen) -> str:
  out, errors = process.communicate(timeout=300)
  assert process.returncode == 0, errors[-2000:]
  return out


def _kill_after(process: subprocess.Popen, condition, what: str) -> None:
  """Kills as soon as `condition()` holds; the process must not have ended before."""
  deadline = time.monotonic() + 300
  while not condition():
    if process.poll() is not None or time.monotonic() > deadline:
      process.kill()
      pytest.fail(f"ended before {what}: {process.communicate()[1][-2000:]}")
    time.sleep(0.002)
  process.send_signal(signal.SIGKILL)
  process.communicate()
  assert process.returncode == -signal.SIGKILL, "ended before it could be killed"


def _lines(path: pathlib.Path) -> int:
  return path.read_bytes().count(b"\n") if path.exists() else 0


def _state(workdir: pathlib.Path, step: int) -> dict:
  """Everything in a checkpoint, as numpy arrays, without our code."""
  with ocp.PyTreeCheckpointer() as reader:
    return jax.tree.map(np.asarray, reader.restore(workdir / "checkpoints" / str(step) / "state"))


def _losses(workdir: pathlib.Path) -> list[dict]:
  """scalars.jsonl without the times."""
  rows = [json.loads(line) for line in (workdir / "scalars.jsonl").read_text().splitlines()]
  timed = ("clips_per_second", "input_wait_seconds")
  return [{name: value for name, value in row.items() if name not in timed} for row in rows]


@pytest.mark.filterwarnings("ignore:Sharding info not provided")
def test_a_killed_run_repeated_equals_one_never_killed(tiny_synthetic, tmp_path, hasty_compilation):
  """Real processes and SIGKILL; parameters, statistics and moments are equal bit for bit."""
  whole, killed = tmp_path / "whole", tmp_path / "killed"
  held_out = {"data__validation_identities": 2, "train__validate_every_epochs": 2}
  setting = (tiny_synthetic, hasty_compilation)
  _finish(_start(whole, *setting, **held_out))

  scalars, saved = killed / "scalars.jsonl", killed / "checkpoints"
  moments = {
    "the first step, before any checkpoint": lambda: _lines(scalars) >= 1,
    "a checkpoint being written over lines of later steps": (
      lambda: _lines(scalars) >= 3 and any(saved.glob("*.orbax-checkpoint-tmp"))
    ),
    "the last checkpoint, before the results": lambda: (saved / f"{LAST_STEP}").exists(),
  }
  for what, condition in moments.items():
    _kill_after(_start(killed, *setting, **held_out), condition, what)
  assert not (killed / "results.json").exists()
  out = _finish(_start(killed, *setting, **held_out))

  assert f"continuing from step {LAST_STEP} of {LAST_STEP}" in out
  wanted = _state(whole, LAST_STEP)
  assert int(wanted["step"]) == LAST_STEP
  jax.tree.map(np.testing.assert_array_equal, _state(killed, LAST_STEP), wanted)
  losses = _losses(whole)
  assert [row["step"] for row in losses] == list(range(1, LAST_STEP + 1))
  assert _losses(killed) == losses
  assert tiny.metrics(killed) == tiny.metrics(whole)
  for name in ("validation.jsonl", "config.json"):
    assert (killed / name).read_text() == (whole / name).read_text()
  best = [sorted(path.name for path in (run / "best").iterdir()) for run in (whole, killed)]
  assert best[0] == best[1]
  assert len(best[0]) == 1
