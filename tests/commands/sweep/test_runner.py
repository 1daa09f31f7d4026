"""Sweeps run: finished runs are not repeated, failures are reported, and the others go on."""

import fcntl
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
import tiny

from cosam_jax.commands.sweep import runner as sweeps
from cosam_jax.commands.sweep.plan import Job, configuration
from cosam_jax.commands.sweep.progress import (
  ANOTHER,
  BEGUN,
  DONE,
  NEW,
  State,
  clock,
  estimate,
  note_attempt,
  progress_of,
  read_attempts,
)
from cosam_jax.errors import InputError, Preempted, stop_signals
from cosam_jax.reports.poster_rows import Row
from cosam_jax.reports.results import read_results, write_results

# With these, another process can call the functions of this file.
PLACES = [str(tiny.ROOT / "tests" / "support"), str(pathlib.Path(__file__).parent)]
IMPORTS = f"import sys; sys.path[:0] = {PLACES!r}; import test_runner\n"
# These networks are in no table, but take only seconds.
JOBS = [Job(Row("resnet18", (), "tp", number), 0, None, {}) for number in (1, 2, 3)]
RECORD = {
  "label": "after training",
  "card": {"dataset": "synthetic"},
  "metrics": {"mAP": 0.5, "Rank-1": 0.25},
}


def finish(folder, config, **changes):
  """Writes the results of a finished run."""
  write_results(folder / "results.json", [RECORD | changes], {"step": 12, "config": config})


class Pretended(sweeps.Sweep):
  """A sweep whose runs are real processes, but only write the results of a finished run."""

  scripts: dict[str, str] = {}

  def command(self, job):
    config = configuration(tiny.config("data"), job)
    script = (
      f"{IMPORTS}import json, pathlib\n"
      f"folder = pathlib.Path({str(self._workdir / job.name)!r})\n"
      "(folder / 'begun').open('a').write('x')\n"
      f"{self.scripts.get(job.name, '')}\n"
      f"test_runner.finish(folder, json.loads({json.dumps(config)!r}))"
    )
    return [sys.executable, "-c", script]


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
  assert f"run 2/3  {JOBS[1].name}  finished in 0:00:" in out
  assert len(read_attempts(tmp_path / "sweep" / JOBS[1].name)) == 2


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
{IMPORTS}import os, pathlib, tiny
stuck = "import signal, time; signal.signal(15, signal.SIG_IGN); (folder / 'up').touch(); "
test_runner.Pretended.scripts = {{test_runner.JOBS[0].name: stuck + "time.sleep(100)"}}
place = pathlib.Path({str(tmp_path)!r})
test_runner.Pretended(tiny.config("data"), place, test_runner.JOBS).run()
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


def test_states_are_read_from_the_folder(tmp_path):
  job, config = JOBS[0], configuration(tiny.config("data"), JOBS[0])

  def state():
    return progress_of(job, tmp_path, config)

  assert state() == State(job, NEW)
  (tmp_path / "config.json").write_text("{}")
  (tmp_path / "scalars.jsonl").write_text('{"step": 4, "clips_per_second": 2.5}\n{"step": 5, "cl')
  assert state() == State(job, BEGUN, step=4, clips_per_second=2.5)
  finish(tmp_path, config)
  note_attempt(tmp_path, 10.0, 2)
  note_attempt(tmp_path, 32.5, 0)
  assert state() == State(job, DONE, step=12, clips_per_second=2.5, seconds=42.5)
  # Results of a version without these fields; then with values that alter no number.
  added = ("init.mask_start", "model.remat", "train.accumulate", "data.follow_links")
  finish(tmp_path, {name: value for name, value in config.items() if name not in added})
  assert state().state == DONE
  finish(tmp_path, {**config, "report.worst": 9, "model.remat": True, "report.write": True})
  assert state().state == DONE
  finish(tmp_path, {name: value for name, value in config.items() if name != "train.epochs"})
  assert (state().state, state().fields) == (ANOTHER, ("train.epochs",))
  finish(tmp_path, {**config, "train.epochs": 99})
  assert (state().state, state().fields) == (ANOTHER, ("train.epochs",))
  finish(tmp_path, config, label="step 12")
  assert state().state == BEGUN
  (tmp_path / "results.json").write_text('{"format": 1, "run"')
  assert state().state == BEGUN


def test_time_is_estimated_from_what_is_known():
  config = configuration(tiny.config("data"), JOBS[0])  # 4 epochs of 3 steps of 4 clips.
  new = State(JOBS[0], NEW)
  assert estimate(new, [new], config).seconds is None
  measured = State(JOBS[1], BEGUN, step=6, clips_per_second=2.0)
  assert estimate(new, [new, measured], config).seconds == pytest.approx(12 * 4 / 2.0)
  assert estimate(measured, [new, measured], config).seconds == pytest.approx(6 * 4 / 2.0)
  assert "2 clips/s" in estimate(new, [new, measured], config).basis
  unlike = State(Job(Row("resnet50", (4, 5), "rnn", 8), 0, None, {}), DONE, 12, 1.0, 900.0)
  alike = State(JOBS[2], DONE, 12, 1.0, 60.0)
  found = estimate(new, [new, measured, unlike, alike], config)
  assert (found.seconds, found.basis) == (60.0, f"as {JOBS[2].name} took")
  assert estimate(measured, [measured, alike], config).seconds == pytest.approx(30.0)
  assert estimate(alike, [alike], config).seconds == 0.0
  unknown = {**config, "data.name": "folder"}
  assert estimate(new, [new, measured], unknown).seconds is None
  assert clock(90061) == "1 d 1:01:01"


def test_the_dry_run_lists_every_run_with_its_command(tmp_path):
  config = tiny.config("data")
  arguments = ["--config=c.py", "--sweep=all", "--dry_run", f"--workdir={tmp_path}"]
  sweep = sweeps.Sweep(config, tmp_path, JOBS, arguments)
  finish(tmp_path / JOBS[0].name, configuration(config, JOBS[0]))
  note_attempt(tmp_path / JOBS[0].name, 100.0, 0)
  text = sweep.describe()
  lines = text.splitlines()
  assert [line.split()[:2] for line in lines[2:5]] == [[str(i), JOBS[i].name] for i in range(3)]
  assert lines[2].split()[2:] == ["done", "0:00:00"]
  assert lines[3].split()[2:] == ["to", "run", "0:01:40"]
  assert "3 runs: about 0:03:20 one after the other" in text
  # A shell splits each printed command into the words that are run.
  commands = [part.partition("\n")[2] for part in text.split("\n\n# ")[1:]]
  for job, command in zip(JOBS, commands, strict=True):
    words = subprocess.run(
      ["bash", "-c", f"printf '%s\\n' {command}"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert words == sweep.command(job)
  assert not [line for line in lines if len(line) > 80 and str(tmp_path) not in line]


def start(workdir, data_dir, cache):
  """Starts the sweep of `REAL_JOBS` in a process of its own."""
  script = f"""
{IMPORTS}import pathlib, tiny
fields = {{"clips.num_frames", "model.cosam_stages"}}
arguments = [flag for flag in tiny.flags({str(data_dir)!r}) if not any(f in flag for f in fields)]
jobs = test_runner.REAL_JOBS
sweep = test_runner.sweeps.Sweep(tiny.config({str(data_dir)!r}), pathlib.Path({str(workdir)!r}),
                                jobs, arguments)
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
  (printed,) = [line for line in out.splitlines() if line.startswith("tables: ")]
  tables = command(*printed.partition("cosam_jax.main ")[2].split())
  numbers = read_results(tmp_path / row / "results.json")["results"][0]["metrics"]
  assert f"{numbers['mAP']['percent']:.2f}" in tables
  both = command("--mode=compare", f"--workdir={tmp_path}", *(
    str(tmp_path / row) for row in ("resnet50_none_tp", "resnet50_cosam5_tp")))  # fmt: skip
  assert "comparison.json" in both


def test_attempts_that_are_none_are_left_out(tmp_path, capsys):
  lines = [
    '{"seconds": 2.5, "status": 0}',
    "[]",
    '{"seconds": NaN}',
    '{"seconds": 1e400}',
    "[" * 99_999,
    '{"seconds": "2"}',
    '{"seconds": -1}',
    '{"seconds": 3}',
    '{"seconds": ' + "9" * 400 + "}",
  ]
  (tmp_path / "attempts.jsonl").write_text("\n".join(lines))
  assert [row["seconds"] for row in read_attempts(tmp_path)] == [2.5, 3.0]
  (tmp_path / "attempts.jsonl").unlink()
  os.mkfifo(tmp_path / "attempts.jsonl")
  assert read_attempts(tmp_path) == []
  assert "attempts.jsonl cannot be read (it is a named pipe" in capsys.readouterr().out
