"""Ultralytics' results and its ByteTrack, the real package, on the sample video.

Its detector's weights cannot be had here: the boxes of the video's file stand for its detections.
"""

import types

import numpy as np
import pytest

from cosam_jax.data.boxes import crop
from cosam_jax.errors import InputError
from cosam_jax.experiment.adapters.ultralytics_results import add_results

pytest.importorskip("ultralytics", reason="needs ultralytics: pip install ultralytics")
torch = pytest.importorskip("torch")
NAMES = {0: "person", 2: "car"}


def results(picture, rows):
  """Results of a picture; rows are x1, y1, x2, y2, (id,) confidence, class."""
  from ultralytics.engine.results import Results

  image = np.ascontiguousarray(picture[..., ::-1])
  return Results(image, path="", names=NAMES, boxes=torch.tensor(np.asarray(rows, np.float32)))


def test_tracks_of_its_tracker_get_our_vectors(scene, embedder):
  from ultralytics.trackers.byte_tracker import BYTETracker

  settings = {"track_high_thresh": 0.25, "track_low_thresh": 0.1, "new_track_thresh": 0.25,
              "track_buffer": 30, "match_thresh": 0.8, "fuse_score": True}  # fmt: skip
  tracker = BYTETracker(types.SimpleNamespace(**settings))
  crops: dict[int, list] = {}
  live = embedder.stream()
  for picture, corners in scene:
    result = results(picture, [[*box, 0.9, 0] for box in corners])
    assert add_results(live, result) == [], "before the tracker there are no ids"
    found = tracker.update(result.boxes.cpu().numpy(), result.orig_img)
    if len(found):  # As ultralytics' own callback does.
      result.update(boxes=torch.as_tensor(found[:, :-1], dtype=torch.float32))
    tracks = add_results(live, result)
    assert len(tracks) == len(found)
    for track, (x, y, x2, y2) in zip(tracks, result.boxes.xyxy.numpy().astype(float)):
      crops.setdefault(track, []).append(crop(picture, np.array([x, y, x2 - x, y2 - y])))
  assert len(crops) == 2
  vectors = live.vectors()
  for track, frames in crops.items():
    assert len(frames) > 15
    wanted = embedder.embed(frames)
    np.testing.assert_allclose(vectors[track], wanted, rtol=1e-5, atol=1e-6 * np.abs(wanted).max())


def test_classes_are_chosen(scene, embedder):
  picture, corners = scene[0]
  result = results(picture, [[*corners[0], 5, 0.9, 0], [*corners[1], 6, 0.9, 2]])
  live = embedder.stream()
  assert add_results(live, result) == [5]
  assert add_results(live, result, classes=None) == [5, 6]
  assert live.frames(5) == 2


def test_results_without_upright_boxes_are_refused(scene, embedder):
  result = results(scene[0][0], np.zeros((0, 6)))
  result.boxes = None
  with pytest.raises(InputError, match="no upright boxes"):
    add_results(embedder.stream(), result)
