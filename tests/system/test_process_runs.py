"""Whole runs in several processes are those of one, stop together and leave one set of files."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import processes as runs
import pytest
import tiny
from processes import devices, explicit, free_port

from cosam_jax.training.scalars import read_scalars

HERE = pathlib.Path(__file__).resolve().parents[1]

# Adam moves every parameter by about the learning rate, whatever its gradient's size, so rounding
# of the smallest gradients becomes a difference of that size. With the demo's rate, the losses of
# two summation orders drift apart within some steps; with this rate they stay together.
FIELDS = {
  "train__identities_per_batch": 4, "train__epochs": 20, "train__checkpoint_every_epochs": 10,
  "optim__learning_rate": 1e-5,
}  # fmt: skip


def train(workdir, data_dir, cache, count, each, status=0, more=(), **fields) -> list[str]:
  """Runs a whole training in `count` processes of `each` devices; returns each one's output."""
  port, started = free_port(), []
  for index in range(count):
    join = explicit(count, index, port) if count > 1 else []
    started.append(
      runs.start(
        workdir, data_dir, cache | devices(each), arguments=[*join, *more], **FIELDS | fields
      )
    )
  try:
    return runs.finish_all(started, status)
  finally:
    for process in started:
      process.kill()


@pytest.fixture(scope="module")
def one_device(tiny_synthetic, tmp_path_factory, hasty_compilation):
  workdir = tmp_path_factory.mktemp("one") / "run"
  train(workdir, tiny_synthetic, hasty_compilation, 1, 1)
  return workdir


def assert_same_run(found: pathlib.Path, wanted: pathlib.Path) -> None:
  rows = list(zip(runs.losses(found), runs.losses(wanted), strict=True))
  assert [row["step"] for row, _ in rows] == list(range(1, 21))
  for ours, theirs in rows:
    # The first steps agree to float32's rounding; then Adam makes the differences larger.
    tolerance = 2e-5 if ours["step"] <= 8 else 2e-3
    for name in ("loss", "cross_entropy", "triplet"):
      assert ours[name] == pytest.approx(theirs[name], rel=tolerance, abs=tolerance), ours["step"]
  results = zip(tiny.metrics(found), tiny.metrics(wanted), strict=True)
  for ours, theirs in results:
    for name, value in theirs.items():
      assert ours[name]["fraction"] == pytest.approx(value["fraction"], abs=1e-6), name


def assert_devices(workdir: pathlib.Path, processes: int, devices: int) -> None:
  about = json.loads((workdir / "results.json").read_text())["run"]
  assert (len(about["devices"]), about["processes"]) == (devices, processes)


@pytest.mark.slow
def test_devices_and_processes_do_not_show(one_device, tiny_synthetic, tmp_path, hasty_compilation):
  outputs = train(tmp_path / "run", tiny_synthetic, hasty_compilation, 2, 4)
  assert_same_run(tmp_path / "run", one_device)
  assert "2 processes, 8 devices" in outputs[0]
  assert "after training" not in outputs[1]
  assert_devices(tmp_path / "run", 2, 8)


@pytest.mark.slow
def test_a_run_goes_on_with_other_devices(one_device, tiny_synthetic, tmp_path, hasty_compilation):
  """Ten steps on one device and ten on eight are the same twenty steps."""
  shutil.copytree(one_device, tmp_path / "run")
  shutil.rmtree(tmp_path / "run" / "checkpoints" / "20")
  (tmp_path / "run" / "results.json").unlink()
  out = train(tmp_path / "run", tiny_synthetic, hasty_compilation, 1, 8)[0]
  assert "continuing from step 10 of 20" in out
  assert_same_run(tmp_path / "run", one_device)
  assert_devices(tmp_path / "run", 1, 8)


@pytest.mark.slow
def test_two_processes_stop_at_the_same_step_and_one_goes_on(
  one_device, tiny_synthetic, tmp_path, hasty_compilation
):
  """SIGTERM to one of them alone: both save, both end with 75; here one process goes on alone."""
  workdir, port = tmp_path / "run", free_port()
  started = [
    runs.start(
      workdir, tiny_synthetic, hasty_compilation | devices(1),
      arguments=explicit(2, index, port), **FIELDS,
    )
    for index in (0, 1)
  ]  # fmt: skip
  runs.wait_for(started[0], lambda: runs.lines(workdir / "scalars.jsonl") >= 2, "two steps")
  started[1].terminate()
  outputs = runs.finish_all(started, 75)
  done = runs.losses(workdir)[-1]["step"]
  assert all(f"stopped by SIGTERM after step {done} of 20" in out for out in outputs)
  train(workdir, tiny_synthetic, hasty_compilation, 1, 1)
  assert_same_run(workdir, one_device)


@pytest.mark.slow
def test_only_the_first_process_writes(tiny_synthetic, tmp_path, hasty_compilation):
  """The run leaves every kind of file; two writers of one file would fail only now and then."""
  workdir, port = tmp_path / "run", free_port()
  fields = {
    "data__validation_identities": 2, "train__validate_every_epochs": 5, "train__epochs": 10,
    "train__health_every_steps": 5, "evaluation__before_training": True,
    "evaluation__checkpoint": "best", "report__tensorboard": True, "report__write": True,
  }  # fmt: skip
  logs = [tmp_path / f"{index}.log" for index in (0, 1)]
  started = [
    runs.start(
      workdir, tiny_synthetic, hasty_compilation | devices(1), explicit(2, index, port),
      (HERE / "support" / "watched.py", log, workdir), **FIELDS | fields,
    )
    for index, log in enumerate(logs)
  ]  # fmt: skip
  runs.finish_all(started)
  first, second = (log.read_text().splitlines() for log in logs)
  written = {line.partition(" ")[2].split("/")[0] for line in first}
  everything = {path.name for path in workdir.iterdir()}
  assert {"scalars.jsonl", "health.jsonl", "validation.jsonl", "report", "best"} <= everything
  # TensorBoard's own library may write its files; the watch does not see that.
  assert everything - written <= {"tensorboard"}
  assert len(list((workdir / "tensorboard").iterdir())) == 1
  # Every process writes its own part of a checkpoint.
  others = [line for line in second if not line.split()[1].startswith(("checkpoints", "best"))]
  assert others == []
  rows = read_scalars(workdir / "health.jsonl")
  assert [row["step"] for row in rows] == [5, 10]
  for row in rows:
    assert len(row["input_wait_shares"]) == len(row["host_memories_most_mib"]) == 2
    assert row["input_wait_shares"][0] == row["input_wait_share"]


@pytest.mark.slow
def test_one_that_refuses_alone_ends_all(tiny_synthetic, tmp_path, hasty_compilation):
  """A batch of 8 clips on 2 x 3 devices: both refuse with the numbers, at once."""
  outputs = train(tmp_path / "run", tiny_synthetic, hasty_compilation, 2, 3, 2,
                  evaluation__batch_clips=6)  # fmt: skip
  assert all("4 x 2 = 8 clips, which cannot be split evenly over 6 devices" in o for o in outputs)


@pytest.mark.slow
def test_one_that_compiles_longer_is_waited_for(tmp_path, hasty_compilation):
  """CPU devices wait 30 seconds at most when they first connect, so `joined` connects early."""
  program = tmp_path / "late.py"
  program.write_text("""
import sys, time
import jax, jax.numpy as jnp, numpy as np
from absl import flags
from cosam_jax.commands import flags as command_flags
from cosam_jax.runtime import hosts, processes
from cosam_jax.training import mesh

command_flags.define()
flags.FLAGS(sys.argv)
meet = lambda: mesh.connect(mesh.make_mesh())
with processes.joined("train", {}, command_flags.values(), connect=meet):
  (rows,) = mesh.put_batch(mesh.make_mesh(), np.ones((2, 3), np.float32))
  time.sleep(35 * hosts.is_first())
  total = float(jax.jit(jnp.sum)(rows))
assert total == 12
""")
  port = free_port()
  started = [
    subprocess.Popen(
      [sys.executable, program, *explicit(2, index, port)], text=True, stdout=subprocess.PIPE,
      stderr=subprocess.PIPE, cwd=tiny.ROOT,
      env=os.environ | hasty_compilation | devices(2) | {"PYTHONPATH": str(tiny.ROOT)},
    )
    for index in (0, 1)
  ]  # fmt: skip
  runs.finish_all(started)


@pytest.mark.slow
def test_one_that_fails_alone_says_why_before_it_leaves(
  tiny_synthetic, tmp_path, hasty_compilation
):
  """The other one waits in a step and does not leave by itself; it is ended too."""
  (tmp_path / "run" / "scalars.jsonl").mkdir(parents=True)
  port = free_port()
  started = [
    runs.start(
      tmp_path / "run", tiny_synthetic, hasty_compilation | devices(1), explicit(2, index, port)
    )
    for index in (0, 1)
  ]  # fmt: skip
  ends = [process.communicate(timeout=runs.PATIENCE)[1] for process in started]
  assert started[0].returncode == 2
  assert started[1].returncode
  told = ends[0].splitlines()[0]
  assert told.startswith("error: Is a directory"), ends[0]
  assert "scalars.jsonl" in told


@pytest.mark.slow
def test_embeddings_of_two_processes_are_those_of_one(
  one_device, tiny_synthetic, tmp_path, hasty_compilation
):
  for count, name in ((1, "one"), (2, "two")):
    train(one_device, tiny_synthetic, hasty_compilation, count, 1, more=["--mode=embed"])
    os.replace(one_device / "embeddings.npz", tmp_path / f"{name}.npz")
  one, two = (np.load(tmp_path / f"{name}.npz") for name in ("one", "two"))
  for name in one.files:
    if one[name].dtype.kind == "f":
      np.testing.assert_allclose(two[name], one[name], rtol=1e-5, atol=1e-6)
    else:
      np.testing.assert_array_equal(two[name], one[name])
