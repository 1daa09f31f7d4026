"""Checkpoints, weights, losses and disks that stop a run: one clear sentence, and nothing lost.

The tests call the modes' own functions, as the command does. If the whole process matters (a full
disk, the printed lines), they start a real one.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import calls
import jax
import jax.numpy as jnp
import modes
import numpy as np
import pytest
import saved_run as saved
import tiny
from refusals import checkpoint_files, has, refused, truncate, write_weights

from cosam_jax.errors import InputError
from cosam_jax.training import steps
from cosam_jax.training.checkpoints import Checkpoints

pytestmark = pytest.mark.usefixtures("hasty_compilation")


@pytest.fixture(scope="module")
def trained(tiny_synthetic, tmp_path_factory, hasty_compilation) -> pathlib.Path:
  """A workdir with the checkpoint of step 3, after one epoch. Not to be written to."""
  del hasty_compilation
  workdir = tmp_path_factory.mktemp("trained") / "run"
  modes.train(tiny.config(tiny_synthetic, train__epochs=1), workdir)
  return workdir


@pytest.mark.parametrize("mode", ["train", "evaluate"])
@pytest.mark.parametrize(
  ("field", "value", "words"),
  [
    ("model__temporal", "ta", "model.temporal was 'tp' and is now 'ta'"),
    ("model__width", 0.25, "model.width was 0.125 and is now 0.25"),
    ("model__cosam_stages", (4, 5), "model.cosam_stages was [5] and is now [4, 5]"),
    ("clips__num_frames", 3, "clips.num_frames was 2 and is now 3"),
    ("clips__image_size", (64, 48), "clips.image_size was [64, 32] and is now [64, 48]"),
    ("clips__resize", "bicubic", "clips.resize was 'bilinear' and is now 'bicubic'"),
  ],
)
def test_a_checkpoint_of_another_architecture(tiny_synthetic, trained, mode, field, value, words):
  before = checkpoint_files(trained, 3)
  config = tiny.config(tiny_synthetic, train__epochs=1, **{field: value})
  sentence = refused(mode, config, trained)
  has(sentence, trained / "checkpoints" / "3", words, "another --workdir")
  assert checkpoint_files(trained, 3) == before


def test_a_checkpoint_that_is_damaged(tiny_synthetic, trained, tmp_path):
  workdir = shutil.copytree(trained, tmp_path / "run")
  for file in (workdir / "checkpoints" / "3" / "state").rglob("*"):
    if file.is_file() and file.stat().st_size > 100:
      file.write_bytes(file.read_bytes()[:50])
  sentence = refused("train", tiny.config(tiny_synthetic, train__epochs=2), workdir)
  has(sentence, "checkpoint of step 3", workdir / "checkpoints", "cannot be read", "remove")


LATE = {"optim__schedule": "milestones", "optim__milestones": (1, 9), "optim__warmup_epochs": 8}


def test_a_schedule_longer_than_a_training_that_begins(tiny_synthetic, trained, tmp_path):
  config = tiny.config(tiny_synthetic, **LATE)
  sentence = refused("train", config, tmp_path / "run")
  has(sentence, "optim.warmup_epochs is 8", "train.epochs is 4")
  with pytest.raises(InputError, match=r"warmup_epochs is 8, but config\.train\.epochs is 4"):
    calls.run("train", config, shutil.copytree(trained, tmp_path / "other"), change_optim=True)


def test_a_run_of_such_a_schedule_goes_on(tiny_synthetic, tmp_path):
  """Earlier versions began it, or it was to be longer."""
  workdir = saved.write(tmp_path / "run", tiny_synthetic, train__epochs=4, **LATE)
  config = tiny.config(tiny_synthetic, train__epochs=1, **LATE)
  modes.train(config, workdir)  # Its three steps are done, so that it only evaluates.
  assert len(tiny.metrics(workdir)) == 1


def test_nothing_to_evaluate(tiny_synthetic, tmp_path):
  sentence = refused("evaluate", tiny.config(tiny_synthetic), tmp_path / "run")
  has(sentence, tmp_path / "run", "nothing to evaluate", "init.weights")


def test_a_workdir_that_is_a_file(tiny_synthetic, tmp_path):
  (tmp_path / "run").write_text("")
  sentence = refused("train", tiny.config(tiny_synthetic), tmp_path / "run")
  has(sentence, f"workdir {tmp_path / 'run'} cannot be used")


@pytest.mark.parametrize(
  ("mode", "theirs", "words"),
  [
    ("train", {"clips__image_size": (128, 64)}, ["image_size=(128, 64)", "image_size=(64, 32)"]),
    ("evaluate", {"clips__image_size": (96, 48)}, ["image_size=(96, 48)", "image_size=(64, 32)"]),
    ("evaluate", {"clips__num_frames": 3}, ["num_frames=3", "num_frames=2"]),
  ],
)
def test_weights_of_another_image_size_or_clip_length(
  tiny_synthetic, tmp_path, mode, theirs, words
):
  """COSAM's weights depend on both; weights that do not fit are never dropped silently."""
  path = write_weights(tmp_path / "other.npz", tiny.config(tiny_synthetic, **theirs))
  config = tiny.config(tiny_synthetic, init__weights=str(path))
  sentence = refused(mode, config, tmp_path / "run")
  has(sentence, "the weights do not fit the model", "COSAM's weights after stage 5", *words)


def test_weights_of_another_network(tiny_synthetic, tmp_path):
  path = write_weights(tmp_path / "other.npz", tiny.config(tiny_synthetic, model__width=0.25))
  config = tiny.config(tiny_synthetic, init__weights=str(path))
  has(refused("train", config, tmp_path / "run"), "width=0.25", "width=0.125")


def test_weights_that_are_not_there(tiny_synthetic, tmp_path):
  config = tiny.config(tiny_synthetic, init__weights=str(tmp_path / "none.npz"))
  has(refused("train", config, tmp_path / "run"), tmp_path / "none.npz")


def test_a_loss_that_is_not_finite_from_the_start(tiny_synthetic, tmp_path):
  """Finite weights make the logits overflow; the sentence names the step and the quantity."""

  def change(weights):
    weights["classifier.weight"][:] = np.linspace(-3e38, 3e38, 6, dtype=np.float32)[:, None]

  path = write_weights(tmp_path / "huge.npz", tiny.config(tiny_synthetic), change)
  config = tiny.config(tiny_synthetic, init__weights=str(path))
  sentence = refused("train", config, tmp_path / "run")
  has(sentence, "cross_entropy is nan at step 1", "optim.learning_rate", "optim.clip_norm")
  has(sentence, "before anything was saved", "from the beginning")
  assert Checkpoints(tmp_path / "run").latest_step() is None


@pytest.mark.slow
def test_a_loss_that_becomes_not_finite_keeps_the_last_good_checkpoint(
  tiny_synthetic, trained, tmp_path, monkeypatch
):
  """From the checkpoint of step 3, step 5 diverges; the checkpoint due at step 6 is not written."""
  compiled = steps.jit_train_step

  def diverging(*arguments):
    step_fn = compiled(*arguments)

    def step(state, *batch):
      state, metrics = step_fn(state, *batch)
      metrics["triplet"] *= jnp.where(state.step >= 5, jnp.inf, 1.0)
      return state, metrics

    return jax.jit(step, donate_argnums=0)

  monkeypatch.setattr(steps, "jit_train_step", diverging)
  workdir = shutil.copytree(trained, tmp_path / "run")
  before = checkpoint_files(workdir, 3)
  sentence = refused("train", tiny.config(tiny_synthetic, train__epochs=2), workdir)
  has(sentence, "triplet is ", "at step 5", "the checkpoint of step 3 is kept", "--change_optim")
  assert sorted(path.name for path in (workdir / "checkpoints").iterdir()) == ["3"]
  assert checkpoint_files(workdir, 3) == before
  monkeypatch.undo()
  # A lower rate alone is refused; with the flag that the sentence advises, it works.
  lower = tiny.config(
    tiny_synthetic, train__epochs=2, optim__learning_rate=1e-5, optim__clip_norm=1.0
  )
  rate = tiny.config(tiny_synthetic).optim.learning_rate
  was = f"optim.learning_rate was {rate!r} and is now 1e-05"
  has(refused("train", lower, workdir), was, "optim.clip_norm", "--change_optim")
  modes.train(lower, workdir, change_optim=True)
  assert Checkpoints(workdir).latest_step() == 6
  rows = [json.loads(line) for line in (workdir / "scalars.jsonl").read_text().splitlines()]
  assert [(row["step"], row["learning_rate"]) for row in rows[3:]] == [
    (step, pytest.approx(1e-5)) for step in (4, 5, 6)
  ]
  changed = [
    "from step 4 on, optim.clip_norm is 1.0 instead of 0.0",
    f"from step 4 on, optim.learning_rate is 1e-05 instead of {rate!r}",
  ]
  found = json.loads((workdir / "results.json").read_text())["run"]
  assert found["changed_on_resume"] == changed
  # From here on the new values are the run's own.
  more = tiny.config(
    tiny_synthetic, train__epochs=3, optim__learning_rate=1e-5, optim__clip_norm=1.0
  )
  modes.train(more, workdir)
  assert Checkpoints(workdir).about(9)["changed"] == changed


def command(*arguments, cache: dict[str, str], before: tuple[str, ...] = ()):
  """Runs the command to its end."""
  return subprocess.run(
    [*before, sys.executable, "-m", "cosam_jax.main", *arguments],
    cwd=tiny.ROOT, env=os.environ | cache, capture_output=True, text=True, timeout=300, check=False,
  )  # fmt: skip


def only_line(result) -> str:
  """The one line that a refusal leaves on stderr."""
  assert result.returncode == 2, result.stderr[-3000:]
  assert result.stderr.count("\n") == 1, result.stderr[:3000]
  assert result.stderr.startswith("error: ")
  return result.stderr


def can_mount() -> bool:
  """Whether a small file system can be mounted for one process."""
  try:
    trial = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs none /mnt"]
    return subprocess.run(trial, capture_output=True, timeout=20, check=False).returncode == 0
  except (OSError, subprocess.TimeoutExpired):
    return False


# Free KiB beside the first checkpoint (2.6 MB): too little for a second one, or for anything.
@pytest.mark.slow
@pytest.mark.parametrize("room", [600, 0])
def test_a_full_disk_while_saving(tiny_synthetic, trained, tmp_path, hasty_compilation, room):
  """A real file system fills up: one sentence, and the last checkpoint stays as it was."""
  if not can_mount():
    pytest.skip("needs the right to mount a small file system (unshare -rm)")
  disk, after = tmp_path / "disk", tmp_path / "after"
  disk.mkdir()
  size = sum(-(-f.stat().st_size // 4096) * 4 for f in trained.rglob("*") if f.is_file())
  script = f"""
    mount -t tmpfs -o size={size + room + 64}k none {disk} && cp -a {trained}/. {disk} || exit 90
    if [ {room} = 0 ]; then dd if=/dev/zero of={disk}/filler bs=1k 2>/dev/null; fi
    "$@"
    status=$?
    rm -f {disk}/filler; cp -a {disk} {after}
    exit $status
  """
  flags = tiny.flags(tiny_synthetic, train__epochs=2)
  sentence = only_line(
    command(
      f"--workdir={disk}",
      *flags,
      cache=hasty_compilation,
      before=("unshare", "-rm", "sh", "-c", script, "sh"),
    )
  )
  has(sentence, "No space left on device", "make room")
  if room:
    has(sentence, "checkpoint of step 6", disk / "checkpoints", "the last good one is of step 3")
  assert checkpoint_files(after, 3) == checkpoint_files(trained, 3)
  # With room again, the same command goes on.
  modes.train(tiny.config(tiny_synthetic, train__epochs=2), after)
  assert Checkpoints(after).latest_step() == 6


@pytest.mark.slow
def test_a_process_that_finds_a_truncated_jpeg(tiny_synthetic, tmp_path, hasty_compilation):
  mars = shutil.copytree(tiny_synthetic, tmp_path / "mars")
  for frame in (mars / "bbox_train").rglob("*.jpg"):
    truncate(frame)
  flags = [*tiny.flags(mars), "--dataset=mars", f"--workdir={tmp_path / 'run'}"]
  result = command(*flags, cache=hasty_compilation)
  assert result.returncode == 2, result.stderr[-3000:]
  # libjpeg, inside TensorFlow, writes lines of its own.
  ours = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
  assert len(ours) == 1
  has(ours[0], "tracklet '0", f"{mars}/bbox_train/", ".jpg", "cannot be used")
  assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_a_learning_rate_that_is_much_too_high(tiny_synthetic, tmp_path, hasty_compilation):
  # With so large a decay, which multiplies, every parameter grows by 10,000 in a step.
  optim = {"optim__learning_rate": 100.0, "optim__weight_decay": 100.0,
           "optim__weight_decay_form": "decoupled"}  # fmt: skip
  flags = tiny.flags(tiny_synthetic, **optim)
  result = command(*flags, f"--workdir={tmp_path / 'run'}", cache=hasty_compilation)
  has(only_line(result), " at step ", "lower optim.learning_rate")
