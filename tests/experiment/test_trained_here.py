"""Whether this program trained weights: by their label, or by the record beside them."""

import dataclasses
import json

import pytest

from cosam_jax.commands.publish import publish
from cosam_jax.experiment.config import unflatten
from cosam_jax.experiment.flags_again import is_of_checkpoint
from cosam_jax.experiment.network import load_network, network_asked_for
from cosam_jax.experiment.trained_here import is_trained_here
from cosam_jax.models.exported_record import RECORD

pytestmark = pytest.mark.usefixtures("hasty_compilation")


@pytest.fixture(scope="module")
def published(saved_run, tmp_path_factory, hasty_compilation):
  del hasty_compilation
  directory = tmp_path_factory.mktemp("published") / "out"
  publish(None, saved_run, directory, licence="mit")
  return directory


@pytest.mark.parametrize(
  ("label", "wanted"),
  [
    ("step 240", True), ("best step 3", True), ("step 3, averaged", True),
    ("step 8, resampled from 4 frames of 64x32", True), ("step 3.pth", False),
    ("osnet.npz", False), ("hf:org/name@v1", False), ("", False),
  ],
)  # fmt: skip
def test_a_checkpoints_label_is_known(label, wanted):
  assert is_of_checkpoint(label) is wanted


def test_a_run_and_its_published_weights_are_trained(saved_run, published):
  assert is_trained_here(load_network(saved_run))
  found = load_network(published)
  assert is_trained_here(found)
  by_name = dataclasses.replace(found, label="hf:org/name@1234")
  assert is_trained_here(by_name)
  assert not is_trained_here(dataclasses.replace(by_name, place=None))


def test_a_record_of_such_a_name_says_it_by_itself(published, tmp_path):
  found = dataclasses.replace(load_network(published), label="hf:org/name@1234")
  record = json.loads((published / RECORD).read_text()) | {"weights": "hf:org/name@1234"}
  for trained in (True, False):
    folder = tmp_path / str(trained)
    folder.mkdir()
    (folder / RECORD).write_text(json.dumps(record | {"trained": trained}))
    placed = dataclasses.replace(found, place=folder / "model.safetensors")
    assert is_trained_here(placed) is trained
  del record["trained"]
  (folder / RECORD).write_text(json.dumps(record))  # An earlier version's, which does not say it.
  assert not is_trained_here(placed)
  (folder / RECORD).write_text(json.dumps(record | {"weights": "step 3", "weights_hash": "0"}))
  assert not is_trained_here(placed)  # It is about other weights.


def test_another_configuration_given_with_a_file_is_not_that_of_its_training(published, tmp_path):
  config = unflatten(load_network(published).flat)
  config.data.name, config.data.dir = "mars", str(tmp_path)
  found = network_asked_for(config, tmp_path, str(published / "model.safetensors"))
  assert found.flat["data.name"] == "mars"
  assert not is_trained_here(found)
