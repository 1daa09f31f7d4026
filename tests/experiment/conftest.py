"""A network, and folders of tracklets, as users of their own videos have them."""

import pytest

from cosam_jax.data import load_dataset
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
