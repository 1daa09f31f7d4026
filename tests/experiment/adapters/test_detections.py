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


class Given:
  """As `supervision.Detections`, which checks little."""

  def __init__(self, xyxy, tracker_id):
    self.xyxy, self.tracker_id = xyxy, tracker_id

  def __len__(self):
    return len(self.xyxy)


@pytest.mark.parametrize(
  ("ids", "tracks"),
  [
    ([1, None], [1]), ([3.0, float("nan")], [3]), (np.array([-1, 6], np.int32), [6]),
    (np.array([2.0, np.nan], np.float32), [2]), (np.array([None, 5], object), [5]),
  ],
)  # fmt: skip
def test_whole_ids_are_taken_and_missing_ones_left_out(scene, embedder, ids, tracks):
  picture, corners = scene[0]
  live = embedder.stream()
  assert add_detections(live, picture, Given(corners, ids)) == tracks
  assert live.tracks == tracks


@pytest.mark.parametrize(
  ("ids", "words"),
  [
    (["a", "b"], "a track's id is 'a': give a whole number, and None or -1 to a box without"),
    ([1.0, 2.7], "a track's id is 2.7: give a whole number"),
    ([1, float("inf")], "a track's id is inf: give a whole number"),
    ([True, 2], "a track's id is True: give a whole number"),
    ([1], "1 tracks' ids, 2 boxes: give one for each box"),
    (5, "the tracks' ids is 5: give a whole number for each box"),
    ([9, 9], "track 9 has two boxes in one picture"),
  ],
)
def test_other_ids_are_refused(scene, embedder, ids, words):
  picture, corners = scene[0]
  live = embedder.stream()
  with pytest.raises(InputError, match=words):
    add_detections(live, picture, Given(corners, ids))
  assert live.tracks == []


def test_detections_without_tracks(scene, embedder):
  picture, corners = scene[0]
  live = embedder.stream()
  assert add_detections(live, picture, sv.Detections.empty()) == []
  with pytest.raises(InputError, match="2 detections have no tracker_id: pass them through"):
    add_detections(live, picture, sv.Detections(xyxy=corners))
  with pytest.raises(InputError, match=r"the detections are None: give the supervision.Detections"):
    add_detections(live, picture, None)
  none_yet = sv.Detections(xyxy=corners, tracker_id=np.array([-1, -1]))
  assert add_detections(live, picture, none_yet) == []
  assert live.tracks == []
