"""Roboflow's `supervision.Detections`, with the ids of its `trackers` or of any other tracker."""

from collections.abc import Hashable
from typing import Any

import numpy as np

from cosam_jax.errors import InputError
from cosam_jax.experiment.adapters.colours import as_rgb
from cosam_jax.experiment.adapters.track_ids import track_ids
from cosam_jax.experiment.live_tracks import LiveTracks
from cosam_jax.runtime.given_values import kind_of_value


def add_detections(
  live: LiveTracks, picture: np.ndarray, detections: Any, *, colours: str = "bgr"
) -> list[Hashable]:
  """Adds a picture's tracked boxes; those without a track (-1, None or NaN) are left out.

  Args:
    live: see `Embedder.stream`.
    picture: uint8[height, width, 3], the picture of the detections.
    detections: a `supervision.Detections`, as a tracker's `update` returns it.
    colours: the picture's order of colours; `bgr` as in `supervision.get_video_frames_generator`.

  Returns:
    the tracks that got a frame that counts, in the order of the boxes.

  Raises:
    InputError: there are boxes without a tracker's ids, an id is no whole number, or as
      `LiveTracks.add_boxes`.
  """
  if not hasattr(detections, "tracker_id"):
    raise InputError(
      f"the detections are {kind_of_value(detections)}: give the supervision.Detections that a "
      "tracker's update returns"
    )
  if not len(detections):
    return []
  if detections.tracker_id is None:
    raise InputError(
      f"{len(detections)} detections have no tracker_id: pass them through a tracker's update first"
    )
  ids = track_ids(detections.tracker_id, len(detections))
  tracked = np.array([track is not None for track in ids])
  tracks = [track for track in ids if track is not None]
  return live.add_boxes(as_rgb(picture, colours), tracks, np.asarray(detections.xyxy)[tracked])
