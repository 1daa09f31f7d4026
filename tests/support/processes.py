"""Starts, signals and examines real processes that train a tiny network."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest
import tiny

PATIENCE = 600
"""Seconds to wait for a process before a test fails."""


def start(
  workdir, data_dir, cache, arguments=(), program=("-m", "cosam_jax.main"), **fields
) -> subprocess.Popen:
  command = [sys.executable, *map(str, program), f"--workdir={workdir}"]
  return subprocess.Popen(
    [*command, *tiny.flags(data_dir, **fields), *arguments],
    cwd=tiny.ROOT,
    env=os.environ | cache,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )


def finish(process: subprocess.Popen, status: int = 0) -> str:
  """Waits for the end; returns stdout, then stderr."""
  out, errors = process.communicate(timeout=PATIENCE)
  assert process.returncode == status, shortened(errors)
  return out + errors


def finish_all(started: list[subprocess.Popen], status: int = 0) -> list[str]:
  """Waits for processes that work together; if one fails, the message has the errors of all."""
  ends = [(process.communicate(timeout=PATIENCE), process.returncode) for process in started]
  found = [returned for _, returned in ends]
  assert found == [status] * len(started), "\n\n".join(
    f"process {index}, status {found[index]}: {shortened(errors)}"
    for index, ((_, errors), _) in enumerate(ends)
  )
  return [out + errors for (out, errors), _ in ends]


def shortened(text: str) -> str:
  """Keeps both ends of a long text: a crash's name stands first, its last frames stand last."""
  return text if len(text) <= 6000 else f"{text[:3000]}\n[...]\n{text[-3000:]}"


def wait_for(process: subprocess.Popen, condition, what: str) -> None:
  """Waits until `condition()` holds; the process must not have ended before."""
  deadline = time.monotonic() + PATIENCE
  while not condition():
    if process.poll() is not None or time.monotonic() > deadline:
      process.kill()
      pytest.fail(f"ended before {what}: {shortened(process.communicate()[1])}")
    time.sleep(0.002)


def kill(process: subprocess.Popen) -> None:
  process.send_signal(signal.SIGKILL)
  process.communicate()
  assert process.returncode == -signal.SIGKILL, "ended before it could be killed"


def lines(path: pathlib.Path) -> int:
  return path.read_bytes().count(b"\n") if path.exists() else 0


def state(workdir: pathlib.Path, step: int) -> dict:
  """Everything in a checkpoint as numpy arrays, read without our code."""
  with ocp.PyTreeCheckpointer() as reader:
    return jax.tree.map(np.asarray, reader.restore(workdir / "checkpoints" / str(step) / "state"))


def losses(workdir: pathlib.Path) -> list[dict]:
  """scalars.jsonl without the times."""
  rows = [json.loads(line) for line in (workdir / "scalars.jsonl").read_text().splitlines()]
  timed = ("clips_per_second", "input_wait_seconds")
  return [{name: value for name, value in row.items() if name not in timed} for row in rows]


def assert_same_run(run: pathlib.Path, whole: pathlib.Path, last_step: int) -> None:
  """Compares state bit for bit, losses, metrics, validations and the best checkpoint's step."""
  wanted = state(whole, last_step)
  assert int(wanted["step"]) == last_step
  jax.tree.map(np.testing.assert_array_equal, state(run, last_step), wanted)
  assert [row["step"] for row in losses(whole)] == list(range(1, last_step + 1))
  assert losses(run) == losses(whole)
  assert tiny.metrics(run) == tiny.metrics(whole)
  for name in ("validation.jsonl", "config.json"):
    if (whole / name).exists():
      assert (run / name).read_text() == (whole / name).read_text()
  if (whole / "best").exists():
    best = [
      [path.name for path in (one / "best").iterdir() if path.name.isdecimal()]
      for one in (run, whole)
    ]
    assert best[0] == best[1]
    assert len(best[0]) == 1


def explicit(count: int, index: int, port: int) -> list[str]:
  """The flags by which process `index` of `count` joins the others on this machine."""
  return [
    f"--coordinator_address=localhost:{port}", f"--num_processes={count}", f"--process_id={index}"
  ]  # fmt: skip


def free_port() -> int:
  with socket.socket() as found:
    found.bind(("localhost", 0))
    return found.getsockname()[1]


def devices(count: int) -> dict[str, str]:
  """The environment in which this machine has `count` devices."""
  return {"XLA_FLAGS": f"--xla_force_host_platform_device_count={count}"}
