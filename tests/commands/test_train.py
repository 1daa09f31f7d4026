"""`--mode=train`: the flags that it passes on, the folder that it holds, what it writes first."""

import json

import calls
import jax
import pytest
import tiny

from cosam_jax.errors import InputError
from cosam_jax.experiment.config import plain, resolve
from cosam_jax.training.checkpoints import Checkpoints
from cosam_jax.training.scalars import read_scalars

pytestmark = pytest.mark.usefixtures("hasty_compilation")


def config(data_dir, **fields):
  return tiny.config(data_dir, train__epochs=1, **fields)


@pytest.fixture(scope="module")
def trained(tiny_synthetic, tmp_path_factory, hasty_compilation):
  """The workdir of one epoch."""
  del hasty_compilation
  workdir = tmp_path_factory.mktemp("trained") / "run"
  calls.run("train", config(tiny_synthetic), workdir)
  return workdir


def test_a_run_states_its_configuration_and_each_of_its_steps(trained, tiny_synthetic):
  written = json.loads((trained / "config.json").read_text())
  asked = plain(resolve(config(tiny_synthetic)))
  assert written == json.loads(json.dumps(asked))
  assert [row["step"] for row in read_scalars(trained / "scalars.jsonl")] == [1, 2, 3]
  checkpoints = Checkpoints(trained)
  assert checkpoints.latest_step() == 3
  assert checkpoints.about(3)["config"] == written
  content = json.loads((trained / "results.json").read_text())
  assert [one["label"] for one in content["results"]] == ["after training"]


def test_a_changed_optimiser_needs_the_flag_and_is_noted(trained, tiny_synthetic, capsys):
  other = config(tiny_synthetic, optim__learning_rate=0.5)
  with pytest.raises(InputError, match=r"learning_rate was .* and is now 0\.5.*--change_optim"):
    calls.run("train", other, trained)
  capsys.readouterr()
  calls.run("train", other, trained, change_optim=True)
  out = capsys.readouterr().out
  assert "continuing from step 3 of 3" in out
  assert "note: from step 4 on, optim.learning_rate" in out
  noted = json.loads((trained / "results.json").read_text())["run"]["changed_on_resume"]
  assert "optim.learning_rate" in json.dumps(noted)


def test_two_trainings_do_not_share_a_workdir(trained, tiny_synthetic):
  before = (trained / "results.json").read_bytes()
  with (
    calls.call("evaluate", workdir=trained).holding_workdir(),
    pytest.raises(InputError, match=r"is held by process .* and --mode=train would write there"),
  ):
    calls.run("train", config(tiny_synthetic), trained)
  assert (trained / "results.json").read_bytes() == before


def test_a_batch_that_cannot_be_is_refused_before_anything_is_written(tiny_synthetic, tmp_path):
  wanted = config(tiny_synthetic, train__identities_per_batch=7)
  with pytest.raises(InputError, match="7"):
    calls.run("train", wanted, tmp_path / "run")
  assert not (tmp_path / "run").exists()


@pytest.mark.skipif(jax.default_backend() == "gpu", reason="a GPU trains with these kernels")
def test_kernels_for_gpus_are_refused_elsewhere_before_anything_is_written(
  tiny_synthetic, tmp_path
):
  fused = config(tiny_synthetic, model__norms="fused", model__backbone="resnet50")
  with pytest.raises(
    InputError, match=r"model\.norms is 'fused', whose kernels are for one NVIDIA"
  ):
    calls.run("train", fused, tmp_path / "run")
  assert not (tmp_path / "run").exists()
