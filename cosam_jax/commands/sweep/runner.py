"""Runs the rows of the poster's tables, each as a process of its own; can be repeated.

Every run trains and evaluates in `WORKDIR/<run>`; its output goes to `log.txt` there. A run that
has results of the same configuration is not repeated; one that was stopped continues from its
checkpoint. This process does not use the accelerator, so the runs have it to themselves.
"""

import contextlib
import fcntl
import pathlib
import shlex
import subprocess
import sys
import textwrap
import time
from collections.abc import Sequence
from typing import IO

import tqdm
from ml_collections import ConfigDict

from cosam_jax.commands.sweep.plan import Job, arguments_without_sweep, configuration
from cosam_jax.commands.sweep.progress import (
  ANOTHER,
  BEGUN,
  DONE,
  State,
  clock,
  estimate,
  note_attempt,
  progress_of,
)
from cosam_jax.errors import InputError
from cosam_jax.experiment import config as config_rules
from cosam_jax.reports.name_cuts import cut_apart
from cosam_jax.reports.poster_rows import SWEEPS
from cosam_jax.reports.results import read_results
from cosam_jax.runtime import command_line
from cosam_jax.runtime.stop_requests import StopRequests

LOG = "log.txt"
_POLL = 0.2  # seconds
_WHERE = "while a sweep was running"
_NAME = 39
"""Width of a name in a list of 80 columns; longer ones are cut, and whole above their command."""


class Sweep:
  """A sweep's runs in one workdir.

  Args:
    config: the configuration that all rows share, checked.
    workdir: holds a folder for each run.
    jobs: from `plan.plan`.
    arguments: the command line without the program, which is passed on to every run.
  """

  def __init__(
    self,
    config: ConfigDict,
    workdir: pathlib.Path,
    jobs: Sequence[Job],
    arguments: Sequence[str] = (),
  ):
    self._config, self._workdir, self._jobs = config, workdir, jobs
    self._arguments = arguments_without_sweep(arguments)
    self._requests = StopRequests(at_once=self._kill)
    self._process: subprocess.Popen | None = None

  def command(self, job: Job) -> list[str]:
    """The command that runs one job alone."""
    run = [sys.executable, "-m", "cosam_jax.main", *self._arguments]
    return [*run, f"--workdir={self._workdir / job.name}", *job.flags]

  def states(self) -> list[State]:
    """The progress of each run, from its folder."""
    return [self._state(job) for job in self._jobs]

  def _state(self, job: Job) -> State:
    return progress_of(job, self._workdir / job.name, configuration(self._config, job))

  def describe(self) -> str:
    """The runs with number, state, estimated time and command; at most 80 columns."""
    states = self.states()
    config = config_rules.plain(config_rules.resolve(self._config))
    names = [one.job.name for one in states]
    lines = [f"{'':4}{'run':<{_NAME}}{'state':<22}{'time left':>14}", "-" * 79]
    total, unknown = 0.0, 0
    bases: dict[str, None] = {}
    for i, one in enumerate(states):
      guess = estimate(one, states, config)
      state = f"{one.state}, step {one.step}" if one.state == BEGUN else one.state
      time_left = "unknown" if guess.seconds is None else clock(guess.seconds)
      name = cut_apart(one.job.name, names, lambda text: len(text) < _NAME)
      lines.append(f"{i:>3} {name:<{_NAME}}{state:<22.22}{time_left:>14}")
      total += guess.seconds or 0.0
      unknown += guess.seconds is None
      if one.state != DONE:
        bases.setdefault(guess.basis, None)
    lines.append("-" * 79)
    known = [f"about {clock(total)} one after the other"] if unknown < len(states) else []
    known += [f"{unknown} of unknown time"] if unknown else []
    lines.append(f"{len(states)} runs: {', and '.join(known)}")
    for basis in bases:
      lines += textwrap.wrap(f"time left: {basis}", 79, subsequent_indent="  ")
    lines += ["", f"commands, {command_line.in_this_folder()}:"]
    for one in states:
      lines += ["", f"# {one.job.name}"]
      for note in self._notes(one):
        lines += textwrap.wrap(f"#   {note}", 79, subsequent_indent="#   ")
      lines.append(_shell(self.command(one.job)))
    return "\n".join(lines)

  def run(self) -> None:
    """Runs the unfinished rows, one after the other.

    Asked to stop (SIGTERM and its kind, Ctrl-C), it asks the run in progress, which saves its
    steps, and waits for it; then it raises `Preempted`. A second Ctrl-C kills that run.

    Raises:
      InputError: at the end, if runs failed or are being run by another process.
    """
    self._workdir.mkdir(parents=True, exist_ok=True)
    failed: dict[str, str] = {}
    bar = tqdm.tqdm(total=len(self._jobs), unit="run", desc="sweep", disable=None)
    with contextlib.closing(bar), self._requests:
      for i, job in enumerate(self._jobs):
        self._requests.check(_WHERE)
        one = self._state(job)  # Read only now: another sweep may have done it meanwhile.
        place = f"run {i + 1}/{len(self._jobs)}  {job.name}"
        if one.state == DONE:
          _say(bar, f"{place}  done before: {self._numbers(job)}")
        else:
          for note in self._notes(one):
            _say(bar, f"{place}  {note}")
          _say(bar, f"{place}  started")
          began = time.monotonic()
          reason = self._run_one(one, bar)
          took = clock(time.monotonic() - began)
          if reason:
            failed[job.name] = reason
            _say(bar, f"{place}  FAILED after {took}: {reason}")
          else:
            _say(bar, f"{place}  finished in {took}: {self._numbers(job)}")
        bar.update()
    print(command_line.next_steps(self._next_steps()), end="")
    if failed:
      print(f"\n{len(failed)} of {len(self._jobs)} runs are not done:")
      for name, reason in failed.items():
        print(f"  {name}: {reason}")
      raise InputError(
        f"{len(failed)} of {len(self._jobs)} runs are not done ({', '.join(failed)}), see {LOG} in "
        f"their folders under {self._workdir}: repair the cause and repeat the command, which "
        "skips the finished runs"
      )

  def _notes(self, one: State) -> list[str]:
    notes = list(one.job.notes)
    if one.state == ANOTHER:
      fields = ", ".join(one.fields)
      notes.append(f"its folder has results of another configuration, which differ in {fields}")
    return notes

  def _numbers(self, job: Job) -> str:
    results = read_results(self._workdir / job.name / "results.json")["results"]
    metrics = results[0]["metrics"]
    return ", ".join(f"{name} {metrics[name]['percent']:.1f}" for name in ("mAP", "Rank-1"))

  def _next_steps(self) -> dict[str, list[str]]:
    """The command that puts the results together: what it does -> its arguments."""
    rows = list(dict.fromkeys(job.row for job in self._jobs))
    if all(row in SWEEPS["all"] for row in rows):
      return {"tables": ["--mode=tables", f"--workdir={self._workdir}"]}
    sides = [
      ",".join(str(self._workdir / job.name) for job in self._jobs if job.row == row)
      for row in (rows[-1], rows[0])
    ]
    return {"compare": ["--mode=compare", *sides]} if len(rows) > 1 else {}

  def _run_one(self, one: State, bar: tqdm.tqdm) -> str:
    """Runs a job to its end; returns the reason if it failed, else an empty text."""
    folder = self._workdir / one.job.name
    if one.state == ANOTHER and "init.weights" in one.fields:
      # Continuing from its checkpoint would count another run's training for these weights.
      return f"{folder} was trained from other initial weights: remove it, or use another --workdir"
    folder.mkdir(parents=True, exist_ok=True)
    # This process and the run both hold the folder, so that a second sweep never trains in it, not
    # even if this process is killed and the run continues.
    with (folder / "lock").open("w") as lock, (folder / LOG).open("a") as log:
      try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
      except BlockingIOError:
        return "another process is running it; repeat the command when it has ended"
      start = log.tell()
      began = time.monotonic()
      self._process = process = subprocess.Popen(
        self.command(one.job),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        pass_fds=(lock.fileno(),),
      )
      try:
        status = self._wait(process, folder / LOG, start, bar, one.job.name)
      except BaseException:
        process.terminate()
        note_attempt(folder, time.monotonic() - began, process.wait())
        raise
      note_attempt(folder, time.monotonic() - began, status)
    now = self._state(one.job)
    if status == 0 and now.state == DONE:
      return ""
    if status == 0:
      return f"it ended without results of this configuration ({now.state})"
    last = _last_line(folder / LOG, start) or "nothing was printed"
    return f"exit status {status}: {last.removeprefix('error: ')}"

  def _wait(
    self, process: subprocess.Popen, log: pathlib.Path, start: int, bar: tqdm.tqdm, name: str
  ) -> int:
    """Waits for the end; on a terminal the bar shows the run's latest line."""
    while process.poll() is None:
      self._requests.check(_WHERE)
      if not bar.disable:
        bar.set_postfix_str(f"{name} {_last_line(log, start)}"[:60])
      time.sleep(_POLL)
    self._requests.check(_WHERE)  # It may have heard the request first: a terminal asks both.
    return process.returncode

  def _kill(self) -> None:
    if self._process is not None:
      self._process.kill()


def _say(bar: tqdm.tqdm, text: str) -> None:
  bar.clear()
  print(text, flush=True)


def _last_line(path: pathlib.Path, start: int, tail: int = 4096) -> str:
  """The last line printed after byte `start`; lines of bars end in carriage returns."""
  file: IO[bytes]
  with path.open("rb") as file:
    file.seek(max(start, path.stat().st_size - tail))
    lines = file.read().decode(errors="replace").replace("\r", "\n").splitlines()
  return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _shell(command: Sequence[str]) -> str:
  """A command for a shell, broken into lines of at most 80 columns if the words allow it."""
  lines = [""]
  for word in map(shlex.quote, command):
    if lines[-1] and len(lines[-1]) + len(word) > 76:
      lines.append(" ")
    lines[-1] += f" {word}" if lines[-1] else word
  return " \\\n".join(lines)
