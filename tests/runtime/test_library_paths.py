"""Folders with odd names have another name that libraries read as it is meant."""

import gc
import os
import pathlib

import pytest

from cosam_jax.errors import InputError
from cosam_jax.runtime import library_paths
from cosam_jax.runtime.library_paths import LibraryPath, is_plain

ODD = ["a[1]", "star*", "what?", "back\\slash", "gs:x", "line\nbreak", "Ü", b"\xff".decode(
  "utf-8", "surrogateescape")]  # fmt: skip


@pytest.mark.parametrize("name", ["run", "a b", "a.b-c_d~e", "x/y", "a@b,c=d+e"])
def test_a_plain_path_is_its_own_name(tmp_path, name):
  (tmp_path / name).mkdir(parents=True)
  assert is_plain(tmp_path / name)
  assert LibraryPath(tmp_path / name).path == tmp_path / name


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("linked", [False, True])
def test_an_odd_path_has_a_plain_name_for_the_same_folder(tmp_path, monkeypatch, name, linked):
  if linked:  # As on systems without names for open folders.
    monkeypatch.setattr(library_paths, "_OPEN_FOLDERS", tmp_path / "none")
    monkeypatch.setattr(library_paths.tempfile, "tempdir", str(tmp_path))
  folder = tmp_path / name
  folder.mkdir()
  assert not is_plain(folder)
  safe = LibraryPath(folder)
  assert is_plain(safe.path)
  (safe.path / "file").write_text("x")
  assert (folder / "file").read_text() == "x"
  assert safe.real_names(f"no {safe.path}/a here") == f"no {folder}/a here"


def test_a_path_with_a_step_up_is_not_plain():
  assert not is_plain(pathlib.Path("/a/../b"))
  assert is_plain(pathlib.Path("/a/..b"))


@pytest.mark.parametrize("linked", [False, True])
def test_the_other_name_goes_with_the_object(tmp_path, monkeypatch, linked):
  if linked:
    monkeypatch.setattr(library_paths, "_OPEN_FOLDERS", tmp_path / "none")
    monkeypatch.setattr(library_paths.tempfile, "tempdir", str(tmp_path))
  folder = tmp_path / "a[1]"
  folder.mkdir()
  (folder / "file").write_text("x")
  safe = LibraryPath(folder)
  place = safe.path
  assert os.path.samefile(place, folder)
  del safe
  gc.collect()
  assert not (place / "file").exists()
  assert (folder / "file").read_text() == "x"


def test_without_any_plain_name_it_is_refused(tmp_path, monkeypatch):
  (tmp_path / "b[2]").mkdir()
  monkeypatch.setattr(library_paths, "_OPEN_FOLDERS", tmp_path / "none")
  monkeypatch.setattr(library_paths.tempfile, "tempdir", str(tmp_path / "b[2]"))
  with pytest.raises(InputError, match=r"b\[2\] has characters .*TMPDIR"):
    LibraryPath(tmp_path / "b[2]")
