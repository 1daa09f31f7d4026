"""The Python API: real frames, checkpoints and weights files; the same vectors everywhere."""

import dataclasses
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

import cosam_jax
from cosam_jax.data import load_dataset
from cosam_jax.errors import InputError
from cosam_jax.experiment.network import load_network
from cosam_jax.models import to_torch

pytestmark = pytest.mark.usefixtures("hasty_compilation")


@pytest.fixture(scope="module")
def table(tiny_synthetic):
  return load_dataset("synthetic", tiny_synthetic).query


@pytest.fixture(scope="module")
def embedder(saved_run, hasty_compilation):
  del hasty_compilation
  return cosam_jax.Embedder.from_checkpoint(saved_run, batch_clips=4)


def paths(table, row):
  return [table.frames.name(int(frame)) for frame in table.frame_ids(row)]


def arrays(table, row):
  return [np.asarray(Image.open(path)) for path in paths(table, row)]


def by_hand(network, frames):
  """The definition: resize and normalise, cut into clips, average the clips' vectors."""
  model, count = network.model, network.model.num_frames
  mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
  images = [(image / 255 - mean) / std for image in frames]
  vectors = []
  for start in range(0, len(images), count):
    left = images[start : start + count]
    clip = np.stack([left[i % len(left)] for i in range(count)]).astype(np.float32)
    vectors.append(np.asarray(model.apply(network.variables, clip[None]).features[0]))
  return np.mean(vectors, axis=0)


def test_a_vector_is_the_mean_of_its_clips(embedder, table):
  vectors = embedder.embed_many([paths(table, 0), paths(table, 1)])
  assert np.linalg.norm(vectors[0] - vectors[1]) > 0.01 * np.linalg.norm(vectors[0]) > 0
  for row in (0, 1):  # The frames have the network's size, so that nothing is resized.
    frames = arrays(table, row)
    assert frames[0].shape[:2] == embedder.network.model.image_size
    wanted = by_hand(embedder.network, frames)
    # Rounding of sums grows with the largest numbers.
    room = 1e-6 * np.abs(wanted).max()
    np.testing.assert_allclose(embedder.embed(np.stack(frames)), wanted, rtol=1e-4, atol=room)


def test_with_mirror_images_it_is_the_mean_of_both(embedder, table):
  network = embedder.network
  flipping = dataclasses.replace(network, flat={**network.flat, "evaluation.flip": True})
  mirroring = cosam_jax.Embedder(flipping, batch_clips=4)
  frames = arrays(table, 0)
  both = [by_hand(network, f) for f in (frames, [frame[:, ::-1] for frame in frames])]
  assert np.linalg.norm(both[0] - both[1]) > 0.01 * np.linalg.norm(both[0])
  wanted = np.mean(both, axis=0)
  room = 1e-6 * np.abs(wanted).max()
  np.testing.assert_allclose(mirroring.embed(np.stack(frames)), wanted, rtol=1e-4, atol=room)
  one = table.select(np.array([0]))
  np.testing.assert_allclose(mirroring.embed_table(one)[0], wanted, rtol=1e-4, atol=room)


def test_vectors_are_compared_by_the_distance_of_their_run(embedder):
  assert embedder.distance == "sqeuclidean"
  network = embedder.network
  by_cosine = dataclasses.replace(network, flat={**network.flat, "evaluation.distance": "cosine"})
  assert cosam_jax.Embedder(by_cosine, batch_clips=4).distance == "cosine"
  assert cosam_jax.Embedder(dataclasses.replace(network, flat={})).distance == "sqeuclidean"


def test_every_form_of_a_tracklet_gives_the_same_vector(embedder, table, tmp_path):
  wanted = embedder.embed(np.stack(arrays(table, 0)))
  assert wanted.dtype == np.float32
  folder = tmp_path / "tracklet"
  folder.mkdir()
  for i, path in enumerate(paths(table, 0)):
    (folder / f"f{i}.jpg").write_bytes(pathlib.Path(path).read_bytes())
  for form in (arrays(table, 0), paths(table, 0), folder, str(folder)):
    np.testing.assert_allclose(embedder.embed(form), wanted, rtol=1e-5, atol=1e-6)
  rows = [0, 1, 2]
  many = embedder.embed_many([paths(table, row) for row in rows])
  assert many.shape == (3, len(wanted))
  # In another batch sums round differently, and rounding grows with the largest numbers.
  rounding = 1e-6 * np.abs(many).max()
  np.testing.assert_allclose(many[0], wanted, rtol=1e-5, atol=rounding)
  np.testing.assert_allclose(
    embedder.embed_table(table.select(rows)), many, rtol=1e-4, atol=rounding
  )


def resized(image, height, width, method=Image.Resampling.BILINEAR):
  """By Pillow, each colour as floats: nothing is rounded, so that it does not clip either."""
  planes = []
  for i in range(3):
    plane = Image.fromarray(image[..., i].astype(np.float32))
    for size in ((width, plane.height), (width, height)):
      plane = Image.fromarray(np.asarray(plane.resize(size, method)).clip(0, 255))
    planes.append(np.asarray(plane))
  return np.stack(planes, axis=-1)


@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
def test_frames_of_any_size(embedder, table, method):
  if method == "bicubic":
    trained_so = {**embedder.network.flat, "clips.resize": "bicubic"}
    network = dataclasses.replace(embedder.network, flat=trained_so)
    embedder = cosam_jax.Embedder(network, batch_clips=4)
  frames = [
    np.tile(image, (1 + i % 3, 1 + i % 2, 1))[5 * i :, 4 * i :]
    for i, image in enumerate(arrays(table, 0))
  ]
  assert len({frame.shape for frame in frames}) == len(frames) > 1
  size = embedder.network.model.image_size
  kernel = Image.Resampling[method.upper()]
  wanted = by_hand(embedder.network, [resized(frame, *size, kernel) for frame in frames])
  room = 1e-5 * np.abs(wanted).max()
  np.testing.assert_allclose(embedder.embed(frames), wanted, rtol=1e-4, atol=room)


def test_checkpoints_are_found_where_people_point(saved_run, embedder, table):
  wanted = embedder.embed(paths(table, 0))
  for place in (saved_run / "checkpoints", saved_run / "checkpoints" / "3"):
    other = cosam_jax.Embedder.from_checkpoint(place)
    np.testing.assert_array_equal(other.embed(paths(table, 0)), wanted)


def test_a_weights_file_with_settings(saved_run, embedder, table, tmp_path):
  network = load_network(saved_run)
  file = tmp_path / "w.safetensors"
  save_file(to_torch(network.variables, network.model), file)
  settings = {"backbone": "resnet18", "width": 0.125, "cosam_stages": (5,), "num_frames": 2,
              "image_size": (64, 32)}  # fmt: skip
  other = cosam_jax.Embedder.from_checkpoint(file, **settings)
  np.testing.assert_array_equal(other.embed(paths(table, 0)), embedder.embed(paths(table, 0)))
  with pytest.raises(InputError, match="did you mean 'backbone'"):
    cosam_jax.Embedder.from_checkpoint(file, backbon="resnet18")


@pytest.mark.parametrize(
  ("frames", "words"),
  [
    ([], "no frames"),
    (np.zeros((2, 8, 8, 3)), r"float64\[8, 8, 3\]: a frame is uint8"),
    ([np.zeros((8, 8), np.uint8)], r"uint8\[8, 8\]"),
    ("nowhere", "neither a folder nor an image"),
    (["nowhere.jpg"], "No such file"),
    (None, "tracklet 0 is None: give a folder of frames, or a list of frames in the order of time"),
    (5, "tracklet 0 is 5: give a folder"),
    (np.array(5), r"tracklet 0 is int64\[\]: give a folder"),
    ({"a.jpg", "b.jpg"}, "tracklet 0 is a set: give a folder"),
    ({0: np.zeros((8, 8, 3), np.uint8)}, "tracklet 0 is a dict: give a folder"),
    (np.ma.zeros((2, 8, 8, 3), np.uint8), "tracklet 0 is a masked array: give a folder"),
    ([np.ma.zeros((8, 8, 3), np.uint8)], "frame 0 of tracklet 0 is a masked array: give an array"),
    ([[[1, 2], [3]]], "frame 0 of tracklet 0: a list is no array"),
  ],
)
def test_what_is_no_tracklet_is_refused(embedder, frames, words):
  with pytest.raises(InputError, match=words):
    embedder.embed(frames)


def test_what_are_no_tracklets_is_refused(embedder):
  for given, kind in ((None, "None"), ("folder", "'folder'"), ({"a"}, "a set"), ({}, "a dict")):
    with pytest.raises(InputError, match=f"^tracklets is {kind}: give a list of tracklets$"):
      embedder.embed_many(given)
  with pytest.raises(InputError, match="there are no tracklets to embed"):
    embedder.embed_many([])


def test_generators_are_tracklets(embedder, table):
  wanted = embedder.embed(arrays(table, 0))
  np.testing.assert_array_equal(embedder.embed(frame for frame in arrays(table, 0)), wanted)


@pytest.mark.parametrize("count", ["8", 2.5, 0, True, 10**9])
def test_numbers_of_clips_are_checked(saved_run, count):
  with pytest.raises(InputError, match=f"^batch_clips is {count!r}: it must be a whole number of"):
    cosam_jax.Embedder.from_checkpoint(saved_run, batch_clips=count)


def test_paths_and_names_that_are_none_are_refused():
  for given, kind in ((None, "None"), (5, "5"), (b"run", "b'run'"), (["run"], "a list")):
    with pytest.raises(InputError, match=f"^the network's path is {kind}: give a run's workdir"):
      cosam_jax.Embedder.from_checkpoint(given)
  with pytest.raises(InputError, match=r"^the network's name is None: give 'org/name'"):
    cosam_jax.Embedder.from_pretrained(None)


def test_folders_without_a_network_are_refused(tmp_path, saved_run):
  with pytest.raises(InputError, match="nowhere does not exist: give a run's workdir"):
    cosam_jax.Embedder.from_checkpoint(tmp_path / "nowhere")
  with pytest.raises(InputError, match="has no checkpoint"):
    cosam_jax.Embedder.from_checkpoint(tmp_path)
  with pytest.raises(InputError, match="leave backbone out"):
    cosam_jax.Embedder.from_checkpoint(saved_run, backbone="resnet50")


def test_importing_the_package_is_light():
  code = "import sys, cosam_jax; sys.exit('jax' in sys.modules or 'tensorflow' in sys.modules)"
  subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
