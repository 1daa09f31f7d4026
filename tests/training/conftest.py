"""Checkpoints to damage copies of."""

import pytest
from checkpoint_states import state_of

from cosam_jax.training.checkpoints import Checkpoints


@pytest.fixture(scope="module")
def three(tmp_path_factory):
  """A folder with the checkpoints of steps 3, 6 and 9. Not to be written to."""
  workdir = tmp_path_factory.mktemp("three")
  for step in (3, 6, 9):
    Checkpoints(workdir, keep=3).save(step, state_of(step), {"step": step})
  return workdir
