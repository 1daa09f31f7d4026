"""Files that appear whole or not at all, whatever they are called."""

import os
import pathlib

import pytest

from cosam_jax.data.drawn.synthetic import write_synthetic
from cosam_jax.experiment.own_outputs import _short
from cosam_jax.runtime.whole_files import hidden_name, whole_file

ODD = ["b\udce9" * 127, "-" + "[" * 254]
LONGEST = ["x" * 255, "人" * 85, "a" + "é" * 127, "😀" * 63 + "abc", *ODD]


@pytest.mark.parametrize("name", LONGEST)
def test_a_file_can_have_the_longest_name(name, tmp_path):
  path = tmp_path / name
  with whole_file(path) as file:
    file.write(b"first")
    (partial,) = os.listdir(os.fsencode(tmp_path))
    assert len(partial) <= 255
    partial.decode()  # Some file systems take nothing but text.
  with pytest.raises(ZeroDivisionError), whole_file(path) as file:
    file.write(b"second" * (1 // 0))
  assert (path.read_bytes(), os.listdir(tmp_path)) == (b"first", [name])


def test_hidden_names_are_cut_where_they_must_be_and_nowhere_else():
  assert hidden_name("results.json", ".12") == ".results.json.12"
  assert hidden_name("x" * 251, ".12") == f".{'x' * 251}.12"
  assert hidden_name("x" * 252, ".12") == f".{'x' * 251}.12"
  assert hidden_name("a" + "é" * 127, ".12") == f".a{'é' * 125}.12"


def test_a_drawn_set_can_have_the_longest_name(tmp_path):
  place = tmp_path / LONGEST[1]
  left = tmp_path / f".{'人' * 79}.part-0000000042"
  left.mkdir()
  os.utime(left, (0, 0))
  few = {"identities_train": 2, "identities_test": 2, "cameras": 2, "frames": (2, 2)}
  write_synthetic(place, **few, image_size=(64, 32), distractors=0, junk=0)
  assert os.listdir(tmp_path) == [place.name], "what a killed call left is removed"


@pytest.mark.parametrize("name", LONGEST)
def test_folders_of_inputs_with_the_longest_names_can_be_made(name, tmp_path):
  short = _short(name)
  assert name.endswith(short)
  pathlib.Path(tmp_path, f"{short}_{'0' * 12}").mkdir()
  assert _short("cam.1") == "cam.1"
