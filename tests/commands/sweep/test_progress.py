"""How far each run of a sweep is, how long it will take, and the notes that it left."""

import os

import pytest
import tiny
from pretended_sweep import JOBS, finish

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
from cosam_jax.reports.poster_rows import Row


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
