"""A run that is killed or stopped, and then repeated, ends as if nothing had disturbed it."""

import signal

import processes
import pytest

LAST_STEP = 8  # 4 epochs of 2 steps: 6 people, 2 of them held out, 2 in a batch.
HELD_OUT = {"data__validation_identities": 2, "train__validate_every_epochs": 2}

pytestmark = [
  pytest.mark.slow,
  pytest.mark.filterwarnings("ignore:Sharding info not provided"),
]


@pytest.fixture(scope="module")
def whole(tiny_synthetic, tmp_path_factory, hasty_compilation):
  """The workdir of a run that nobody disturbed."""
  workdir = tmp_path_factory.mktemp("whole") / "run"
  processes.finish(processes.start(workdir, tiny_synthetic, hasty_compilation, **HELD_OUT))
  return workdir


def test_a_killed_run_repeated_equals_one_never_killed(
  whole, tiny_synthetic, tmp_path, hasty_compilation
):
  """Real processes and SIGKILL; parameters, statistics and moments are equal bit for bit."""
  killed = tmp_path / "killed"
  setting = (killed, tiny_synthetic, hasty_compilation)
  scalars, saved = killed / "scalars.jsonl", killed / "checkpoints"
  moments = {
    "a checkpoint being written over lines of later steps": (
      lambda: processes.lines(scalars) >= 3 and any(saved.glob("*.orbax-checkpoint-tmp"))
    ),
    "the last checkpoint, before the results": lambda: (saved / f"{LAST_STEP}").exists(),
  }
  for what, condition in moments.items():
    process = processes.start(*setting, **HELD_OUT)
    processes.wait_for(process, condition, what)
    processes.kill(process)
  assert not (killed / "results.json").exists()
  out = processes.finish(processes.start(*setting, **HELD_OUT))

  assert f"continuing from step {LAST_STEP} of {LAST_STEP}" in out
  processes.assert_same_run(killed, whole, LAST_STEP)


def test_a_terminated_run_saves_its_steps_and_continues(
  whole, tiny_synthetic, tmp_path, hasty_compilation
):
  """Real processes, Ctrl-C and SIGTERM: status 130 and 75, and not one step is done twice."""
  stopped = tmp_path / "stopped"
  scalars, done = stopped / "scalars.jsonl", 0
  # Without the signals nothing would be saved before the last step.
  fields = HELD_OUT | {"train__checkpoint_every_epochs": 100}
  for number, name, status in ((signal.SIGINT, "Ctrl-C", 130), (signal.SIGTERM, "SIGTERM", 75)):
    process = processes.start(stopped, tiny_synthetic, hasty_compilation, **fields)
    before = done
    processes.wait_for(process, lambda n=before: processes.lines(scalars) > n, "a step")
    process.send_signal(number)
    out = processes.finish(process, status=status)
    done = processes.losses(stopped)[-1]["step"]
    assert before < done < LAST_STEP
    assert f"stopped by {name} after step {done} of {LAST_STEP}, which is saved" in out
    assert "Traceback" not in out
    assert int(processes.state(stopped, done)["step"]) == done
  out = processes.finish(processes.start(stopped, tiny_synthetic, hasty_compilation, **HELD_OUT))
  assert f"continuing from step {done} of {LAST_STEP}" in out
  processes.assert_same_run(stopped, whole, LAST_STEP)
