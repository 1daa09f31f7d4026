"""Roboflow's `supervision.Detections`, with the ids of its `trackers` or of any other tracker."""

from collections.abc import Hashable
from typing import Any

import numpy as np

from cosam_jax.errors import InputError
from cosam_jax.experiment.adapters.colours import as_rgb
from cosam_jax.experiment.live_tracks import LiveTracks


def add_detections(
  live: LiveTracks, picture: np.ndarray, detections: Any, *, colours: str = "bgr"
) -> list[Hashable]:
  """Adds a picture's tracked boxes; those without a track yet, of id -1, are left out.

  Args:
    live: see `Embedder.stream`.
    picture: uint8[height, width, 3], the picture of the detections.
    detections: a `supervision.Detections`, as a tracker's `update` returns it.
    colours: the picture's order of colours; `bgr` as in `supervision.get_video_frames_generator`.

  Returns:
    the tracks that got a frame that counts, in the order of the boxes.

  Raises:
    InputError: there are boxes without a tracker's ids, or as `LiveTracks.add_boxes`.
  """
  if not len(detections):
    return []
  if detections.tracker_id is None:
    raise InputError(
      f"{len(detections)} detections have no tracker_id: pass them through a tracker's update first"
    )
  ids = np.asarray(detections.tracker_id, np.int64)
  tracked = ids >= 0
  tracks = ids[tracked].tolist()
  return live.add_boxes(as_rgb(picture, colours), tracks, np.asarray(detections.xyxy)[tracked])
