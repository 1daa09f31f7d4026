"""Foreign networks in the place of ours: evaluations, vectors, searches and live tracks."""

import dataclasses
import json
import shutil

import calibrations
import calls
import numpy as np
import onnx_files as tiny_files
import pytest
import tiny
from PIL import Image

import cosam_jax
import oracles
from cosam_jax.data import load_dataset
from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import read_embeddings
from cosam_jax.experiment import evaluator
from cosam_jax.experiment.decisions import network_facts
from cosam_jax.experiment.foreign_networks import alike, foreign_of
from cosam_jax.experiment.network import load_network, network_asked_for
from cosam_jax.experiment.run import Run
from cosam_jax.experiment.search_sides import Networks, open_side
from cosam_jax.models import ReidNet

pytestmark = pytest.mark.usefixtures("hasty_compilation")


def pictures(table, row):
  """uint8[f, H, W, 3], the frames of a tracklet."""
  return np.stack(
    [np.asarray(Image.open(table.frames.name(int(frame)))) for frame in table.frame_ids(row)]
  )


def mean_vector(frames, matrix, how=None):
  """The definition for a network of images: the mean of the frames' vectors."""
  return tiny_files.oracle(frames[:, None], matrix, how).mean(axis=0)


def close(found, wanted):
  np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
  """The path of an ONNX file for one image at once, and its matrix."""
  path = tmp_path_factory.mktemp("foreign") / "reid.onnx"
  return path, tiny_files.write(path, {}, axes=tiny_files.shape(batch=3))


@pytest.fixture(scope="module")
def evaluation(foreign, tiny_synthetic, tmp_path_factory, hasty_compilation):
  """The workdir of an evaluation, with vectors, and its warnings. Not to be written to."""
  del hasty_compilation
  workdir, warned = tmp_path_factory.mktemp("evaluated") / "run", []
  config = tiny.config(tiny_synthetic, evaluation__gallery="official", evaluation__rerank=True)
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(evaluator, "alike", lambda vectors, model: f"{len(vectors)}, {model.file}")
    patch.setattr(evaluator, "warn", warned.append)
    for mode in ("embed", "evaluate"):
      calls.run(mode, config, workdir, weights=str(foreign[0]))
  return workdir, warned


@pytest.fixture(scope="module")
def evaluated(evaluation):
  return evaluation[0]


def test_vectors_of_the_test_set_are_numpys(evaluated, foreign, tiny_synthetic):
  saved = read_embeddings(evaluated / "embeddings.npz")
  tables = load_dataset("synthetic", tiny_synthetic)
  rows = dict(zip(saved.names.tolist(), range(len(saved.names)), strict=True))
  for table in (tables.query, tables.gallery):
    for i in (0, len(table) - 1):
      wanted = mean_vector(pictures(table, i), foreign[1])
      close(saved.vectors[rows[str(table.names[i])]], wanted)
  assert (saved.origin.num_frames, saved.origin.checkpoint) == (1, "reid.onnx")
  assert len(saved.clip_vectors) == saved.lengths.sum()


def test_its_ranking_is_that_of_a_slow_loop(evaluated):
  saved = read_embeddings(evaluated / "embeddings.npz")
  queries, gallery = saved.query_rows, saved.official_rows
  distance = oracles.squared_distances(saved.vectors[queries], saved.vectors[gallery])
  columns = (saved.identities, saved.cameras)
  who = [column[part] for column in columns for part in (queries, gallery)]
  wanted = oracles.ranking_metrics(distance, *who, 50)
  plain, reranked = tiny.metrics(evaluated)
  assert plain["mAP"]["fraction"] == pytest.approx(wanted["mean_average_precision"])
  assert plain["Rank-1"]["fraction"] == pytest.approx(wanted["cmc"][0])
  assert 0 < reranked["mAP"]["fraction"] <= 1


def test_the_card_states_the_network_and_its_preprocessing(evaluated, foreign):
  content = json.loads((evaluated / "results.json").read_text())
  record = load_network(foreign[0]).model.record
  for result in content["results"]:
    card = result["card"]
    assert card["foreign"] == record
    assert (card["checkpoint"], card["num_frames"]) == ("reid.onnx", 1)
  flat = content["run"]["config"]
  assert (flat["clips.image_size"], flat["clips.num_frames"]) == ([64, 32], 1)
  assert flat["model.cosam_stages"] == []
  assert read_embeddings(evaluated / "embeddings.npz").origin.foreign == record


def test_saved_vectors_are_ranked_without_the_network(evaluated, tmp_path, capsys):
  path = shutil.copy(evaluated / "embeddings.npz", tmp_path)
  calls.run("evaluate", None, None, embeddings=str(path))
  (result,) = json.loads((tmp_path / "results.json").read_text())["results"][:1]
  assert result["card"]["foreign"]["file"] == "reid.onnx"
  told = capsys.readouterr().out
  assert "network   foreign: reid.onnx, sha256 " in told
  assert "input     64x32, BGR, 0 to 255, mean 104 117 123, deviation 50 60 70, bilinear" in told
  assert all(len(line) < 80 for line in told.splitlines() if not line.startswith(str(tmp_path)))


@pytest.fixture(scope="module")
def embedder(foreign):
  return cosam_jax.Embedder.from_checkpoint(foreign[0])


def test_tracklets_from_python(embedder, foreign, tiny_synthetic):
  table = load_dataset("synthetic", tiny_synthetic).query
  frames = pictures(table, 0)
  wanted = mean_vector(frames, foreign[1])
  close(embedder.embed(frames), wanted)
  close(embedder.embed_table(table.select(np.array([0])))[0], wanted)
  with embedder.stream(batch_clips=2) as live:
    for frame in frames:
      live.add("somebody", frame)
    close(live.vector("somebody"), wanted)


def test_frames_of_other_sizes_are_resized_as_the_file_says(tiny_synthetic, tmp_path):
  frame = pictures(load_dataset("synthetic", tiny_synthetic).query, 0)[0]
  large = np.tile(frame, (2, 3, 1))[7:, 5:]
  found = {}
  for method in ("bilinear", "bicubic"):
    path = tmp_path / f"{method}.onnx"
    matrix = tiny_files.write(path, {"resize": method})
    kernel = Image.Resampling[method.upper()]
    planes = [Image.fromarray(large[..., i].astype(np.float32)) for i in range(3)]
    for size in ((32, large.shape[0]), (32, 64)):
      planes = [Image.fromarray(np.asarray(p.resize(size, kernel)).clip(0, 255)) for p in planes]
    wanted = mean_vector(np.stack(planes, axis=-1)[None], matrix)
    found[method] = cosam_jax.Embedder.from_checkpoint(path).embed([large])
    close(found[method], wanted)
  assert np.abs(found["bilinear"] - found["bicubic"]).max() > 1e-3


def test_somebodys_folders_are_embedded_without_a_configuration(foreign, folder, tmp_path):
  calls.run("embed", None, tmp_path, input=str(folder), weights=str(foreign[0]))
  (path,) = tmp_path.glob("own/*/embeddings.npz")
  found = read_embeddings(path)
  assert found.origin.foreign["file"] == "reid.onnx"
  for name, vector in zip(found.names, found.vectors, strict=True):
    frames = [np.asarray(Image.open(one)) for one in sorted((folder / str(name)).iterdir())]
    close(vector, mean_vector(np.stack(frames), foreign[1]))


def test_a_search_takes_the_network_with_a_configuration_and_without(
  foreign, folder, tiny_synthetic, tmp_path
):
  config = tiny.config(tiny_synthetic, init__weights=str(foreign[0]))
  side = open_side(folder, Networks(config, tmp_path))
  other = open_side(folder, Networks(weights=str(foreign[0])))
  assert side.vectors_hash == other.vectors_hash is not None
  assert side.settings == {}
  assert side.vectors.shape[1] == tiny_files.WIDTH


def test_a_calibration_is_of_one_file_and_one_preprocessing(foreign, tmp_path):
  path = tmp_path / "other.onnx"
  tiny_files.write(path, {"channels": "RGB"}, axes=tiny_files.shape(batch=3))
  own, other = load_network(foreign[0]), load_network(path)
  facts = {**network_facts(own), "distance": "sqeuclidean"}
  file = calibrations.write(tmp_path / "calibration.json", facts)
  pair = np.eye(2, tiny_files.WIDTH, dtype=np.float32)
  assert cosam_jax.Embedder(own, calibration=file).same_person(*pair).distance == pytest.approx(2)
  with pytest.raises(InputError, match=r"of another network than this one .it has other weights"):
    cosam_jax.Embedder(other, calibration=file).same_person(*pair)
  with pytest.raises(InputError, match="have 3 dimensions, and those of this network have 6"):
    cosam_jax.Embedder(own, calibration=file).same_person(*pair[:, :3])


def test_a_workdir_with_checkpoints_is_not_evaluated_by_another_network(
  foreign, tiny_synthetic, tmp_path
):
  (tmp_path / "best" / "3").mkdir(parents=True)
  config = tiny.config(tiny_synthetic, init__weights=str(foreign[0]))
  with pytest.raises(InputError, match=r"has checkpoints of a training.* a --workdir of its own"):
    Run(config, tmp_path)
  with pytest.raises(InputError, match="has checkpoints of a training"):
    network_asked_for(config, tmp_path)
  call = calls.call("evaluate", config, tmp_path, weights=str(foreign[0]))
  with pytest.raises(InputError, match=r"--weights is .*reid\.onnx.*give another --workdir"):
    _ = call.run_config


@pytest.mark.parametrize("mode", ["masks", "attention", "export", "publish", "train", "benchmark"])
def test_uses_that_need_a_network_of_ours_are_refused(mode, foreign, tiny_synthetic, tmp_path):
  config = tiny.config(tiny_synthetic, init__weights=str(foreign[0]))
  with pytest.raises(InputError, match=r"reid\.onnx is an? (ONNX file, a )?foreign network"):
    calls.run(mode, config, tmp_path / "run", licence="mit")
  assert not (tmp_path / "run" / "export").exists()


def test_what_cannot_be_asked_of_it_is_one_sentence(foreign, tiny_synthetic, tmp_path):
  path = foreign[0]
  with pytest.raises(InputError, match=r"settings are in reid\.json beside it: leave width out"):
    cosam_jax.Embedder.from_checkpoint(path, width=0.5)
  averaged = {"evaluation__weights": "average", "train__average": 0.9}
  config = tiny.config(tiny_synthetic, init__weights=str(path), **averaged)
  with pytest.raises(InputError, match="has no average: use 'trained'"):
    foreign_of(config, tmp_path)
  config = tiny.config(tiny_synthetic, init__weights="nowhere.onnx")
  with pytest.raises(InputError, match=r"weights file nowhere\.onnx does not exist"):
    foreign_of(config, tmp_path)
  assert foreign_of(tiny.config(tiny_synthetic), tmp_path) is None


def test_vectors_that_are_nearly_the_same_are_remarked(embedder, caplog):
  model, rng = embedder.network.model, np.random.default_rng(0)
  apart = rng.standard_normal((5, 8)).astype(np.float32)
  assert alike(apart, model) is None
  near = np.float32([[1, 1], [1, 1.002]])
  said = alike(near, model)
  assert said is not None
  assert "the vectors of 2 tracklets are nearly the same (they differ by 0.071% of" in said
  assert "reid.json is probably wrong" in said
  assert alike(near[:1], model) is None
  assert alike(near, ReidNet("resnet18")) is None
  assert alike(np.zeros((3, 4), np.float32), model) is not None
  grey = [np.full((1, 64, 32, 3), level, np.uint8) for level in (100, 100)]
  embedder.embed_many(grey)
  assert "nearly the same" in caplog.text


def test_an_evaluation_and_an_embedding_warn_of_such_vectors(evaluation):
  saved = read_embeddings(evaluation[0] / "embeddings.npz")
  assert evaluation[1] == [f"{len(saved.names)}, reid.onnx"] * 2


def test_mirror_images_and_unreadable_frames_are_those_of_a_run(
  foreign, embedder, tiny_synthetic, tmp_path
):
  data = shutil.copytree(tiny_synthetic, tmp_path / "set")
  table = load_dataset("synthetic", data).query.select(np.array([0]))
  frames = pictures(table, 0)
  (data / table.frames.name(int(table.frame_ids(0)[1]))).write_bytes(b"no picture")
  flipping = dataclasses.replace(embedder.network, flat={"evaluation.flip": True})
  found = cosam_jax.Embedder(flipping).embed_table(table, on_unreadable="skip")[0]
  kept = np.delete(frames, 1, axis=0)
  both = [mean_vector(some, foreign[1]) for some in (kept, kept[:, :, ::-1])]
  close(found, np.mean(both, axis=0))
