"""Folders of the cache, and users without a home directory."""

import os
import pathlib
import pwd
import sys

import pytest

from cosam_jax.errors import InputError
from cosam_jax.models.weight_register import resolve_weights
from cosam_jax.runtime import compiled_programs
from cosam_jax.runtime.cache import cache_folder, settle_libraries, why_unusable


@pytest.fixture
def nobody(monkeypatch):
  """A user without HOME and without a user entry, as in a container that runs as a number."""

  def no_entry(_):
    raise KeyError("uid not found")

  of_libraries = ("MPLCONFIGDIR", "KERAS_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
  for name in ("HOME", "COSAM_CACHE", *of_libraries):
    monkeypatch.setenv(name, "")  # So that it is restored afterwards.
    monkeypatch.delenv(name)
  monkeypatch.setattr(pwd, "getpwuid", no_entry)
  monkeypatch.delitem(sys.modules, "matplotlib", raising=False)
  return monkeypatch


def settled() -> str | None:
  """The folder that matplotlib is given; the environment is left as it was."""
  settle_libraries()
  return os.environ.pop("MPLCONFIGDIR", None)


def test_a_user_without_a_home_is_told_when_a_folder_is_needed_and_not_before(nobody):
  with pytest.raises(InputError, match="no home directory: set COSAM_CACHE to a folder that can"):
    cache_folder()
  with pytest.raises(InputError, match="no home directory: set COSAM_CACHE"):
    resolve_weights("imagenet", "resnet18")
  assert compiled_programs.keep() is None
  folder = settled()
  assert pathlib.Path(folder).is_dir()
  assert not any(pathlib.Path(folder).iterdir())


def test_a_user_without_a_home_can_name_a_folder(nobody, tmp_path):
  nobody.setenv("COSAM_CACHE", str(tmp_path / "kept"))
  assert cache_folder() == tmp_path / "kept"
  assert settled() == str(tmp_path / "kept" / "matplotlib")
  assert os.environ["KERAS_HOME"].startswith(os.devnull)  # Else Keras makes ./~


def test_homes_that_cannot_be_used_are_as_none(nobody, tmp_path):
  (tmp_path / "file").touch()
  nobody.chdir(tmp_path)
  for home in ("/proc/none", str(tmp_path / "file"), "here", ""):
    nobody.setenv("HOME", home)
    assert compiled_programs.keep() is None
    assert pathlib.Path(settled()).is_dir()
    if os.path.isabs(home):
      with pytest.raises(InputError, match=r"cache .* cannot be used \(.*\): set COSAM_CACHE to"):
        resolve_weights("imagenet", "resnet18")
  assert os.listdir() == ["file"]


def test_matplotlib_keeps_its_own_folders_and_what_it_was_told(nobody, tmp_path):
  nobody.setenv("HOME", str(tmp_path))
  assert settled() is None
  assert "KERAS_HOME" not in os.environ
  nobody.setenv("HOME", "/proc/none")
  nobody.setenv("XDG_CACHE_HOME", str(tmp_path))
  nobody.setenv("XDG_CONFIG_HOME", str(tmp_path))
  assert settled() is None
  nobody.delenv("XDG_CACHE_HOME")
  assert settled() is not None
  nobody.setenv("MPLCONFIGDIR", "/told")
  assert settled() == "/told"


def test_why_a_folder_cannot_be_used(tmp_path):
  assert why_unusable(tmp_path / "a" / "b") is None
  assert (tmp_path / "a" / "b").is_dir()
  (tmp_path / "file").touch()
  assert why_unusable(tmp_path / "file") == "File exists"
  assert why_unusable(tmp_path / "file" / "below") == "Not a directory"
