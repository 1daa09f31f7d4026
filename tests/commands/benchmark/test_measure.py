"""`--mode=benchmark` as a person starts it, on a tiny network and without needless libraries."""

import io
import json
import os
import pathlib
import subprocess
import sys

import pytest
import tiny

from cosam_jax.commands.benchmark import measure, network
from cosam_jax.commands.benchmark.options import BENCHMARK_PARTS, Options, measurements_of
from cosam_jax.commands.benchmark.table import render
from cosam_jax.errors import InputError
from cosam_jax.experiment import config as config_rules
from cosam_jax.runtime import host_memory

ROOT = pathlib.Path(__file__).resolve().parents[3]
# As on a machine that has neither TensorFlow nor PyTorch.
WITHOUT = """
import runpy, sys
for name in ("tensorflow", "tensorflow_datasets", "array_record", "torch"):
  sys.modules[name] = None
runpy.run_module("cosam_jax.main", run_name="__main__")
"""


@pytest.fixture(scope="module")
def measured(tmp_path_factory, hasty_compilation):
  """The output of one run, and its workdir."""
  workdir = tmp_path_factory.mktemp("benchmark")
  command = [
    sys.executable, "-c", WITHOUT, *tiny.flags("nowhere"), "--mode=benchmark", "--dataset=mars",
    "--backbone=resnet18", f"--workdir={workdir}", "--benchmark_parts=step,embed,cosam,input",
    "--benchmark_repeats=2", "--benchmark_stages=5", "--benchmark_frames=2",
  ]  # fmt: skip
  run = subprocess.run(
    command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False,
    env=os.environ | hasty_compilation,
  )  # fmt: skip
  assert run.returncode == 0, run.stderr
  return run.stdout, workdir


@pytest.mark.slow
def test_it_runs_without_tensorflow_and_without_data(measured):
  out, workdir = measured
  record = json.loads((workdir / "benchmark.json").read_text())
  assert list(workdir.iterdir()) == [workdir / "benchmark.json"]
  assert set(record["parts"]) == {"step", "embed", "cosam", "input"}
  assert "TensorFlow" in record["parts"]["input"]["left_out"]
  assert out.strip() == render(record)  # test_table.py tests `render`.


@pytest.mark.slow
def test_operations_are_counted_outside_of_loops(hasty_compilation):
  """A CPU embeds few clips at a time, and trains on parts, in loops that XLA counts once."""
  del hasty_compilation

  def flops(**fields):
    config = config_rules.resolve(tiny.config("nowhere", data__name="mars", **fields))
    return (
      network.embedding(config, 2)["flops"],
      network.training_step(config, 2)["flops"],
    )

  one = flops(evaluation__batch_clips=1)
  many = flops(evaluation__batch_clips=64, train__accumulate=2)
  assert many[0] == pytest.approx(64 * one[0], rel=1e-3)
  assert many[1] == pytest.approx(one[1], rel=1e-6)


def test_rates_follow_from_times(measured):
  record = json.loads((measured[1] / "benchmark.json").read_text())
  for part, clips in (("step", 4), ("embed", 8)):
    found = record["parts"][part]
    assert found["clips"] == clips
    assert found["clips_per_second"] == pytest.approx(clips / found["median_seconds"])
    assert found["frames_per_second"] == pytest.approx(2 * found["clips_per_second"])
    assert found["flops_per_second"] == pytest.approx(found["flops"] / found["median_seconds"])
    assert found["low_seconds"] <= found["median_seconds"] <= found["high_seconds"]
    assert found["compile_seconds"] > 0
    assert found["peak_memory_bytes"] > 50 * 2**20  # On a CPU, the process's.


def test_the_header_says_whether_memory_is_kept(measured):
  record = json.loads((measured[1] / "benchmark.json").read_text())
  found = record["memory"]
  assert 0 < found["free_bytes"] <= found["machine_bytes"]
  auto = found["machine_bytes"] >= host_memory.AUTO_LEAST_BYTES
  assert found["kept"] == (auto and not host_memory.has_accelerator())


def test_if_no_part_can_be_measured_that_is_an_error(tmp_path, monkeypatch):
  monkeypatch.setattr(measure.device, "measured_peak", lambda *_: None)
  (tmp_path / "benchmark.json").write_text('{"device": 1, "config": 2, "parts": 3}')
  config = tiny.config(tmp_path / "nowhere", data__name="mars")
  reason = r"--benchmark_parts=input: nothing was measured \(input: .*nowhere does not exist"
  with pytest.raises(InputError, match=reason):
    measure.measure(config, tmp_path, Options(parts=("input",)))
  assert "3" in (tmp_path / "benchmark.json").read_text()
  measure._check_measured({"input": {"left_out": "no data"}, "step": {"clips": 8}})


def test_the_bar_counts_to_the_number_of_measurements(monkeypatch):
  options = Options(repeats=7, stages=(4, 5), frames=(2, 4, 8))
  totals = {"step": 7, "embed": 7, "input": 7, "metrics": 3, "cosam": 12, "products": 8}
  assert {part: measurements_of(part, options) for part in BENCHMARK_PARTS} == totals
  terminal = io.StringIO()
  monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
  monkeypatch.setattr(sys, "stderr", terminal)
  with measure._Progress("step", options) as bar:
    assert terminal.getvalue().strip() == str(bar).strip()
    assert str(bar).startswith("step, compiling |")
    assert str(bar).endswith("| 0/7 measurements")
    bar.measured()
    assert str(bar).startswith("step |")
    assert str(bar).endswith("| 1/7 measurements")
  with measure._Progress("input", options) as bar:
    assert str(bar).startswith("input, reading ahead |")


def test_what_an_earlier_measurement_had_is_told(tmp_path, monkeypatch, capsys):
  monkeypatch.setattr(measure.device, "measured_peak", lambda *_: None)
  monkeypatch.setattr(measure, "render", lambda record: "the table")

  def call(**fields):
    measure.measure(tiny.config("nowhere", **fields), tmp_path, Options(parts=()))
    return capsys.readouterr().out

  assert call() == call() == "the table\n"
  file = tmp_path / "benchmark.json"
  told = f"{file} is replaced; the earlier one had "
  assert call(model__width=0.25) == told + "model.width 0.125\n\nthe table\n"
  record = json.loads(file.read_text())
  file.write_text(json.dumps(record | {"parts": {"step": {}}}))
  assert call(model__width=0.25) == told + "part step\n\nthe table\n"
  file.write_text("mine")
  with pytest.raises(InputError, match=r"benchmark\.json would be replaced, and this program did"):
    call()
  assert file.read_text() == "mine"
