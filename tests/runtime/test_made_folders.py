"""Folders that were made for nothing go; other people's folders stay."""

import pytest

from cosam_jax.runtime.made_folders import new_folders, remove_empty


def work_in(folder, file=None):
  """Makes a folder for work that fails, perhaps after somebody put a file above it."""
  with new_folders(folder):
    assert folder.is_dir()
    if file is not None:
      file.touch()
    raise KeyboardInterrupt


def test_a_block_that_fails_leaves_no_new_folder(tmp_path):
  (tmp_path / "old").mkdir()
  with pytest.raises(KeyboardInterrupt):
    work_in(tmp_path / "old" / "a" / "b")
  assert list(tmp_path.rglob("*")) == [tmp_path / "old"]
  with new_folders(tmp_path / "old" / "a" / "b"):
    pass
  assert (tmp_path / "old" / "a" / "b").is_dir()


def test_a_folder_with_somebodys_file_stays(tmp_path):
  with pytest.raises(KeyboardInterrupt):
    work_in(tmp_path / "a" / "b", tmp_path / "a" / "mine.txt")
  assert sorted(tmp_path.rglob("*")) == [tmp_path / "a", tmp_path / "a" / "mine.txt"]


def test_folders_of_files_that_went_go_as_far_as_they_are_empty(tmp_path):
  for name in ("a/b/c", "a/full", "other"):
    (tmp_path / name).mkdir(parents=True)
  (tmp_path / "a" / "full" / "kept.txt").touch()
  remove_empty(tmp_path, ["a/b/c/1.png", "a/full/2.png", "3.png", "never/made/4.png"])
  left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
  assert left == {"a", "a/full", "a/full/kept.txt", "other"}
