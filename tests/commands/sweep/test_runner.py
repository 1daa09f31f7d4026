"""Sweeps run: finished runs are not repeated, failures are reported, and the others go on."""

import dataclasses
import fcntl
import os
import signal
import subprocess
import sys
import time

import pytest
import tiny
from pretended_sweep import IMPORTS, JOBS, Pretended, finish

from cosam_jax.commands.sweep import runner
from cosam_jax.commands.sweep.plan import configuration
from cosam_jax.commands.sweep.progress import DONE, note_attempt, read_attempts
from cosam_jax.commands.sweep.runner import Sweep
from cosam_jax.errors import InputError, Preempted, stop_signals
from cosam_jax.reports.poster_rows import SWEEPS


@pytest.fixture
def pretended(tmp_path, monkeypatch):
  monkeypatch.chdir(tiny.ROOT)
  monkeypatch.setattr(Pretended, "scripts", {})
  return Pretended(tiny.config("data"), tmp_path / "sweep", JOBS)


def begun(tmp_path):
  """How often each run was started."""
  files = [(job, tmp_path / "sweep" / job.name / "begun") for job in JOBS]
  return [len(file.read_text()) if file.exists() else 0 for _, file in files]


def test_runs_that_are_done_are_not_repeated(pretended, tmp_path, capsys):
  pretended.run()
  assert begun(tmp_path) == [1, 1, 1]
  assert [one.state for one in pretended.states()] == [DONE] * 3
  (tmp_path / "sweep" / JOBS[1].name / "results.json").unlink()
  capsys.readouterr()
  pretended.run()
  assert begun(tmp_path) == [1, 2, 1]
  out = capsys.readouterr().out
  assert out.count("done before: mAP 50.0, Rank-1 25.0") == 2
  # Not all of these are the poster's, so that the first and the last are to be compared.
  steps, _, command = out.partition("compare:\n")
  assert steps.endswith(f"next, in the folder {tiny.ROOT}:\n")
  words = command.replace("\\\n", "").split()[1:]
  sides = [str(tmp_path / "sweep" / job.name) for job in (JOBS[2], JOBS[0])]
  assert words == ["-m", "cosam_jax.main", "--mode=compare", *sides]
  assert f"run 2/3  {JOBS[1].name}  finished in 0:00:" in out
  assert len(read_attempts(tmp_path / "sweep" / JOBS[1].name)) == 2


def test_the_posters_rows_are_put_into_tables(tmp_path):
  jobs = [dataclasses.replace(JOBS[0], row=row) for row in SWEEPS["positions"]]
  sweep = Sweep(tiny.config("data"), tmp_path, jobs)
  assert sweep._next_steps() == {"tables": ["--mode=tables", f"--workdir={tmp_path}"]}


def test_a_failing_run_is_told_at_the_end_and_the_others_are_done(pretended, tmp_path, capsys):
  Pretended.scripts = {
    JOBS[0].name: "print('error: data are nowhere', file=sys.stderr); sys.exit(2)",
    JOBS[1].name: "sys.exit(0)",
  }
  with pytest.raises(InputError) as caught:
    pretended.run()
  assert "2 of 3 runs are not done" in str(caught.value)
  assert JOBS[0].name in str(caught.value)
  assert JOBS[2].name not in str(caught.value)
  out = capsys.readouterr().out
  assert f"  {JOBS[0].name}: exit status 2: data are nowhere\n" in out
  assert f"  {JOBS[1].name}: it ended without results of this configuration" in out
  assert begun(tmp_path) == [1, 1, 1]
  Pretended.scripts = {}
  pretended.run()
  assert begun(tmp_path) == [2, 2, 1]


def test_a_run_of_another_process_is_left_to_it(pretended, tmp_path):
  folder = tmp_path / "sweep" / JOBS[1].name
  folder.mkdir(parents=True)
  with (folder / "lock").open("w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    with pytest.raises(InputError, match=f"1 of 3 runs are not done \\({JOBS[1].name}\\)"):
      pretended.run()
  assert begun(tmp_path) == [1, 0, 1]


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGINT"])
def test_interrupting_ends_the_run_and_leaves_its_time(pretended, tmp_path, name):
  """The run is asked to save, and waited for, whatever else comes meanwhile."""
  number, more = getattr(signal, name), signal.SIGTERM if name == "SIGINT" else signal.SIGUSR1
  Pretended.scripts = {
    JOBS[0].name: f"""
import os, signal, time
def save(*_):
  os.kill({os.getpid()}, {int(more)})
  time.sleep(0.3)
  (folder / "saved").touch()
  os._exit(75)
signal.signal(signal.SIGTERM, save)
os.kill({os.getpid()}, {int(number)})
time.sleep(60)"""
  }
  before = {one: signal.getsignal(one) for one in stop_signals()}
  with pytest.raises(Preempted, match="while a sweep was running") as raised:
    pretended.run()
  assert raised.value.by == name
  assert {one: signal.getsignal(one) for one in stop_signals()} == before
  assert (tmp_path / "sweep" / JOBS[0].name / "saved").exists()
  (attempt,) = read_attempts(tmp_path / "sweep" / JOBS[0].name)
  assert attempt["status"] == 75
  assert attempt["seconds"] < 30
  assert begun(tmp_path) == [1, 0, 0]
  Pretended.scripts = {}
  pretended.run()
  assert begun(tmp_path) == [2, 1, 1]


def test_a_second_ctrl_c_kills_the_run_and_ends_at_once(tmp_path):
  """In a process of its own, since that ends."""
  script = f"""
{IMPORTS}import pathlib, pretended_sweep, tiny
stuck = "import signal, time; signal.signal(15, signal.SIG_IGN); (folder / 'up').touch(); "
pretended_sweep.Pretended.scripts = {{pretended_sweep.JOBS[0].name: stuck + "time.sleep(100)"}}
place = pathlib.Path({str(tmp_path)!r})
pretended_sweep.Pretended(tiny.config("data"), place, pretended_sweep.JOBS).run()
"""
  process = subprocess.Popen(
    [sys.executable, "-c", script], cwd=tiny.ROOT, stderr=subprocess.PIPE, text=True
  )
  folder = tmp_path / JOBS[0].name
  while not (folder / "up").exists():
    assert process.poll() is None
    time.sleep(0.01)
  process.send_signal(signal.SIGINT)
  while "a second Ctrl-C ends at once" not in process.stderr.readline():
    assert process.poll() is None
  process.send_signal(signal.SIGINT)
  _, errors = process.communicate(timeout=60)
  assert process.returncode == 130
  assert "ended by a second Ctrl-C" in errors
  with (folder / "lock").open() as lock:  # Which the run held too.
    fcntl.flock(lock, fcntl.LOCK_EX)


def test_other_initial_weights_are_not_mixed_in(pretended, tmp_path):
  config = configuration(tiny.config("data"), JOBS[0])
  finish(tmp_path / "sweep" / JOBS[0].name, {**config, "init.weights": "others.npz"})
  with pytest.raises(InputError, match="1 of 3"):
    pretended.run()
  assert begun(tmp_path) == [0, 1, 1]


def test_the_dry_run_lists_every_run_with_its_command(tmp_path):
  config = tiny.config("data")
  arguments = ["--config=c.py", "--sweep=all", "--dry_run", f"--workdir={tmp_path}"]
  sweep = runner.Sweep(config, tmp_path, JOBS, arguments)
  finish(tmp_path / JOBS[0].name, configuration(config, JOBS[0]))
  note_attempt(tmp_path / JOBS[0].name, 100.0, 0)
  text = sweep.describe()
  lines = text.splitlines()
  assert [line.split()[:2] for line in lines[2:5]] == [[str(i), JOBS[i].name] for i in range(3)]
  assert lines[2].split()[2:] == ["done", "0:00:00"]
  assert lines[3].split()[2:] == ["to", "run", "0:01:40"]
  assert "3 runs: about 0:03:20 one after the other" in text
  assert text.count(f"\n\ncommands, in the folder {os.getcwd()}:\n\n# {JOBS[0].name}\n") == 1
  # A shell splits each printed command into the words that are run.
  commands = [part.partition("\n")[2] for part in text.split("\n\n# ")[1:]]
  for job, command in zip(JOBS, commands, strict=True):
    words = subprocess.run(
      ["bash", "-c", f"printf '%s\\n' {command}"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert words == sweep.command(job)
  assert not [line for line in lines if len(line) > 80 and str(tmp_path) not in line]


def test_long_names_of_runs_are_told_apart(tmp_path):
  forms = ("descriptors_below_and_so_on", "descriptors_above_and_so_on")
  jobs = [
    dataclasses.replace(JOBS[0], row=dataclasses.replace(JOBS[0].row, form=form)) for form in forms
  ]
  jobs += [dataclasses.replace(job, seed=1) for job in jobs]
  lines = Sweep(tiny.config("data"), tmp_path, jobs).describe().splitlines()[2:6]
  names = [line[4:].split("  ")[0] for line in lines]
  assert len(set(names)) == 4
  assert all(line[4:43].endswith(" ") and line[43:49] == "to run" for line in lines)
