"""A loaded network: ours or a foreign one, and the name of its weights."""

import numpy as np
import onnx_files as tiny_files
import pytest

from cosam_jax.errors import InputError
from cosam_jax.experiment.found_checkpoints import find_checkpoint, weights_label
from cosam_jax.experiment.loaded_network import Network, foreign_facts
from cosam_jax.experiment.network import load_network
from cosam_jax.models import ReidNet


def test_ours_has_a_width_and_no_foreign_facts():
  kernel = np.zeros((7, 3), np.float32)
  network = Network(ReidNet("resnet18"), {"params": {"classifier": {"kernel": kernel}}}, {}, "a")
  assert network.ours is network.model
  assert network.foreign == foreign_facts(network.model) == {}
  assert network.embedding_size == 7


def test_a_foreign_one_has_facts_and_its_own_width(tmp_path):
  tiny_files.write(tmp_path / "model.onnx", {})
  network = load_network(tmp_path / "model.onnx")
  assert network.foreign["file"] == network.label == "model.onnx"
  assert network.embedding_size == tiny_files.WIDTH
  with pytest.raises(InputError, match="is a foreign network"):
    _ = network.ours


def test_a_folder_without_checkpoints_and_the_names_of_weights(tmp_path):
  with pytest.raises(InputError, match="has no checkpoint"):
    find_checkpoint(tmp_path)
  assert weights_label(3, "average") == "step 3, averaged"
  assert weights_label(3, "trained") == "step 3"
