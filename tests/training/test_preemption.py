"""A request to stop while the loop runs: what is saved, said and validated before it ends."""

import itertools
import os
import signal

import pytest
from counted_loop import Recorder, run, terminate_at

from cosam_jax.errors import InputError, Preempted
from cosam_jax.training import loop
from cosam_jax.training.preemption import Preemption
from cosam_jax.training.scalars import ScalarLog, read_scalars


@pytest.fixture
def path(tmp_path):
  return tmp_path / "scalars.jsonl"


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
