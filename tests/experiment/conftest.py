"""A network, an evaluated run, and folders of tracklets as users of their own videos have them."""

import shutil

import jax
import pytest
import saved_run as saved
import tiny

from cosam_jax.data import load_dataset
from cosam_jax.data.drawn.synthetic import write_synthetic
from cosam_jax.experiment.network import load_network


@pytest.fixture(scope="module")
def network(saved_run, hasty_compilation):
  del hasty_compilation
  return load_network(saved_run)


@pytest.fixture(scope="module")
def folder(tiny_synthetic, tmp_path_factory):
  """The query tracklets of the drawn set as somebody's own folders."""
  table = load_dataset("synthetic", tiny_synthetic).query
  place = tmp_path_factory.mktemp("own") / "tracklets"
  for row in range(len(table)):
    (place / f"t{row}").mkdir(parents=True)
    for i, frame in enumerate(table.frame_ids(row)):
      (place / f"t{row}" / f"{i}.jpg").write_bytes(table.frames.read(int(frame)))
  return place


@pytest.fixture(scope="session")
def evaluated(tiny_synthetic, tmp_path_factory, compilation_cache):
  """The folder of an evaluated run, with page and vectors. Not to be written to."""
  del compilation_cache
  before = jax.config.read("jax_disable_most_optimizations")
  jax.config.update("jax_disable_most_optimizations", True)  # As `hasty_compilation` does.
  try:
    return saved.evaluate(tmp_path_factory.mktemp("place") / "run", tiny_synthetic)
  finally:
    jax.config.update("jax_disable_most_optimizations", before)


@pytest.fixture
def run(evaluated, tmp_path):
  """A copy of the evaluated run, which may be written to."""
  shutil.copytree(evaluated, tmp_path / "run")
  return tmp_path / "run"


@pytest.fixture(scope="session")
def others(tmp_path_factory):
  """Another drawn set of as many people, with the same names of tracklets."""
  directory = tmp_path_factory.mktemp("others") / "set"
  drawing = {name.split(".")[1]: value for name, value in tiny.DRAWING.items()}
  write_synthetic(directory, **{**drawing, "seed": 7, "frames": (4, 6)})
  return directory
