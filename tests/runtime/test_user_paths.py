"""`~` in paths: anybody's home directory, and a sentence if it is unknown."""

import os
import pathlib
import pwd

import numpy as np
import pytest

from cosam_jax.data import box_files, load_dataset, own_tracklets, videos
from cosam_jax.data.attributes import read_attributes
from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import read_embeddings
from cosam_jax.experiment.network import load_network
from cosam_jax.models.weight_files import read_weights
from cosam_jax.models.weight_register import cache_folder, resolve_weights
from cosam_jax.reports.comparison import files_of
from cosam_jax.runtime.user_paths import user_path, user_text

ME = pwd.getpwuid(os.getuid())


@pytest.fixture
def home(tmp_path, monkeypatch):
  monkeypatch.setenv("HOME", str(tmp_path))
  return tmp_path


def test_the_home_directory_stands_for_a_tilde(home, monkeypatch):
  assert user_path("~") == home
  assert user_path("~/") == home
  assert user_path("~/runs/a~b") == home / "runs" / "a~b"
  assert user_path("~//runs") == home / "runs"
  assert user_path(pathlib.Path("~/runs")) == home / "runs"
  assert user_path(f"~{ME.pw_name}/x") == pathlib.Path(ME.pw_dir, "x")
  for same in ("runs/~", "./~/x", "a~", "/~", "", "."):
    assert user_path(same) == pathlib.Path(same)
  assert (user_text(""), user_text("imagenet"), user_text("~/a")) == ("", "imagenet", f"{home}/a")
  for unusable in ("", "here"):  # The passwd entry is left.
    monkeypatch.setenv("HOME", unusable)
    assert user_path("~/x") == pathlib.Path(ME.pw_dir, "x")


def test_who_has_no_home_directory_is_told(home, monkeypatch):
  def no_entry(_):
    raise KeyError("uid not found")

  monkeypatch.delenv("HOME")
  monkeypatch.setattr(pwd, "getpwuid", no_entry)
  monkeypatch.setattr(pwd, "getpwnam", no_entry)
  with pytest.raises(InputError, match=r"'~/runs' begins with the home directory ~, and there"):
    user_path("~/runs")
  with pytest.raises(InputError, match=r"there is no user 'nobody2': .* or \./~nobody2/x for"):
    user_path("~nobody2/x")
  monkeypatch.chdir(home)
  (home / "~nobody2").mkdir()
  assert user_path("~nobody2/x") == pathlib.Path("~nobody2/x")


READERS = {
  "load_dataset": lambda path: load_dataset("mars", path),
  "manifest": lambda path: load_dataset("folder", f"{path}.csv"),
  "read_tracklets": own_tracklets.read_tracklets,
  "read_boxes": box_files.read_boxes,
  "pictures": videos.pictures,
  "read_attributes": read_attributes,
  "read_weights": read_weights,
  "read_embeddings": read_embeddings,
  "files_of": lambda path: files_of(f"{path},b"),
  "load_network": load_network,
}


@pytest.mark.parametrize("name", READERS)
def test_every_reader_looks_in_the_home_directory(name, home):
  with pytest.raises(InputError) as caught:
    READERS[name]("~/never_made")
  assert str(home / "never_made") in str(caught.value), caught.value


def test_weights_in_the_home_directory_are_read(home, monkeypatch):
  np.savez(home / "w.npz", a=np.arange(3))
  np.testing.assert_array_equal(read_weights("~/w.npz")["a"], [0, 1, 2])
  assert resolve_weights("~/w.npz", "resnet50") == home / "w.npz"
  monkeypatch.setenv("COSAM_CACHE", "~/kept")
  assert cache_folder() == home / "kept"
