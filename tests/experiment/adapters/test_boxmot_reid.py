"""BoxMOT's trackers with our vectors, the real package, on the sample video."""

import numpy as np
import pytest

from cosam_jax.data.boxes import crop
from cosam_jax.errors import InputError
from cosam_jax.experiment.adapters.boxmot_reid import BoxmotReid


def test_vectors_are_those_of_tracklets_of_one_frame(scene, embedder):
  """Needs no BoxMOT: the interface is numpy arrays."""
  picture, corners = scene[0]
  reid = BoxmotReid(embedder, batch_clips=4)
  rows = np.concatenate([corners, [[0.9, 0], [0.8, 0]]], axis=1)
  found = reid.get_features(rows, picture[..., ::-1])
  wanted = np.stack([
    embedder.embed([crop(picture, np.array([x, y, x2 - x, y2 - y]))])
    for x, y, x2, y2 in corners
  ])  # fmt: skip
  wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
  assert found.dtype == np.float32
  assert reid.embedding_dim == found.shape[1]
  np.testing.assert_allclose(found, wanted, atol=1e-6)
  assert reid.get_features(np.zeros((0, 4)), picture).shape == (0, found.shape[1])
  assert reid.get_features([[5, 5, 5, 4]], picture).shape == (1, found.shape[1])
  with pytest.raises(InputError, match="5 columns"):
    reid.get_features(np.ones((2, 5)), picture)


def test_boxes_outside_of_the_picture_get_the_vector_of_an_empty_crop(scene, embedder):
  picture, corners = scene[0]
  reid, far = BoxmotReid(embedder), [[-90.0, 5, -10, 95], [5, 1e6, 45, 2e6]]
  found = reid.get_features(np.concatenate([corners[:1], far]), picture[..., ::-1])
  np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
  empty = embedder.embed([crop(picture, np.array([-90.0, 5, 80, 90]))])
  np.testing.assert_allclose(found[1], empty / np.linalg.norm(empty), atol=1e-6)
  np.testing.assert_array_equal(found[1], found[2])
  alone = reid.get_features(corners[:1], picture[..., ::-1])
  np.testing.assert_allclose(found[:1], alone, atol=1e-6)
  assert np.abs(found[0] - found[1]).max() > 1e-3
  np.testing.assert_allclose(
    reid.get_features(np.array(far), picture[..., ::-1]), found[1:], atol=1e-6
  )


@pytest.mark.parametrize("name", ["BotSort", "StrongSort", "DeepOcSort"])
def test_its_trackers_run_with_our_vectors(scene, embedder, name):
  boxmot = pytest.importorskip("boxmot", reason="needs BoxMOT: pip install boxmot")
  reid, asked = BoxmotReid(embedder), []

  class Watched:
    def get_features(self, xyxys, img):
      asked.append(len(xyxys))
      return reid.get_features(xyxys, img)

  tracker = getattr(boxmot, name)(reid_model=Watched())
  seen: dict[int, list] = {}
  for number, (picture, corners) in enumerate(scene):
    detections = np.concatenate([corners, [[0.9, 0], [0.9, 0]]], axis=1).astype(np.float32)
    tracks = tracker.update(detections, np.ascontiguousarray(picture[..., ::-1]))
    for row in tracks:
      seen.setdefault(int(row[4]), []).append((number, row[0]))
  assert sum(asked) >= len(scene)
  lasting = [places for places in seen.values() if len(places) > 12]
  assert len(lasting) == 2, "two people, a track each"
