"""Exported networks: written from a checkpoint, and run by others in a process without our code."""

import dataclasses
import json
import os
import shutil
import stat
import subprocess
import sys

import calls
import chex
import jax
import numpy as np
import pytest
import saved_run as saved
import tiny
from safetensors.numpy import load_file

from cosam_jax.commands.export import exported
from cosam_jax.commands.export import exporter as export
from cosam_jax.commands.export import formats as export_formats
from cosam_jax.commands.export import mode as export_command
from cosam_jax.commands.export.mode import export as export_mode
from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import read_embeddings
from cosam_jax.experiment.network import load_network
from cosam_jax.models import from_torch

pytestmark = pytest.mark.usefixtures("hasty_compilation")

# Somebody else's program: another batch size than the example's, and no file of ours.
CALLER = """
import sys, numpy, jax.export
program = jax.export.deserialize(bytearray(open(sys.argv[1], "rb").read()))
clips = numpy.load(sys.argv[2])["frames"]
assert [str(size) for size in program.in_avals[0].shape] == ["B", *map(str, clips.shape[1:])]
numpy.save(sys.argv[3], program.call(numpy.concatenate([clips, clips[:2]])))
assert not [name for name in sys.modules if name.startswith("cosam")]
"""


@pytest.fixture(scope="module")
def made(saved_run, tmp_path_factory, hasty_compilation):
  """The folder and the record of an export of the saved run."""
  del hasty_compilation
  directory = tmp_path_factory.mktemp("exported") / "out"
  record = export_mode(None, saved_run, directory, given="stablehlo,torch", inputs="frames")
  return directory, record


def by_definition(network, frames):
  mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
  clips = ((frames / 255 - mean) / std).astype(np.float32)
  return np.asarray(network.model.apply(network.variables, clips).features)


@pytest.mark.slow
def test_somebody_elses_program_runs_any_batch(made, saved_run, tmp_path):
  directory, record = made
  place = tmp_path / "vectors.npy"
  files = [directory / "model.stablehlo", directory / "example.npz", place]
  subprocess.run([sys.executable, "-c", CALLER, *files], check=True, timeout=120, cwd=tmp_path)
  frames = np.load(directory / "example.npz")["frames"]
  assert frames.dtype == np.uint8
  assert frames.std() > 10  # Real pictures.
  wanted = by_definition(load_network(saved_run), frames)
  assert np.abs(wanted[0] - wanted[1]).max() > 1e-3 * np.abs(wanted).max()
  found = np.load(place)
  assert len(found) == len(frames) + 2
  limit = 1e-4 * np.abs(wanted).max()
  assert np.abs(found - np.concatenate([wanted, wanted[:2]])).max() <= limit
  assert record["formats"]["stablehlo"]["difference"] <= 1e-4
  assert json.loads((directory / "export.json").read_text()) == record


def modes(directory):
  """Maps every file's name to its permissions."""
  return {
    path.relative_to(directory).as_posix(): oct(stat.S_IMODE(path.stat().st_mode))
    for path in directory.rglob("*")
    if path.is_file()
  }


def test_an_export_comes_whole_or_not_at_all(saved_run, tmp_path, monkeypatch):
  """A format fails half-way, beside an earlier good export and somebody's own file."""
  out = tmp_path / "out"
  export_mode(None, saved_run, out, given="torch")
  assert set(modes(out).values()) == {oct(0o666 & ~umask())}
  (out / "notes.txt").write_text("mine")
  before = {path.name: path.read_bytes() for path in out.iterdir()}

  def fail(network, inputs, path):
    path.write_text("half")
    raise InputError("no room for it")

  monkeypatch.setitem(export.FORMATS, "stablehlo", ("model.stablehlo", fail))
  for place in (out, tmp_path / "new"):
    with pytest.raises(InputError, match="no room for it"):
      export_mode(None, saved_run, place, given="torch,stablehlo")
  assert {path.name: path.read_bytes() for path in out.iterdir()} == before
  assert not (tmp_path / "new").exists()


def umask():
  now = os.umask(0)
  os.umask(now)
  return now


def test_formats_of_the_same_network_stay_and_those_of_another_go(
  saved_run, tiny_synthetic, tmp_path, monkeypatch, capsys
):
  def write_text(network, inputs, path):
    path.mkdir()
    (path / "program.pb").write_text("program")

  monkeypatch.setitem(export.FORMATS, "stablehlo", ("saved_model", write_text))
  monkeypatch.setattr(export, "_try", lambda *_: 0.0)
  out = tmp_path / "out"
  export_mode(None, saved_run, out, given="stablehlo")
  (out / "saved_model" / "mine").write_text("mine")
  record = export_mode(None, saved_run, out, given="torch")
  assert list(record["formats"]) == ["torch", "stablehlo"]
  assert json.loads((out / "export.json").read_text()) == record
  assert (out / "saved_model" / "program.pb").is_file()
  other = saved.write(tmp_path / "other", tiny_synthetic, seed=1)
  assert list(export_mode(None, other, out, given="torch")["formats"]) == ["torch"]
  told = capsys.readouterr().out
  assert "removed, since an earlier call exported another network: stablehlo" in told
  assert "replaced, though an earlier call exported another network: torch" in told
  assert [path.name for path in (out / "saved_model").iterdir()] == ["mine"]


def test_an_export_replaces_nobodys_files(saved_run, tmp_path, tiny_synthetic):
  (tmp_path / "saved_model").mkdir()
  (tmp_path / "saved_model" / "weights").write_text("mine")
  with pytest.raises(InputError, match=r"saved_model/weights .* give another --output"):
    export_mode(None, saved_run, tmp_path, given="torch")
  folder = tiny_synthetic / "bbox_test"
  with pytest.raises(InputError, match="lies in the input"):
    export_mode(None, saved_run, folder / "export", given="torch", folder=folder)
  assert [path.name for path in tmp_path.iterdir()] == ["saved_model"]
  # An export without a list, of an earlier version, is known by its record.
  out = tmp_path / "old"
  export_mode(None, saved_run, out, given="torch")
  (out / "export_files.json").unlink()
  export_mode(None, saved_run, out, given="torch")
  assert (out / "export_files.json").is_file()


def test_state_dicts_hold_the_networks_variables(made, saved_run):
  network = load_network(saved_run)
  again = from_torch(load_file(made[0] / "model.safetensors"), network.model)
  for name in ("params", "batch_stats"):
    chex.assert_trees_all_equal(again[name], network.variables[name])


def test_the_average_is_exported_but_mirror_images_are_not(
  saved_run, tmp_path, monkeypatch, capsys
):
  """A program embeds a clip as it is; the mode says what is missing for the run's vectors."""
  network = load_network(saved_run)
  flat = {**network.flat, "evaluation.flip": True}
  asked = dataclasses.replace(network, flat=flat, label="step 3, averaged")
  monkeypatch.setattr(export_command, "network_asked_for", lambda *_: asked)
  record = export_mode(None, saved_run, tmp_path / "out", given="torch", inputs="frames")
  assert "without its mirror image: give it both, and take the mean" in capsys.readouterr().out
  assert record["weights"] == "step 3, averaged"
  example = np.load(tmp_path / "out" / "example.npz")
  wanted = by_definition(network, example["frames"])
  np.testing.assert_allclose(
    example["features"], wanted, rtol=1e-3, atol=1e-4 * np.abs(wanted).max()
  )


def test_state_dicts_are_read_by_pytorch(torch, made):
  tensors = torch.load(made[0] / "model.pth.tar", weights_only=True)["state_dict"]
  arrays = load_file(made[0] / "model.safetensors")
  assert set(tensors) == set(arrays)
  for name, array in arrays.items():
    np.testing.assert_array_equal(tensors[name].numpy(), array)


@pytest.mark.slow
def test_a_network_that_answers_differently_is_refused(saved_run, tmp_path, monkeypatch):
  file, write = export.FORMATS["stablehlo"]

  def write_another(network, inputs, path):
    variables = jax.tree.map(lambda leaf: leaf * 1.01, network.variables)
    write(dataclasses.replace(network, variables=variables), inputs, path)

  monkeypatch.setitem(export.FORMATS, "stablehlo", (file, write_another))
  with pytest.raises(InputError, match=r"differ by .* do not use"):
    export_mode(None, saved_run, tmp_path, given="stablehlo")
  assert not (tmp_path / "export.json").exists()


def test_what_cannot_be_exported_is_one_sentence(saved_run, tmp_path, monkeypatch):
  with pytest.raises(InputError, match="did you mean 'stablehlo'"):
    export_mode(None, saved_run, tmp_path, given="stablehl")
  with pytest.raises(InputError, match="has no checkpoint"):
    export_mode(None, tmp_path, tmp_path / "out")
  empty = tmp_path / "empty"
  empty.mkdir()
  with pytest.raises(InputError, match="holds no images"):
    export_mode(None, saved_run, tmp_path, given="torch", folder=empty)
  monkeypatch.setattr(export_formats.importlib.util, "find_spec", lambda name: None)
  with pytest.raises(InputError, match=r"onnx: jax2onnx is not installed: pip install 'cosam-jax"):
    export_formats.write_onnx(load_network(saved_run), "clips", tmp_path / "model.onnx")


def test_every_format_has_a_program_that_tries_it():
  assert set(exported.RUNNERS) | {"torch"} == set(export.FORMATS)


@pytest.mark.slow
@pytest.mark.parametrize("inputs", list(export_formats.INPUTS))
def test_every_format_answers_in_a_fresh_process(saved_run, tmp_path, inputs):
  for module in ("jax2onnx", "onnxruntime"):
    pytest.importorskip(module)
  place = tmp_path / "caf\udce9 [a]\n'"
  record = export_mode(None, saved_run, place, inputs=inputs)
  for name in ("stablehlo", "saved_model", "litert", "torch"):
    assert record["formats"][name]["difference"] <= 1e-4
  if "onnx" in record["formats"]:  # Not every jax allows it; then the mode says so.
    assert record["formats"]["onnx"]["difference"] <= 1e-4
  else:
    with pytest.raises(InputError, match=r"onnx: jax2onnx .* cannot convert"):
      export_mode(None, saved_run, place, given="onnx")


def test_what_a_runtime_prints_is_not_the_answer(tmp_path, monkeypatch):
  program = tmp_path / "program.py"
  program.write_text(
    "import json, sys\n"
    "with open(sys.argv[4], 'w') as file:\n"
    "  json.dump({'difference': 0.5, 'cosam_jax': False}, file)\n"
    "print('freed 3 delegates')\n"
  )
  monkeypatch.setattr(exported, "__file__", str(program))
  assert export._try("stablehlo", tmp_path / "model", tmp_path / "example.npz", None) == 0.5


@pytest.mark.slow
@pytest.mark.parametrize("inputs", list(export_formats.INPUTS))
def test_an_onnx_file_of_ours_is_read_back_as_a_foreign_network(
  saved_run, tiny_synthetic, tmp_path, inputs
):
  """With the preprocessing that the export wrote; vectors and results are those of the run."""
  pytest.importorskip("jax2onnx")
  out, config = tmp_path / "out", tiny.config(tiny_synthetic, evaluation__rerank=True)
  record = export_mode(None, saved_run, out, given="onnx", inputs=inputs)
  assert record["formats"]["onnx"]["file"] == "model.onnx"
  assert record["formats"]["onnx"]["files"] == ["model.json", "model.onnx"]
  places = {"own": shutil.copytree(saved_run, tmp_path / "own"), "foreign": tmp_path / "foreign"}
  given = {"own": {}, "foreign": {"weights": str(out / "model.onnx")}}
  for name, place in places.items():
    for mode in ("embed", "evaluate"):
      calls.run(mode, config, place, **given[name])
  own, foreign = (read_embeddings(place / "embeddings.npz") for place in places.values())
  assert own.names.tolist() == foreign.names.tolist()
  limit = 1e-4 * np.abs(own.vectors).max()
  np.testing.assert_allclose(foreign.vectors, own.vectors, rtol=0, atol=limit)
  np.testing.assert_allclose(foreign.clip_vectors, own.clip_vectors, rtol=0, atol=limit)
  assert own.origin.foreign == {}
  assert foreign.origin.vectors_hash != own.origin.vectors_hash
  numbers = [tiny.metrics(place) for place in places.values()]
  assert len(numbers[0]) == 2
  assert numbers[0] == numbers[1]
