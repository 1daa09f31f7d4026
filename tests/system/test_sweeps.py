"""Sweeps of real trainings: killed and repeated; then tables and a comparison of their results."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
import tiny

from cosam_jax.commands.sweep.plan import Job
from cosam_jax.reports.poster_rows import Row
from cosam_jax.reports.results import read_results

# With these, another process can use the rows of this file.
PLACES = [str(tiny.ROOT / "tests" / "support"), str(pathlib.Path(__file__).parent)]


def start(workdir, data_dir, cache):
  """Starts the sweep of `REAL_JOBS` in a process of its own."""
  script = f"""
import pathlib, sys
sys.path[:0] = {PLACES!r}
import test_sweeps, tiny
from cosam_jax.commands.sweep.runner import Sweep
fields = {{"clips.num_frames", "model.cosam_stages"}}
arguments = [flag for flag in tiny.flags({str(data_dir)!r}) if not any(f in flag for f in fields)]
jobs = test_sweeps.REAL_JOBS
sweep = Sweep(tiny.config({str(data_dir)!r}), pathlib.Path({str(workdir)!r}), jobs, arguments)
try:
  sweep.run()
except ValueError as error:
  sys.exit(f"error: {{error}}")
"""
  return subprocess.Popen(
    [sys.executable, "-c", script],
    cwd=tiny.ROOT,
    env=os.environ | cache,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
    start_new_session=True,
  )


REAL_JOBS = [
  Job(Row("resnet18", (), "tp", 2), 0, None, {}),
  Job(Row("resnet18", (), "tp", 2), 1, None, {"init.weights": "nowhere.npz"}),
  Job(Row("resnet18", (5,), "tp", 2), 0, None, {}),
]


@pytest.mark.slow
def test_a_killed_sweep_repeated_does_only_what_is_left(
  tiny_synthetic, tmp_path, hasty_compilation
):
  """Real trainings: the first is done, the second fails, the third is killed while it trains."""
  setting = (tmp_path, tiny_synthetic, hasty_compilation)
  first, failing, killed = (tmp_path / job.name for job in REAL_JOBS)
  process = start(*setting)
  deadline = time.monotonic() + 300
  while not (killed / "scalars.jsonl").exists() or not (killed / "scalars.jsonl").read_text():
    if process.poll() is not None or time.monotonic() > deadline:
      os.killpg(process.pid, signal.SIGKILL)
      pytest.fail(f"ended early: {process.communicate()}")
    time.sleep(0.01)
  os.killpg(process.pid, signal.SIGKILL)
  process.communicate()
  assert (first / "results.json").is_file()
  assert not (failing / "results.json").exists()
  assert not (killed / "results.json").exists()
  done = (first / "log.txt").read_bytes()

  process = start(*setting)
  out, errors = process.communicate(timeout=300)
  assert process.returncode == 1
  assert "1 of 3 runs are not done" in errors
  assert f"{REAL_JOBS[0].name}  done before" in out
  assert f"{REAL_JOBS[2].name}  finished in" in out
  assert "nowhere.npz does not exist" in out
  assert (first / "log.txt").read_bytes() == done
  assert read_results(killed / "results.json")["run"]["step"] == 12


@pytest.mark.slow
def test_a_sweep_its_tables_and_a_comparison_by_the_commands_that_they_print(
  tiny_synthetic, tmp_path, hasty_compilation
):
  """Two of the poster's networks, thin, with report pages, as by default."""

  def command(*arguments):
    program = [sys.executable, "-m", "cosam_jax.main"]
    done = subprocess.run(
      [*program, *arguments], cwd=tiny.ROOT, env=os.environ | hasty_compilation,
      capture_output=True, text=True, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout

  decided = ("config.model.cosam_stages", "config.clips.num_frames")
  fields = tiny.flags(tiny_synthetic, train__epochs=1, report__write=True)
  fields = [flag for flag in fields if not flag.lstrip("-").startswith(decided)]
  out = ""
  for row in ("resnet50_none_tp", "resnet50_cosam5_tp"):
    out = command(*fields, "--sweep=positions", f"--sweep_row={row}", f"--workdir={tmp_path}")
    assert (tmp_path / row / "report" / "results.json").is_file()
  printed = out.partition("\ntables:\n")[2].replace("\\\n", " ")
  tables = command(*printed.partition("cosam_jax.main ")[2].split())
  numbers = read_results(tmp_path / row / "results.json")["results"][0]["metrics"]
  assert f"{numbers['mAP']['percent']:.2f}" in tables
  both = command("--mode=compare", f"--workdir={tmp_path}", *(
    str(tmp_path / row) for row in ("resnet50_none_tp", "resnet50_cosam5_tp")))  # fmt: skip
  assert "comparison.json" in both
