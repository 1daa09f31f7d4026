"""Several processes do what one does: real ones, with collectives over this machine's loopback."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys

import numpy as np
import processes as runs
import pytest
import tiny

from cosam_jax.training.scalars import read_scalars

HERE = pathlib.Path(__file__).resolve().parents[1]


def explicit(count, index, port):
  return [
    f"--coordinator_address=localhost:{port}", f"--num_processes={count}", f"--process_id={index}"
  ]  # fmt: skip


def free_port() -> int:
  with socket.socket() as found:
    found.bind(("localhost", 0))
    return found.getsockname()[1]


def devices(count: int) -> dict[str, str]:
  return {"XLA_FLAGS": f"--xla_force_host_platform_device_count={count}"}


def members(count, each, cache, arguments, own=lambda index: []) -> list[dict]:
  """Runs `count` processes of `each` devices; returns what each prints, and leaves none running."""
  path = os.pathsep.join(map(str, (tiny.ROOT, HERE / "support")))
  port, started = free_port(), []
  with contextlib.ExitStack() as stack:
    for index in range(count):
      join = explicit(count, index, port) if count > 1 else []
      command = [sys.executable, HERE / "support" / "member.py", *arguments, *join, *own(index)]
      process = subprocess.Popen(
        list(map(str, command)), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=os.environ | cache | {"PYTHONPATH": path} | devices(each),
      )  # fmt: skip
      stack.callback(process.kill)
      started.append(process)
    outputs = [process.communicate(timeout=300) for process in started]
  assert all(process.returncode == 0 for process in started), outputs
  return [json.loads(out.splitlines()[-1]) for out, _ in outputs]


@pytest.fixture(scope="module")
def alone(tiny_synthetic, tmp_path_factory, hasty_compilation):
  """(the report of one process with one device, the folder of its checkpoints)."""
  directory = tmp_path_factory.mktemp("alone")
  return members(1, 1, hasty_compilation, [tiny_synthetic, directory])[0], directory


@pytest.mark.slow
def test_two_processes_do_what_one_does(alone, tiny_synthetic, tmp_path, hasty_compilation):
  """Batches agree bit for bit, losses to rounding; both write a checkpoint; one refuses for all."""
  wanted, _ = alone
  found = members(2, 2, hasty_compilation, [tiny_synthetic, tmp_path])
  for one in found:
    assert one["devices"] == 4
    assert one["batches"] == wanted["batches"]
    assert len(set(one["batches"])) == 3
    for kind in ("losses", "accumulated"):
      assert one[kind] == found[0][kind]
      for ours, theirs in zip(one[kind], wanted[kind], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)
    assert one["losses"][0]["loss"] != pytest.approx(one["accumulated"][0]["loss"], rel=1e-3)
    assert one["refused"] == "process 1 of 2: a frame is broken"
    assert one["rows"] == [[], [[1e-12]]]
    # With --coordinator_address=localhost:PORT the coordinator serves this machine alone.
    everywhere = {"0" * 8, "0" * 32}
    assert not everywhere & set(one.get("listening", ()))
  if sys.platform.startswith("linux"):
    assert "0000000000000000FFFF00000100007F" in found[0]["listening"] or (
      {"0100007F", "00000000000000000000000001000000"} & set(found[0]["listening"])
    )
  # Every process wrote a part; the digests cover all parts.
  saved = tmp_path / "checkpoints" / "3"
  digests = json.loads((saved / "sha256.json").read_text())
  for index in (0, 1):
    assert any(f"ocdbt.process_{index}/d/" in name for name in digests)
  files = {path.relative_to(saved).as_posix() for path in saved.rglob("*") if path.is_file()}
  assert files == set(digests)


@pytest.mark.slow
def test_a_checkpoint_of_one_continues_on_two_and_the_other_way_round(
  alone, tiny_synthetic, tmp_path, hasty_compilation
):
  first, directory = alone
  both = members(2, 2, hasty_compilation, [tiny_synthetic, directory])
  assert both[0]["restored"] == both[1]["restored"] == first["saved"]
  (again,) = members(1, 1, hasty_compilation, [tiny_synthetic, directory])
  assert again["restored"] == both[0]["saved"]
  assert again["restored"][0] == 6


def test_processes_that_were_started_otherwise_are_refused(
  tiny_synthetic, tmp_path, hasty_compilation
):
  arguments = [tiny_synthetic, tmp_path]
  both = members(2, 1, hasty_compilation, arguments, lambda index: [f"--setting={index}"])
  assert both[0] == both[1]
  assert "config.seed is '0' in process 0 and '1' in process 1" in both[0]["error"]


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


@pytest.mark.slow
@pytest.mark.parametrize(("count", "each"), [(1, 8), (2, 4)])
def test_devices_and_processes_do_not_show(
  one_device, tiny_synthetic, tmp_path, hasty_compilation, count, each
):
  outputs = train(tmp_path / "run", tiny_synthetic, hasty_compilation, count, each)
  assert_same_run(tmp_path / "run", one_device)
  if count > 1:
    assert f"{count} processes, {count * each} devices" in outputs[0]
    assert "after training" not in outputs[1]
  content = json.loads((tmp_path / "run" / "results.json").read_text())
  assert (len(content["run"]["devices"]), content["run"]["processes"]) == (count * each, count)


@pytest.mark.slow
@pytest.mark.parametrize(("first", "second"), [((1, 8), (1, 1)), ((1, 1), (2, 4))])
def test_a_run_goes_on_with_other_devices(
  one_device, tiny_synthetic, tmp_path, hasty_compilation, first, second
):
  """Ten steps on some devices and ten on others are the same twenty steps."""
  setting = (tmp_path / "run", tiny_synthetic, hasty_compilation)
  train(*setting, *first, train__epochs=10)
  out = train(*setting, *second)[0]
  assert "continuing from step 10 of 20" in out
  assert_same_run(tmp_path / "run", one_device)


@pytest.mark.slow
def test_two_processes_stop_at_the_same_step_and_go_on(
  one_device, tiny_synthetic, tmp_path, hasty_compilation
):
  """SIGTERM to one of them alone: both save, both end with 75."""
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
  train(workdir, tiny_synthetic, hasty_compilation, 2, 1)
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
