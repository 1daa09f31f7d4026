"""Pictures of masks that earlier versions wrote are ours; a stranger's files are not."""

import json

import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.reports.masks_folder import masks_folder

STRIPS = ("00_0002C1T0001_cosam_4_5.png", "01_other person_cosam_5.png")


def write(folder, *names):
  for name in names:
    (folder / name).write_text(f"of an earlier call: {name}")


def replace(folder):
  """A new call with an overview alone."""
  with masks_folder(folder).replacing({"dataset": "mars"}) as partial:
    (partial / "overview.png").write_text("new")


def left(folder):
  """The files that were there before and still are."""
  return {
    path.name for path in folder.iterdir() if path.read_text(errors="replace").startswith("of an")
  }


def with_list(folder):
  """A version that wrote a list of names."""
  (folder / "pictures.json").write_text(json.dumps(["overview.png", *STRIPS]))


def with_numbers(folder):
  """A version whose strips have the names of the arrays."""
  arrays = {f"{name.removesuffix('.png')}/4": np.zeros(2) for name in STRIPS}
  np.savez(folder / "masks.npz", **arrays)


def with_nothing(folder):
  """A version that wrote neither: its pictures are known by their names."""


@pytest.mark.parametrize("version", [with_list, with_numbers, with_nothing])
def test_what_an_earlier_version_drew_makes_room(tmp_path, version):
  write(tmp_path, "overview.png", *STRIPS, "notes.txt")
  version(tmp_path)
  replace(tmp_path)
  assert left(tmp_path) == {"notes.txt"}
  assert (tmp_path / "overview.png").read_text() == "new"
  assert masks_folder(tmp_path).source == {"dataset": "mars"}
  assert not (tmp_path / "pictures.json").exists()


def test_a_strangers_overview_is_not_replaced(tmp_path):
  write(tmp_path, "overview.png")
  np.savez(tmp_path / "masks.npz", weights=np.zeros(2))
  with pytest.raises(InputError, match="would be replaced"):
    replace(tmp_path)
  assert left(tmp_path) == {"overview.png"}


@pytest.mark.parametrize("listed", ['["../outside.png"]', '{"a": 1}', "[1]", "no list"])
def test_a_list_that_leads_outside_or_is_none_is_nobodys(tmp_path, listed):
  folder = tmp_path / "masks"
  folder.mkdir()
  (tmp_path / "outside.png").write_text("of an earlier call")
  (folder / "pictures.json").write_text(listed)
  replace(folder)
  assert (tmp_path / "outside.png").exists()
  assert (folder / "pictures.json").read_text() == listed
