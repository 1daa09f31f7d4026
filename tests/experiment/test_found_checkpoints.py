"""Which checkpoint a path means, and what its weights are called."""

import shutil

import pytest

from cosam_jax.errors import InputError
from cosam_jax.experiment.found_checkpoints import find_checkpoint, kind_of, weights_label


def test_a_run_its_folder_and_its_checkpoint_mean_the_same(saved_run, tmp_path):
  for path in (saved_run, saved_run / "checkpoints", saved_run / "checkpoints" / "3"):
    checkpoints, step = find_checkpoint(path)
    assert (checkpoints.directory, step) == (saved_run / "checkpoints", 3)
  with pytest.raises(InputError, match="has no checkpoint: give a run's workdir"):
    find_checkpoint(tmp_path)


def test_of_two_kinds_the_runs_configuration_decides(saved_run, tmp_path):
  run = shutil.copytree(saved_run, tmp_path / "run")
  shutil.copytree(run / "checkpoints", run / "best")
  assert find_checkpoint(run)[0].directory == run / "checkpoints"
  assert find_checkpoint(run / "best")[0].directory == run / "best"


def test_names():
  assert (kind_of("best"), kind_of("last")) == ("best", "checkpoints")
  assert weights_label(240, "trained") == "step 240"
  assert weights_label(240, "average") == "step 240, averaged"
