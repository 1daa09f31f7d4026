"""Roboflow's supervision and trackers, the real packages, on the sample video."""

import numpy as np
import pytest

from cosam_jax.data.boxes import crop
from cosam_jax.errors import InputError
from cosam_jax.experiment.adapters.detections import add_detections

sv = pytest.importorskip("supervision", reason="needs supervision: pip install supervision")


def cut(picture, corners):
  x, y, x2, y2 = map(float, corners)
  return crop(picture, np.array([x, y, x2 - x, y2 - y]))


@pytest.mark.parametrize("name", ["ByteTrackTracker", "SORTTracker", "OCSORTTracker"])
def test_tracks_of_roboflows_trackers_get_our_vectors(scene, embedder, name):
  trackers = pytest.importorskip("trackers", reason="needs trackers: pip install trackers")
  tracker = getattr(trackers, name)()
  crops: dict[int, list] = {}
  with embedder.stream() as live:
    for picture, corners in scene:
      seen = tracker.update(
        sv.Detections(xyxy=corners, confidence=np.ones(2), class_id=np.zeros(2, int))
      )
      added = add_detections(live, picture[..., ::-1], seen)  # OpenCV's order of colours.
      assert added == [track for track in seen.tracker_id.tolist() if track >= 0]
      for track, box in zip(seen.tracker_id.tolist(), seen.xyxy):
        if track >= 0:
          crops.setdefault(track, []).append(cut(picture, box))
    vectors = live.vectors()
  assert len(crops) == 2
  assert min(map(len, crops.values())) > 15
  assert set(vectors) == set(crops)
  for track, frames in crops.items():
    wanted = embedder.embed(frames)
    np.testing.assert_allclose(vectors[track], wanted, rtol=1e-5, atol=1e-6 * np.abs(wanted).max())


def test_the_order_of_colours_is_the_callers(scene, embedder):
  picture, corners = scene[0]
  found = sv.Detections(xyxy=corners, tracker_id=np.array([4, 9]))
  vectors = []
  for image, colours in ((picture, "rgb"), (picture[..., ::-1], "bgr"), (picture, "bgr")):
    live = embedder.stream()
    assert add_detections(live, image, found, colours=colours) == [4, 9]
    vectors.append(live.vector(4))
  np.testing.assert_array_equal(vectors[0], vectors[1])
  assert np.abs(vectors[2] - vectors[0]).max() > 1e-3
  with pytest.raises(InputError, match="colours is 'gbr', not one of bgr, rgb"):
    add_detections(live, picture, found, colours="gbr")


def test_detections_without_tracks(scene, embedder):
  picture, corners = scene[0]
  live = embedder.stream()
  assert add_detections(live, picture, sv.Detections.empty()) == []
  with pytest.raises(InputError, match="2 detections have no tracker_id: pass them through"):
    add_detections(live, picture, sv.Detections(xyxy=corners))
  none_yet = sv.Detections(xyxy=corners, tracker_id=np.array([-1, -1]))
  assert add_detections(live, picture, none_yet) == []
  assert live.tracks == []
