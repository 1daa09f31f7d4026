"""Checkpoints in folders of any name, also of names that libraries take for patterns or URLs."""

import pathlib

import chex
import pytest
from checkpoint_states import folders, restored, state_of

from cosam_jax.errors import InputError
from cosam_jax.runtime import library_paths
from cosam_jax.training.checkpoints import Checkpoints


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
