"""Several processes do what one does: real ones, with collectives over this machine's loopback."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys

import pytest
import tiny
from processes import devices, explicit, free_port

HERE = pathlib.Path(__file__).resolve().parents[1]


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
