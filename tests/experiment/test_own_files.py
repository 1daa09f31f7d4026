"""Somebody's tracklets as they are saved: vectors, where they were seen, and a picture of each."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from cosam_jax.data.taken_frames import Taking
from cosam_jax.errors import InputError
from cosam_jax.evaluation.embeddings import read_embeddings
from cosam_jax.evaluation.fingerprints import weights_hash
from cosam_jax.experiment.network import Network
from cosam_jax.experiment.own_files import OwnTracklets, as_embeddings, save_own
from cosam_jax.experiment.own_outputs import own_folder, source_of
from cosam_jax.models import ReidNet

NETWORK = Network(
  ReidNet("resnet18", num_frames=2, image_size=(8, 4)),
  {"params": {"kernel": np.ones((2, 3), np.float32)}},
  {"evaluation.flip": True, "seed": 3},
  "step 3",
)
COLOURS = [(200, 10, 10), (10, 200, 10)]


def own(**changes):
  content = {
    "names": ("anna", "bert"), "lengths": np.array([3, 9]),
    "vectors": np.arange(8, dtype=np.float32).reshape(2, 4),
    "picture": lambda row: np.full((16, 8, 3), COLOURS[row], np.uint8),
    "first_frames": np.array([1, 5]), "last_frames": np.array([3, 13]),
    "times": np.array([[0.0, 0.2], [np.nan, np.nan]]), "left_out": ("a mask",), "told": ("odd",),
    "sources": ("/v/a.mp4", "/v/b"), "camera_names": ("gate", ""), "taking": Taking(2, 5),
  }  # fmt: skip
  return OwnTracklets(**(content | changes))


def test_where_and_when_a_tracklet_was_seen():
  assert own().seen(0).record() == {
    "camera": "gate", "source": "/v/a.mp4", "first_frame": 1, "last_frame": 3, "first_second": 0.0,
    "last_second": 0.2, "time": "0:00:00",
  }  # fmt: skip
  assert own().seen(1).record() == {"source": "/v/b", "first_frame": 5, "last_frame": 13}


def test_people_are_unknown_and_the_origin_is_the_networks():
  found = as_embeddings(own(), NETWORK, "/v")
  assert found.identities.tolist() == found.cameras.tolist() == [-1, -1]
  assert len(found.query_rows) == len(found.reference_rows) == len(found.clip_vectors) == 0
  origin = found.origin
  assert (origin.dataset, origin.num_frames, origin.checkpoint) == ("/v", 2, "step 3")
  assert origin.checkpoint_hash == weights_hash(NETWORK.variables)
  assert (origin.flip, origin.frame_stride, origin.most_frames) == (True, 2, 5)
  assert origin.warnings == ("a mask", "odd")
  assert origin.config_hash is not None
  for row in (0, 1):
    assert found.seen(row).record() == own().seen(row).record()


def test_without_a_configuration_there_is_no_hash_and_all_frames_need_no_stride():
  network = dataclasses.replace(NETWORK, flat={})
  origin = as_embeddings(own(taking=Taking()), network, "/v").origin
  assert (origin.config_hash, origin.flip) == (None, False)
  assert (origin.frame_stride, origin.most_frames) == (None, None)


def test_files_are_the_vectors_and_a_picture_of_each(tmp_path):
  folder, source = own_folder(tmp_path / "out"), source_of(tmp_path / "in")
  save_own(own(), NETWORK, source, folder)
  found = read_embeddings(tmp_path / "out" / "embeddings.npz")
  np.testing.assert_array_equal(found.vectors, own().vectors)
  assert found.names.tolist() == ["anna", "bert"]
  assert found.origin.dataset == str(tmp_path / "in")
  for row, colour in enumerate(COLOURS):
    with Image.open(tmp_path / "out" / "pictures" / f"{row:05d}.jpg") as picture:
      assert picture.size == (8, 16)
      assert np.abs(np.asarray(picture, int) - colour).max() < 12
  # A later call with fewer people leaves no picture of the earlier one.
  one = own(
    names=("anna",), lengths=np.array([3]), vectors=np.ones((1, 4), np.float32),
    first_frames=np.array([1]), last_frames=np.array([3]), times=np.zeros((1, 2)),
    sources=("/v/a.mp4",), camera_names=("",),
  )  # fmt: skip
  save_own(one, NETWORK, source, folder)
  assert [path.name for path in (tmp_path / "out" / "pictures").iterdir()] == ["00000.jpg"]


def test_somebodys_picture_is_not_replaced(tmp_path):
  (tmp_path / "pictures").mkdir()
  (tmp_path / "pictures" / "00000.jpg").write_text("mine")
  with pytest.raises(InputError, match=r"00000\.jpg would be replaced"):
    save_own(own(), NETWORK, source_of(tmp_path / "in"), own_folder(tmp_path))
  assert [path.name for path in tmp_path.rglob("*")] == ["pictures", "00000.jpg"]
