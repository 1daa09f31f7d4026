"""Real checkpoints in real folders: exact, whole or absent, with a clear word if they misfit."""

import json
import logging
import os
import pathlib
import shutil
import subprocess
import sys

import absl.logging
import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from etils import epath

from cosam_jax.errors import InputError
from cosam_jax.runtime import library_paths
from cosam_jax.training.checkpoints import BEST, Checkpoints
from cosam_jax.training.checksums import NAME, damage
from cosam_jax.training.mesh import make_mesh
from cosam_jax.training.optim import make_optimizer
from cosam_jax.training.same_run import check_same
from cosam_jax.training.state import create_state

OPTIMIZER = make_optimizer(optax.constant_schedule(0.1), weight_decay=0.1)


def state_of(seed=0, size=3, **extra):
  """A state with values in every part, moments included."""
  rng = np.random.default_rng(seed)
  params = {"conv": {"kernel": rng.standard_normal((size, 2)), "bias": np.float64([1 / 3, -0.0])}}
  params = jax.tree.map(jnp.float32, params | extra)
  made = create_state({"params": params, "batch_stats": {"norm": {"mean": jnp.ones(2)}}}, OPTIMIZER)
  moments = jax.tree.map(
    lambda leaf: leaf + jnp.asarray(rng.integers(1, 9), leaf.dtype), made.opt_state
  )
  return made.replace(step=jnp.int32(seed), opt_state=moments)


def shapes():
  return jax.eval_shape(state_of)


def restored(checkpoints, step, like=None):
  return checkpoints.restore(step, shapes() if like is None else like, make_mesh())


def folders(directory):
  return sorted(entry.name for entry in pathlib.Path(directory).iterdir())


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


def flip(path, position):
  """Flips one bit."""
  content = bytearray(path.read_bytes())
  content[position] ^= 0x10
  path.write_bytes(content)


@pytest.fixture(scope="module")
def three(tmp_path_factory):
  """A folder with the checkpoints of steps 3, 6 and 9. Not to be written to."""
  workdir = tmp_path_factory.mktemp("three")
  for step in (3, 6, 9):
    Checkpoints(workdir, keep=3).save(step, state_of(step), {"step": step})
  return workdir


def files_of(checkpoint):
  return sorted(file for file in checkpoint.rglob("*") if file.is_file() and file.stat().st_size)


def test_any_flipped_bit_is_noticed_named_and_passed_over(three, tmp_path, capsys):
  """Flips one bit in each file in turn: at the start, in the middle or at the end."""
  kinds = len(files_of(three / "checkpoints" / "9"))
  assert kinds > 5
  for number in range(kinds):
    workdir = shutil.copytree(three, tmp_path / str(number))
    file = files_of(workdir / "checkpoints" / "9")[number]
    flip(file, (0, file.stat().st_size // 2, -1)[number % 3])
    checkpoints = Checkpoints(workdir, keep=2)
    assert checkpoints.latest_step() == 6
    line = capsys.readouterr().out
    name = file.relative_to(workdir / "checkpoints" / "9").as_posix()
    assert line.startswith(f"warning: the checkpoint of step 9 in {workdir}/checkpoints is damaged")
    assert name in line
    assert line.endswith("the one of step 6 is used\n")
    chex.assert_trees_all_equal(restored(checkpoints, 6), state_of(6))
    with pytest.raises(InputError, match=r"step 9 .* cannot be read"):
      restored(checkpoints, 9)
    # The damaged one blocks no save, and does not count among those that are kept.
    checkpoints.save(12, state_of(12), {})
    assert folders(checkpoints.directory) == ["12", "6"]


def test_a_flipped_bit_anywhere_in_the_list_of_checksums_names_the_list(three, tmp_path):
  """The bit hits a brace, a digest, a file's name, or the name of the list's own digest."""
  folder = shutil.copytree(three / "checkpoints" / "9", tmp_path / "9")
  assert damage(folder) is None
  listed = folder / NAME
  content = listed.read_bytes()
  for position in range(len(content)):
    flip(listed, position)
    assert NAME in damage(folder), content[max(position - 20, 0) : position + 20]
    listed.write_bytes(content)


def test_a_list_of_checksums_without_a_digest_of_its_own_still_serves(three, tmp_path):
  """Earlier versions wrote such lists."""
  folder = shutil.copytree(three / "checkpoints" / "9", tmp_path / "9")
  digests = json.loads((folder / NAME).read_text())
  del digests[NAME]
  (folder / NAME).write_text(json.dumps(digests))
  assert damage(folder) is None
  flip(folder / "about" / "metadata", 0)
  assert "has other bytes" in damage(folder)


def test_a_missing_file_is_noticed(three, tmp_path, capsys):
  workdir = shutil.copytree(three, tmp_path / "run")
  largest = max(files_of(workdir / "checkpoints" / "9"), key=lambda file: file.stat().st_size)
  largest.unlink()
  assert Checkpoints(workdir).latest_step() == 6
  assert f"{largest.name} is missing" in capsys.readouterr().out


def test_with_every_checkpoint_damaged_nothing_is_begun_again(three, tmp_path):
  workdir = shutil.copytree(three, tmp_path / "run")
  for step in (3, 6, 9):
    flip(files_of(workdir / "checkpoints" / str(step))[0], 0)
  with pytest.raises(InputError, match=r"step 9 .* cannot be read .*other bytes.* remove"):
    Checkpoints(workdir).latest_step()


def test_a_checkpoint_killed_before_its_digests_is_used(three, tmp_path):
  workdir = shutil.copytree(three, tmp_path / "run")
  (workdir / "checkpoints" / "9" / "sha256.json").unlink()
  checkpoints = Checkpoints(workdir)
  assert checkpoints.latest_step() == 9
  chex.assert_trees_all_equal(restored(checkpoints, 9), state_of(9))


def test_old_ones_go_only_when_the_new_one_has_its_digests(tmp_path, monkeypatch):
  checkpoints = Checkpoints(tmp_path, keep=1)
  checkpoints.save(3, state_of(3), {})
  with monkeypatch.context() as patch:
    patch.setattr("cosam_jax.training.checkpoints.write_checksums", lambda folder: 1 / 0)
    with pytest.raises(ZeroDivisionError):
      checkpoints.save(6, state_of(6), {})
  assert folders(checkpoints.directory) == ["3", "6"]


@pytest.mark.parametrize("files", [0, 1, 5])
def test_one_killed_while_it_removes_leaves_whole_ones_only(tmp_path, monkeypatch, files):
  checkpoints = Checkpoints(tmp_path, keep=1)
  checkpoints.save(3, state_of(3), {})
  removed, unlink = [], os.unlink

  def killed(path, **options):
    if len(removed) == files:
      raise SystemExit
    removed.append(path)
    unlink(path, **options)

  monkeypatch.setattr(os, "unlink", killed)  # shutil.rmtree calls it; orbax saves without it.
  with pytest.raises(SystemExit):
    checkpoints.save(6, state_of(6), {})
  monkeypatch.undo()
  assert len(removed) == files
  there = [path for path in checkpoints.directory.iterdir() if path.name.isdecimal()]
  assert [path.name for path in there] == ["6"]
  assert (there[0] / NAME).exists()
  assert damage(there[0]) is None
  # The next save removes the rest.
  again = Checkpoints(tmp_path, keep=1)
  assert again.latest_step() == 6
  again.save(9, state_of(9), {})
  assert folders(again.directory) == ["9"]


@pytest.mark.parametrize(
  "name",
  [
    "seq[1]", "[a-z]", "[!b]/sub", "back\\slash", "star*", "what?", "two  words ", "line\nbreak",
    "Ünï 人", "~", "a:b", "gs:/bucket", "s3:", "file:/x", "a//b", "here/../there", "{a,b}", "a%20b",
    "a#b", "'\"", "$HOME", "-x", "a.orbax-checkpoint-tmp-1", "7", "a@b|zip:",
    b"\xff".decode("utf-8", "surrogateescape"),
  ],
)  # fmt: skip
def test_any_path_can_be_saved_to_and_read_from(tmp_path, monkeypatch, name):
  """By its relative path and by its full one; a library takes some for patterns or URLs."""
  (tmp_path / "here").mkdir()
  monkeypatch.chdir(tmp_path)
  Checkpoints(name).save(3, state_of(3), {"a": 1})
  checkpoints = Checkpoints(tmp_path / name, keep=2)
  checkpoints.save(6, state_of(6), {"a": 2})
  again = Checkpoints(name)
  assert (again.latest_step(), again.about(6)) == (6, {"a": 2})
  for step in (3, 6):
    chex.assert_trees_all_equal(restored(again, step), state_of(step))
  assert folders(pathlib.Path(name) / "checkpoints") == ["3", "6"]


def test_folders_that_a_path_would_match_as_a_pattern_stay_apart(tmp_path):
  for workdir, step in (("run1", 3), ("run[12]", 6), ("run?", 9)):
    Checkpoints(tmp_path / workdir).save(step, state_of(step), {})
  for workdir, step in (("run1", 3), ("run[12]", 6), ("run?", 9)):
    chex.assert_trees_all_equal(restored(Checkpoints(tmp_path / workdir), step), state_of(step))


def test_without_names_for_open_folders_a_link_serves_or_the_path_is_refused(tmp_path, monkeypatch):
  monkeypatch.setattr(library_paths, "_OPEN_FOLDERS", tmp_path / "none")
  Checkpoints(tmp_path / "a[1]").save(3, state_of(3), {})
  assert Checkpoints(tmp_path / "a[1]").latest_step() == 3
  (tmp_path / "b[2]").mkdir()
  monkeypatch.setattr(library_paths.tempfile, "tempdir", str(tmp_path / "b[2]"))
  with pytest.raises(InputError, match=r"a\[1\]/checkpoints has characters .*b\[2\].*TMPDIR"):
    Checkpoints(tmp_path / "a[1]")


def test_a_checkpoint_that_is_not_found_again_is_not_called_saved(tmp_path, monkeypatch):
  """The library writes all files, but its list of them stays empty."""
  checkpoints = Checkpoints(tmp_path, keep=1)
  checkpoints.save(3, state_of(3), {})
  with monkeypatch.context() as patch:
    patch.setattr(epath.gpath.PosixGPath, "glob", lambda *_: iter(()))
    with pytest.raises(InputError, match=r"step 6 could not be written .* last good one .* step 3"):
      checkpoints.save(6, state_of(6), {})
  again = Checkpoints(tmp_path)
  assert again.latest_step() == 3
  again.save(6, state_of(6), {})
  assert folders(again.directory) == ["6"]


def test_folders_that_are_no_whole_checkpoints_block_no_others(three, tmp_path, capsys):
  """Empty, renamed or incomplete folders are named and passed over, and the next save works."""

  def without(folder, part):
    (folder / NAME).unlink()
    shutil.rmtree(folder / part)

  changes = {
    "no state in it": lambda nine: (shutil.rmtree(nine), nine.mkdir()),
    "of step 9 and was renamed: call it 9 again": lambda nine: nine.rename(nine.with_name("900")),
    "that can be opened": lambda nine: without(nine, "state"),
    "about/metadata cannot be read: No such file": lambda nine: without(nine, "about"),
    "about/metadata is a list": lambda nine: (
      (nine / NAME).unlink(), (nine / "about" / "metadata").write_text("[]"),
    ),
    "about/metadata cannot be read: it is nested": lambda nine: (
      (nine / NAME).unlink(), (nine / "about" / "metadata").write_text("[" * 100_000),
    ),
  }  # fmt: skip
  for number, (words, change) in enumerate(changes.items()):
    workdir = shutil.copytree(three, tmp_path / str(number))
    change(workdir / "checkpoints" / "9")
    checkpoints = Checkpoints(workdir, keep=2)
    assert checkpoints.latest_step() == 6
    line = capsys.readouterr().out
    assert words in line, line
    assert line.endswith("the one of step 6 is used\n")
    checkpoints.save(12, state_of(12), {})
    left = [name for name in folders(checkpoints.directory) if name.isdecimal()]
    assert left == ["12", "6"]
    # A folder that somebody renamed is set aside, not removed.
    aside = checkpoints.directory / "900_is_of_step_9"
    assert aside.exists() == ("renamed" in words)


@pytest.mark.parametrize("name", ["9.bak", "old-9", "009", "9 (copy)", ".9"])
def test_folders_with_other_names_are_nobodys(three, tmp_path, name):
  workdir = shutil.copytree(three, tmp_path / "run")
  (workdir / "checkpoints" / "9").rename(workdir / "checkpoints" / name)
  for junk in ("10", "being_removed", ".DS_Store"):
    (workdir / "checkpoints" / junk).write_text("a file")
  checkpoints = Checkpoints(workdir)
  assert checkpoints.latest_step() == 6
  checkpoints.save(12, state_of(12), {})
  assert sorted({"12", name, ".DS_Store", "10"}) == folders(checkpoints.directory)


def test_a_workdir_that_is_a_file_is_one_clear_sentence(tmp_path):
  (tmp_path / "file").write_text("")
  with pytest.raises(InputError, match="workdir"):
    Checkpoints(tmp_path / "file")


_FILL_AND_SAVE = """
import os, pathlib, sys
import jax.numpy as jnp
from test_checkpoints import Checkpoints, InputError, restored, state_of
import chex
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
  environment = os.environ | {"PYTHONPATH": os.path.dirname(__file__)}
  output = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
  assert output.returncode == 0, output.stderr[-3000:]
  refused, latest, saved = output.stdout.strip().splitlines()
  assert refused.startswith("REFUSED the checkpoint of step 6 could not be written to ")
  assert "the last good one is of step 3; make room" in refused
  assert (latest, saved) == ("LATEST 3", "SAVED 6")


def test_orbax_is_quiet_and_our_own_lines_are_not(tmp_path):
  lines = []
  handler = logging.Handler()
  handler.emit = lambda record: lines.append(record.getMessage())
  logger = absl.logging.get_absl_logger()
  level = logger.level
  logger.addHandler(handler)
  logger.setLevel(logging.DEBUG)
  try:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(3, state_of(3), {})
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.about(3) == {}
    restored(checkpoints, 3)
    absl.logging.info("a line of ours")
    absl.logging.warning("a warning of ours")
  finally:
    logger.removeHandler(handler)
    logger.setLevel(level)
  assert lines == ["a line of ours", "a warning of ours"]


def test_each_field_that_differs_is_listed_with_both_values():
  saved = {"seed": 0, "model.width": 1.0, "clips.image_size": [256, 128], "data.dir": "a", "old": 1}
  asked = {"seed": 1, "model.width": 1.0, "clips.image_size": (256, 128), "data.dir": "b", "new": 2}
  with pytest.raises(InputError) as raised:
    check_same(saved, asked, ("data",), "W/checkpoints/3")
  sentence = str(raised.value)
  assert "W/checkpoints/3" in sentence
  assert "seed was 0 and is now 1" in sentence
  assert "old was 1 and is now None" in sentence
  assert "new was None and is now 2" in sentence
  assert "model.width" not in sentence
  assert "image_size" not in sentence
  assert "data.dir" not in sentence


def test_free_names_cover_groups_but_not_names_that_begin_alike():
  check_same({"data.dir": 1, "evaluation.rerank": 1}, {}, ("data.dir", "evaluation"), "")
  with pytest.raises(InputError, match=r"data\.directory"):
    check_same({"data.directory": 1}, {}, ("data.dir",), "")
