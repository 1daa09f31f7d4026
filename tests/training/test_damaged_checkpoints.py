"""Damaged, incomplete and misnamed checkpoints are named and passed over, and block no save."""

import os
import shutil

import chex
import pytest
from checkpoint_states import files_of, flip, folders, restored, state_of
from etils import epath

from cosam_jax.errors import InputError
from cosam_jax.training.checkpoints import Checkpoints
from cosam_jax.training.checksums import NAME, damage


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
