"""The loop with steps that only count: the order of events, the log, and divergence."""

import re

import pytest
from counted_loop import Recorder, run

from cosam_jax.errors import InputError
from cosam_jax.training import loop
from cosam_jax.training.scalars import read_scalars


@pytest.fixture
def path(tmp_path):
  return tmp_path / "scalars.jsonl"


def test_every_step_once_and_checkpoints_in_time_and_at_the_end(path):
  recorder = Recorder()
  assert run(recorder, path) == 10
  assert recorder.of("step") == list(range(1, 11))
  assert recorder.of("save") == [3, 6, 9, 10]


def test_a_resumed_loop_goes_on_with_the_next_batch(path):
  run(Recorder(), path, last=6)
  recorder = Recorder()
  assert run(recorder, path, first=6) == 10
  assert recorder.of("step") == [7, 8, 9, 10]
  assert recorder.of("save") == [9, 10]
  assert [row["step"] for row in read_scalars(path)] == list(range(1, 11))


def test_nothing_is_left_to_do_after_the_last_step(path):
  recorder = Recorder()
  assert run(recorder, path, first=10) == 10
  assert recorder.events == []


def test_validation_comes_before_the_checkpoint_of_the_same_step(path):
  recorder = Recorder()
  run(recorder, path, validate_every=6, validate=recorder.validate)
  assert recorder.of("validate") == [6]
  assert recorder.events.index(("validate", 6)) == recorder.events.index(("save", 6)) - 1


@pytest.mark.parametrize("name", ["loss", "triplet", "gradient_norm"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("bad_step", [1, 5, 6, 10])
def test_a_diverged_step_is_named_and_never_saved_or_validated(path, name, value, bad_step):
  recorder = Recorder(bad_step, name, value)
  with pytest.raises(InputError, match=rf"^{name} is {value} at step {bad_step}: training sto"):
    run(recorder, path, validate_every=3, validate=recorder.validate)
  assert recorder.of("save") == [step for step in (3, 6, 9) if step < bad_step]
  assert recorder.of("validate") == recorder.of("save")
  assert max(recorder.of("step")) <= bad_step + 1, "trained on after the loss was lost"
  assert [row["step"] for row in read_scalars(path)] == list(range(1, bad_step))


def test_scalars_of_every_nth_step_and_the_last(path):
  run(Recorder(), path, log_every=4)
  rows = read_scalars(path)
  assert [row["step"] for row in rows] == [4, 8, 10]
  assert set(rows[0]) == {
    "step", "loss", "cross_entropy", "triplet", "gradient_norm", "learning_rate",
    "clips_per_second", "input_wait_seconds",
  }  # fmt: skip
  # A step's rate depends on the number of steps done before it.
  assert [row["learning_rate"] for row in rows] == pytest.approx([1.0, 0.1, 0.01])
  waits = [row["input_wait_seconds"] for row in rows]
  assert waits == sorted(waits)


def test_progress_lines_where_there_is_no_terminal(path, capsys):
  run(Recorder(), path, log_every=5)
  lines = capsys.readouterr().out.splitlines()
  assert [line.split()[1] for line in lines] == ["5/10", "10/10"]
  for line, rate in zip(lines, ("1.0e-01", "1.0e-02")):
    assert "loss 3.000 (cross-entropy 2.000, triplet 1.000)" in line
    assert f"learning rate {rate}" in line
    assert float(re.search(r"([\d.]+) clips/s", line)[1]) > 0
    assert re.search(r"\d+:\d\d:\d\d left$", line)


def test_the_first_step_knows_no_speed_yet(path, capsys):
  run(Recorder(), path, last=1)
  assert capsys.readouterr().out.endswith("unknown time left\n")


def test_speed_and_time_left_come_from_the_latest_steps(monkeypatch, capsys):
  clock = iter([0.0, 100.0] + [100.0 + 0.5 * i for i in range(1, 60)])
  monkeypatch.setattr(loop.time, "perf_counter", lambda: next(clock))
  progress = loop.Progress(0, 100, 60, clips_per_step=8)
  values = {"loss": 0.0, "cross_entropy": 0.0, "triplet": 0.0, "learning_rate": 0.0}
  for step in range(1, 61):
    progress.update(step, values)
  # Half a second a step; the first one, which compiles, took 100 and is forgotten.
  assert progress.rate() == pytest.approx(16.0)
  assert capsys.readouterr().out.rstrip().endswith("16.0 clips/s, 0:00:20 left")


def test_the_masks_mean_is_shown_if_it_is_part_of_the_loss(capsys):
  progress = loop.Progress(0, 1, 1, clips_per_step=8)
  values = {"loss": 3.5, "cross_entropy": 2.0, "triplet": 1.0, "learning_rate": 0.1}
  progress.update(1, values | {"mask_mean": 0.5})
  words = "loss 3.500 (cross-entropy 2.000, triplet 1.000, mean of masks 0.500), learning rate"
  assert words in capsys.readouterr().out


@pytest.mark.parametrize("first", [0, 3])
def test_a_diverged_run_names_the_checkpoint_that_is_kept(path, first):
  words = f"checkpoint of step {first} is kept; .*--change_optim" if first else "anything was saved"
  with pytest.raises(InputError, match=f"at step {first + 2}: .*{words}"):
    run(Recorder(bad_step=first + 2), path, first=first)
  with pytest.raises(InputError, match="checkpoint of step 3 is kept"):
    run(Recorder(bad_step=5), path)


def test_a_state_that_was_saved_before_its_validation_is_validated_first(path):
  recorder = Recorder()
  run(recorder, path, first=4, validate_every=4, validate=recorder.validate, validate_first=True)
  assert recorder.events[0] == ("validate", 4)
  assert recorder.of("validate") == [4, 8]


def test_what_a_watch_says_is_printed_once_it_is_known(path, capsys):
  seen = []

  def watch(step, values):
    seen.append((step, values["cross_entropy"]))
    return "people are not told apart" if step == 4 else None

  run(Recorder(), path, watch=watch)
  assert seen == [(step, 2.0) for step in range(1, 11)]
  printed = capsys.readouterr().out.splitlines()
  assert printed[printed.index("people are not told apart") - 1].startswith("step 4/10")
