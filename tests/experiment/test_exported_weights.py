"""An exported file of weights knows its network by the record beside it."""

import json
import shutil

import numpy as np
import pytest

import cosam_jax
from cosam_jax.commands.export.mode import export
from cosam_jax.errors import InputError
from cosam_jax.experiment.exported_weights import exported_configuration, recipe_of, shareable
from cosam_jax.experiment.network import load_network
from cosam_jax.models.exported_record import RECORD

pytestmark = pytest.mark.usefixtures("hasty_compilation")


@pytest.fixture
def folder(saved_run, tmp_path):
  """An export of the run's weights, as if it had been trained on frames of another resize."""
  export(None, saved_run, tmp_path, given="torch", inputs="frames")
  record = json.loads((tmp_path / RECORD).read_text())
  record["config"]["clips.resize"] = "bicubic"
  (tmp_path / RECORD).write_text(json.dumps(record))
  return tmp_path


def test_it_needs_no_settings_and_keeps_the_runs_resize(folder, saved_run, capsys):
  ours, file = load_network(saved_run), folder / "model.safetensors"
  assert exported_configuration(file) == {**ours.flat, "clips.resize": "bicubic"}
  network = load_network(file)
  assert (network.model, network.label) == (ours.model, "step 3")
  frames = np.random.default_rng(0).integers(0, 255, (3, 90, 40, 3), np.uint8)
  run, embedder = (cosam_jax.Embedder.from_checkpoint(place) for place in (saved_run, file))
  assert embedder.inference.reading.resize_method == "bicubic"
  # Frames of the network's own size are not resized, so the vectors are the run's.
  whole = np.repeat(np.repeat(frames[:, :32, :16], 2, 1), 2, 2)
  np.testing.assert_allclose(embedder.embed(whole), run.embed(whole), rtol=1e-5, atol=1e-6)
  assert np.abs(embedder.embed(frames) - run.embed(frames)).max() > 0
  assert "other weights" not in capsys.readouterr().out


def test_settings_may_be_given_too(folder, saved_run):
  model = load_network(saved_run).model
  settings = {
    name: getattr(model, name)
    for name in ("backbone", "cosam_stages", "num_frames", "image_size", "width", "temporal")
  }
  network = load_network(folder / "model.safetensors", settings)
  assert network.model.width == model.width
  assert network.flat["clips.resize"] == "bicubic"


def test_other_files_and_other_folders_have_no_configuration(folder, tmp_path_factory):
  elsewhere = tmp_path_factory.mktemp("elsewhere") / "model.safetensors"
  shutil.copy(folder / "model.safetensors", elsewhere)
  renamed = folder / "other.safetensors"
  shutil.copy(elsewhere, renamed)
  assert exported_configuration(elsewhere) == exported_configuration(renamed) == {}


def test_a_record_of_other_weights_is_said(folder, capsys):
  record = json.loads((folder / RECORD).read_text())
  (folder / RECORD).write_text(json.dumps(record | {"weights_hash": "0" * 16}))
  network = load_network(folder / "model.safetensors")
  assert "model.safetensors has other weights" in capsys.readouterr().out
  assert network.label == "model.safetensors"


def test_a_damaged_record_is_one_sentence(folder):
  (folder / RECORD).write_text("{")
  with pytest.raises(InputError, match=r"the record of an export .* cannot be read .*export again"):
    load_network(folder / "model.safetensors")


@pytest.mark.parametrize(
  ("name", "value", "words"),
  [
    ("model.heads", 3, "has config.model.heads, which this version does not know: it may be of a"),
    ("model.backbone", "vit", "has config.model.backbone 'vit', and here it must be one of"),
    ("model.cosam_stages", "all", "here it must be a tuple"),
    ("clips.num_frames", 10**9, "here it must be an integer"),
    ("evaluation.flip", None, "here it must be True or False"),
  ],
)
def test_a_configuration_of_a_newer_version_is_refused(folder, name, value, words):
  record = json.loads((folder / RECORD).read_text())
  record["config"][name] = value
  (folder / RECORD).write_text(json.dumps(record))
  with pytest.raises(InputError) as raised:
    load_network(folder / "model.safetensors")
  assert words in str(raised.value)
  assert "update this one" in str(raised.value)


def test_a_configuration_that_lacks_what_decides_is_refused(folder):
  record = json.loads((folder / RECORD).read_text())
  del record["config"]["clips.image_size"]
  (folder / RECORD).write_text(json.dumps(record))
  with pytest.raises(InputError, match=r"lacks config\.clips\.image_size, so nobody knows"):
    load_network(folder / "model.safetensors")


def test_fields_that_do_not_change_the_network_may_be_newer(folder, saved_run):
  record = json.loads((folder / RECORD).read_text())
  record["config"]["train.later"] = 3
  (folder / RECORD).write_text(json.dumps(record))
  assert load_network(folder / "model.safetensors").model == load_network(saved_run).model


def test_an_exports_folder_is_a_network_too(folder):
  network = load_network(folder)
  assert network.place == folder / "model.safetensors"
  assert network.model == load_network(folder / "model.safetensors").model


def test_what_is_shared_has_no_places(saved_run):
  flat = {
    **load_network(saved_run).flat, "data.dir": "/home/me/mars", "init.weights": "/home/me/w.npz",
    "evaluation.attributes_file": "~/a.csv", "report.queries": "anna",
  }  # fmt: skip
  found = shareable(flat)
  assert set(found) == set(flat)
  assert (found["data.dir"], found["init.weights"]) == ("", "w.npz")
  assert (found["evaluation.attributes_file"], found["report.queries"]) == ("a.csv", "")
  assert found["model.width"] == flat["model.width"]
  for name in ("hf:org/name@main", "imagenet", ""):
    assert shareable({"init.weights": name}) == {"init.weights": name}


def test_a_recipe_is_what_a_training_decided(saved_run):
  flat = load_network(saved_run).flat
  found = {name: value for name, value, _ in recipe_of(flat)}
  assert found["model.width"] == "0.125"
  assert found["model.backbone"] == flat["model.backbone"]
  assert not [name for name in found if name.startswith(("data.", "init.", "evaluation."))]
  assert "model.neck" not in found  # As usual.
  alone = {name for name, _, _ in recipe_of(flat, trained=False)}
  assert {"model.backbone", "clips.image_size"} <= alone < set(found)
  assert not [name for name in alone if name.startswith(("train.", "optim.", "loss."))]
