"""The sides of a search: what each kind of path says of its rows, and what it leaves unknown."""

import dataclasses
import os

import numpy as np
import pytest
from evaluation_embeddings import made
from PIL import Image

import cosam_jax
from cosam_jax.data.taken_frames import Taking
from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import write_embeddings
from cosam_jax.evaluation.fingerprints import weights_hash
from cosam_jax.evaluation.sightings import NEVER_SEEN
from cosam_jax.experiment.network_settings import settings_of_network
from cosam_jax.experiment.own_outputs import PICTURES
from cosam_jax.experiment.own_videos import Given, embed_input
from cosam_jax.experiment.search_sides import (
  Networks,
  Side,
  _saved_picture,
  open_side,
  picture_of,
)

pytestmark = pytest.mark.usefixtures("hasty_compilation")


def test_a_matrix_says_nothing_but_its_vectors(tmp_path):
  np.save(tmp_path / "v.npy", np.arange(6, dtype=np.float32).reshape(3, 2))
  side = open_side(tmp_path / "v.npy", Networks())
  assert side.vectors.shape == (3, 2)
  assert side.name(2) == "row 2"
  assert side.picture(2) is picture_of(side, 2) is None
  assert side.seen(2) is NEVER_SEEN
  assert (side.weights, side.distance, side.dataset, side.flip) == (None,) * 4
  assert side.settings == {}


def test_embeddings_say_who_made_them_and_how(tmp_path):
  config = {"clips.image_size": [8, 4], "clips.resize": "bicubic", "evaluation.distance": "cosine"}
  origin = dataclasses.replace(made().origin, config=config, checkpoint_hash="ab12", flip=True)
  write_embeddings(tmp_path / "e.npz", made(origin=origin))
  side = open_side(tmp_path / "e.npz", Networks())
  np.testing.assert_array_equal(side.vectors, made().vectors)
  assert (side.name(7), side.picture(7)) == ("t7", None)
  assert (side.weights, side.distance, side.dataset, side.flip) == ("ab12", "cosine", "mars", True)
  assert side.settings["clips.image_size"] == [8, 4]
  assert side.settings["clips.resize"] == "bicubic"
  assert side.seen(1).identity == 2


def test_pictures_beside_other_vectors_are_not_shown(tmp_path, network, folder, capsys):
  embed_input(network, folder, tmp_path)
  side = open_side(tmp_path / "embeddings.npz", Networks())
  assert side.picture(0).shape[2] == 3
  assert side.weights == weights_hash(network.variables)
  write_embeddings(tmp_path / "embeddings.npz", made())
  capsys.readouterr()
  assert open_side(tmp_path / "embeddings.npz", Networks()).picture(0) is None
  assert f"left out: {tmp_path / PICTURES}, which an earlier call" in capsys.readouterr().out


def test_a_folder_is_embedded_by_the_network_of_the_command(saved_run, folder, network):
  side = open_side(
    folder, Networks(None, saved_run), Given(taking=Taking(1, 2), camera_from="t([0-9])")
  )
  embedder = cosam_jax.Embedder(network)
  frames = [np.asarray(Image.open(path)) for path in sorted((folder / "t1").iterdir())]
  row = [side.name(row) for row in range(len(side.vectors))].index("t1")
  chosen = [frames[at] for at in Taking(1, 2).positions(len(frames))]
  wanted = embedder.embed(chosen)
  np.testing.assert_allclose(side.vectors[row], wanted, rtol=1e-4, atol=1e-5)
  assert side.seen(row).camera == "1"
  assert side.weights == weights_hash(network.variables)
  assert side.distance == "sqeuclidean"
  assert side.settings == settings_of_network(network)


def test_what_is_not_there_or_has_no_network_is_refused(tmp_path, folder):
  with pytest.raises(InputError, match="does not exist: give embeddings"):
    open_side(tmp_path / "none", Networks())
  with pytest.raises(InputError, match="--workdir is missing: frames are embedded by"):
    open_side(folder, Networks())


def test_a_picture_that_cannot_be_read_is_none(tmp_path):
  def fail(row):
    raise InputError(f"row {row} cannot be read")

  assert picture_of(Side(tmp_path, np.zeros((1, 2)), str, fail), 0) is None


def test_what_lies_in_the_place_of_pictures_is_no_picture(tmp_path):
  """A pipe, 400 million pixels, another format and half a JPEG are no pictures; one is whole."""
  folder = tmp_path / PICTURES
  folder.mkdir()
  os.mkfifo(folder / "00000.jpg")
  Image.new("1", (20_000, 20_000)).save(folder / "00001.jpg", "PNG")
  Image.new("RGB", (8, 8)).save(folder / "00002.jpg", "GIF")
  Image.new("RGB", (8, 8)).save(folder / "00003.jpg", "JPEG")
  (folder / "00004.jpg").write_bytes((folder / "00003.jpg").read_bytes()[:150])
  found = [_saved_picture(folder / f"{row:05d}.jpg") for row in range(6)]
  assert [image is not None for image in found] == [False, False, False, True, False, False]
