"""Real checkpoints in real folders: exact, whole or absent, with a clear word if they misfit."""

import os
import pathlib
import shutil
import subprocess
import sys

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from checkpoint_states import folders, restored, state_of

from cosam_jax.errors import InputError
from cosam_jax.training.checkpoints import BEST, Checkpoints

SUPPORT = pathlib.Path(__file__).resolve().parents[1] / "support"


def test_what_is_saved_comes_back_bit_for_bit(tmp_path):
  saved = state_of(7)
  about = {"config": {"seed": 0, "size": [256, 128], "name": "ü"}, "num_classes": 625}
  Checkpoints(tmp_path).save(7, saved, about)
  again = Checkpoints(tmp_path)
  assert again.latest_step() == 7
  assert again.about(7) == about
  found = restored(again, 7)
  chex.assert_trees_all_equal(found, saved)
  chex.assert_trees_all_equal_dtypes(found, saved)


def test_there_is_no_latest_step_in_a_new_folder(tmp_path):
  assert Checkpoints(tmp_path / "new" / "one").latest_step() is None


def test_the_latest_few_are_kept(tmp_path):
  checkpoints = Checkpoints(tmp_path, keep=2)
  for step in (3, 6, 9, 12):
    checkpoints.save(step, state_of(step), {})
  assert folders(checkpoints.directory) == ["12", "9"]
  chex.assert_trees_all_equal(restored(checkpoints, 9), state_of(9))
  # Reading alone removes nothing.
  assert Checkpoints(tmp_path, keep=1).latest_step() == 12
  assert folders(checkpoints.directory) == ["12", "9"]


def test_the_best_lies_apart(tmp_path):
  last, best = Checkpoints(tmp_path, keep=1), Checkpoints(tmp_path, BEST)
  best.save(2, state_of(2), {"validation_mAP": 0.5})
  last.save(2, state_of(2), {})
  last.save(4, state_of(4), {})
  assert folders(tmp_path) == ["best", "checkpoints"]
  assert (folders(best.directory), folders(last.directory)) == (["2"], ["4"])
  assert Checkpoints(tmp_path, BEST).about(2)["validation_mAP"] == 0.5


def test_a_run_begun_again_replaces_the_steps_it_makes_again(tmp_path):
  Checkpoints(tmp_path, BEST).save(9, state_of(9), {})
  again = Checkpoints(tmp_path, BEST)
  again.save(3, state_of(3), {})
  assert again.latest_step() == 3
  other = state_of(5).replace(step=jnp.int32(3))
  again.save(3, other, {})
  chex.assert_trees_all_equal(restored(again, 3), other)


def test_what_a_killed_save_left_is_ignored_and_replaced(tmp_path):
  checkpoints = Checkpoints(tmp_path, keep=3)
  checkpoints.save(3, state_of(3), {})
  half = checkpoints.directory / "6.orbax-checkpoint-tmp"
  shutil.copytree(checkpoints.directory / "3", half)
  shutil.rmtree(half / "state" / "d")
  again = Checkpoints(tmp_path, keep=3)
  assert again.latest_step() == 3
  again.save(6, state_of(6), {})
  assert folders(again.directory) == ["3", "6"]
  chex.assert_trees_all_equal(restored(Checkpoints(tmp_path), 6), state_of(6))


def test_an_old_checkpoint_that_is_half_removed_does_no_harm(tmp_path):
  checkpoints = Checkpoints(tmp_path, keep=2)
  checkpoints.save(3, state_of(3), {})
  checkpoints.save(6, state_of(6), {})
  shutil.rmtree(checkpoints.directory / "3" / "state")
  again = Checkpoints(tmp_path, keep=2)
  chex.assert_trees_all_equal(restored(again, again.latest_step()), state_of(6))
  again.save(9, state_of(9), {})
  assert folders(again.directory) == ["6", "9"]


@pytest.mark.parametrize(
  ("other", "parts"),
  [
    (lambda: state_of(size=4), ("params/conv/kernel", "(3, 2)", "(4, 2)")),
    (lambda: state_of(head=np.ones(5)), ("params/head", "missing there", "(5,) here")),
  ],
)
def test_another_architecture_is_one_clear_sentence(tmp_path, other, parts):
  Checkpoints(tmp_path).save(3, state_of(3), {})
  with pytest.raises(InputError) as raised:
    restored(Checkpoints(tmp_path), 3, jax.eval_shape(other))
  sentence = str(raised.value)
  assert "another architecture" in sentence
  assert "step 3" in sentence
  assert "\n" not in sentence
  assert all(part in sentence for part in parts)


def test_a_damaged_checkpoint_is_one_clear_sentence(tmp_path):
  checkpoints = Checkpoints(tmp_path)
  checkpoints.save(3, state_of(3), {"a": 1})
  for file in (checkpoints.directory / "3").rglob("*"):
    if file.is_file() and file.name != "_CHECKPOINT_METADATA":
      file.write_bytes(file.read_bytes()[:7])
  for read in (lambda: restored(checkpoints, 3), lambda: checkpoints.about(3)):
    with pytest.raises(InputError, match=r"^the checkpoint of step 3 in .* cannot be read") as why:
      read()
    assert "\n" not in str(why.value)
    assert "remove that folder" in str(why.value)


def test_a_workdir_that_is_a_file_is_one_clear_sentence(tmp_path):
  (tmp_path / "file").write_text("")
  with pytest.raises(InputError, match="workdir"):
    Checkpoints(tmp_path / "file")


_FILL_AND_SAVE = """
import os, pathlib, sys
import jax.numpy as jnp
import chex
from checkpoint_states import restored, state_of
from cosam_jax.errors import InputError
from cosam_jax.training.checkpoints import Checkpoints
workdir = pathlib.Path(sys.argv[1])
small = Checkpoints(workdir, keep=2)
small.save(3, state_of(3), {"good": True})
limit = sys.argv[2]
if limit == "disk":
  with open(workdir / "fill", "wb", buffering=0) as file:
    try:
      while True:
        file.write(bytes(4096))
    except OSError:
      pass
else:
  import resource, signal
  signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
  resource.setrlimit(resource.RLIMIT_FSIZE, (64, resource.RLIM_INFINITY))
try:
  small.save(6, state_of(6), {})
except InputError as error:
  print("REFUSED", error)
again = Checkpoints(workdir, keep=2)
print("LATEST", again.latest_step())
chex.assert_trees_all_equal(restored(again, 3), state_of(3))
if limit == "disk":
  (workdir / "fill").unlink()
else:
  resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
again.save(6, state_of(6), {})
chex.assert_trees_all_equal(restored(Checkpoints(workdir), 6), state_of(6))
print("SAVED", again.latest_step())
"""


def _can_mount() -> bool:
  command = "mount -t tmpfs none /mnt"
  try:
    found = subprocess.run(["unshare", "-rm", "sh", "-c", command], capture_output=True, timeout=20)
  except (OSError, subprocess.TimeoutExpired):
    return False
  return found.returncode == 0


@pytest.mark.parametrize("limit", ["disk", "file size"])
def test_a_full_disk_keeps_the_last_good_checkpoint_and_says_so(tmp_path, limit):
  """Either a real file system of 1 MiB is full, or a limit keeps files from growing."""
  command = [sys.executable, "-c", _FILL_AND_SAVE, str(tmp_path), limit]
  if limit == "disk":
    if not _can_mount():
      pytest.skip("needs the right to mount a small file system (unshare -rm)")
    script = 'mount -t tmpfs -o size=1m none "$1" && shift && exec "$@"'
    command = ["unshare", "-rm", "sh", "-c", script, "sh", str(tmp_path), *command]
  environment = os.environ | {"PYTHONPATH": str(SUPPORT)}
  output = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
  assert output.returncode == 0, output.stderr[-3000:]
  refused, latest, saved = output.stdout.strip().splitlines()
  assert refused.startswith("REFUSED the checkpoint of step 6 could not be written to ")
  assert "the last good one is of step 3; make room" in refused
  assert (latest, saved) == ("LATEST 3", "SAVED 6")
