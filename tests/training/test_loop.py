"""The loop with steps that only count: the order of events, the log, and when it stops."""

import itertools
import os
import re
import signal

import jax.numpy as jnp
import pytest

from cosam_jax.errors import InputError, Preempted
from cosam_jax.training import loop
from cosam_jax.training.preemption import Preemption
from cosam_jax.training.scalars import ScalarLog, read_scalars


class Recorder:
  """A step that only counts; records every event in order."""

  def __init__(self, bad_step=None, bad_name="loss", bad_value=float("nan")):
    self.events, self._bad = [], (bad_step, bad_name, bad_value)

  def step(self, state, number):
    assert number == state, "a batch came out of turn"
    self.events.append(("step", state + 1))
    bad_step, name, value = self._bad
    metrics = {"loss": 3.0, "cross_entropy": 2.0, "triplet": 1.0, "gradient_norm": 9.0}
    if state + 1 == bad_step:
      metrics[name] = value
    return state + 1, {key: jnp.float32(number) for key, number in metrics.items()}

  def save(self, step, state):
    assert step == state
    self.events.append(("save", step))

  def validate(self, step, state):
    assert step == state
    self.events.append(("validate", step))

  def of(self, kind):
    return [step for name, step in self.events if name == kind]


def run(recorder, path, *, first=0, last=10, log_every=1, **options):
  return loop.run(
    first,
    recorder.step,
    ((i,) for i in itertools.count(first)),
    first_step=first,
    last_step=last,
    learning_rate=lambda step: 0.1 ** (step // 4),
    scalars=ScalarLog(path, first + 1),
    progress=loop.Progress(first, last, log_every, clips_per_step=32),
    log_every=log_every,
    save=lambda *arguments: recorder.save(*arguments),  # Looked up when called: tests replace it.
    **{"save_every": 3} | options,
  )


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


def terminate_at(recorder, kind, step):
  """Sends this process a real SIGTERM while the recorder's `kind` runs at `step`."""
  before = getattr(recorder, kind)

  def during(*arguments):
    result = before(*arguments)
    if recorder.events[-1] == (kind, step):
      os.kill(os.getpid(), signal.SIGTERM)
    return result

  setattr(recorder, kind, during)


@pytest.mark.parametrize(
  ("kind", "step", "saved", "validated"),
  [
    ("step", 5, [3, 5], [4]),
    ("step", 3, [3], []),
    ("step", 4, [3, 4], []),  # Validation may take long, so the save comes first.
    ("save", 3, [3], []),  # Not saved twice.
    ("validate", 4, [3, 4], [4]),
    ("validate", 12, [3, 6, 9, 12], [4, 8, 12]),
    ("save", 12, [3, 6, 9, 12], [4, 8, 12]),  # What follows the training may take long.
  ],
)
def test_sigterm_saves_the_steps_that_are_done_and_stops(path, kind, step, saved, validated):
  recorder = Recorder()
  terminate_at(recorder, kind, step)
  before = signal.getsignal(signal.SIGTERM)
  with Preemption() as preemption, pytest.raises(Preempted, match=f"after step {saved[-1]} of 12"):
    run(recorder, path, last=12, preemption=preemption,
        validate_every=4, validate=recorder.validate)  # fmt: skip
  assert signal.getsignal(signal.SIGTERM) == before
  assert recorder.of("save") == saved
  assert recorder.of("validate") == validated
  assert recorder.of("step") == list(range(1, saved[-1] + 1))
  assert [row["step"] for row in read_scalars(path)] == recorder.of("step")


def test_sigterm_while_waiting_for_a_batch_does_not_wait_for_it(path):
  recorder = Recorder()

  def batches():
    for i in itertools.count():
      if i == 4:
        os.kill(os.getpid(), signal.SIGTERM)
        pytest.fail("the wait went on")
      yield (i,)

  with Preemption() as preemption, pytest.raises(Preempted):
    loop.run(
      0, recorder.step, batches(), first_step=0, last_step=9, learning_rate=lambda step: 1.0,
      scalars=ScalarLog(path, 1), progress=loop.Progress(0, 9, 1, clips_per_step=1), log_every=1,
      save_every=3, save=recorder.save, preemption=preemption,
    )  # fmt: skip
  assert recorder.of("save") == [3, 4]


@pytest.mark.parametrize("first", [0, 6])
def test_what_is_said_of_a_stop_before_a_step_is_true(path, first):
  recorder = Recorder()

  def batches():
    os.kill(os.getpid(), signal.SIGTERM)
    yield (first,)

  with Preemption() as preemption, pytest.raises(Preempted) as raised:
    loop.run(
      first, recorder.step, batches(), first_step=first, last_step=9,
      learning_rate=lambda step: 1.0, scalars=ScalarLog(path, 1),
      progress=loop.Progress(first, 9, 1, clips_per_step=1), log_every=1, save_every=3,
      save=recorder.save, preemption=preemption,
    )  # fmt: skip
  assert recorder.events == []
  assert str(raised.value) == (
    "before another step than the 6 of 9 that were saved before" if first else
    "before step 1 of 9, so that nothing was to be saved"
  )  # fmt: skip


@pytest.mark.parametrize("name", ["SIGHUP", "SIGUSR1", "SIGINT"])
def test_signals_like_sigterm_do_as_it_does(path, name, monkeypatch):
  recorder, told = Recorder(), []
  monkeypatch.setattr(signal, "SIGTERM", getattr(signal, name))  # `terminate_at` sends it.
  terminate_at(recorder, "step", 5)
  with Preemption(lambda: told.append(1)) as preemption, pytest.raises(Preempted) as raised:
    run(recorder, path, preemption=preemption)
  assert (raised.value.by, recorder.of("save"), told) == (name, [3, 5], [1])


def test_a_hangup_is_not_heard_by_a_process_that_was_told_not_to(path):
  """nohup starts processes so."""
  before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
  try:
    with Preemption() as preemption:
      os.kill(os.getpid(), signal.SIGHUP)
      run(Recorder(), path, last=3, preemption=preemption)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
  finally:
    signal.signal(signal.SIGHUP, before)


def test_more_signals_while_the_first_is_answered_change_nothing(path):
  recorder = Recorder()
  terminate_at(recorder, "step", 5)
  terminate_at(recorder, "save", 5)
  with Preemption() as preemption:
    with pytest.raises(Preempted, match="after step 5 of 10, which is saved"):
      run(recorder, path, preemption=preemption)
    os.kill(os.getpid(), signal.SIGTERM)  # While the process is ending.
  assert recorder.of("save") == [3, 5]


@pytest.mark.parametrize("first", [0, 3])
def test_a_diverged_run_names_the_checkpoint_that_is_kept(path, first):
  words = f"checkpoint of step {first} is kept; .*--change_optim" if first else "anything was saved"
  with pytest.raises(InputError, match=f"at step {first + 2}: .*{words}"):
    run(Recorder(bad_step=first + 2), path, first=first)
  with pytest.raises(InputError, match="checkpoint of step 3 is kept"):
    run(Recorder(bad_step=5), path)


def test_sigterm_outside_the_loop_stops_at_once():
  def terminate():
    os.kill(os.getpid(), signal.SIGTERM)
    pytest.fail("went on")

  with Preemption(), pytest.raises(Preempted):
    terminate()


def test_a_diverged_state_is_not_saved_on_sigterm_either(path):
  recorder = Recorder(bad_step=5)
  terminate_at(recorder, "step", 5)
  with Preemption() as preemption, pytest.raises(InputError, match="at step 5"):
    run(recorder, path, preemption=preemption)
  assert recorder.of("save") == [3]


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
