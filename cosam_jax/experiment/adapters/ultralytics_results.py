"""The results of `YOLO(...).track(...)` of the package ultralytics."""

from collections.abc import Hashable
from typing import Any

import numpy as np

from cosam_jax.errors import InputError
from cosam_jax.experiment.adapters.colours import as_rgb
from cosam_jax.experiment.adapters.track_ids import track_ids
from cosam_jax.experiment.live_tracks import LiveTracks
from cosam_jax.runtime.given_values import kind_of_value


def add_results(
  live: LiveTracks, results: Any, *, classes: tuple[int, ...] | None = (0,)
) -> list[Hashable]:
  """Adds the tracked boxes of one picture's results.

  Args:
    live: see `Embedder.stream`.
    results: a `ultralytics.engine.results.Results`; it holds the picture.
    classes: only boxes of these classes, of which COCO's 0 is a person; None: all.

  Returns:
    the tracks that got a frame that counts, in the order of the boxes. Empty if none has an id:
    ultralytics gives ids with `track` alone, and none in a picture without a track.

  Raises:
    InputError: the results are no upright boxes, or of several pictures, or as
      `LiveTracks.add_boxes`.
  """
  if not hasattr(results, "boxes"):
    raise InputError(
      f"the results are {kind_of_value(results)}: give those of one picture, each of what track "
      "returns"
    )
  if results.boxes is None:
    raise InputError("the results have no upright boxes: use a model that detects, not another one")
  boxes = results.boxes.cpu().numpy()
  if boxes.id is None:
    return []
  ids = track_ids(boxes.id, len(boxes.xyxy))
  kept = np.array([track is not None for track in ids], bool)
  if classes is not None:
    kept &= np.isin(np.asarray(boxes.cls, np.int64), classes)
  tracks = [track for track, keep in zip(ids, kept) if keep]
  return live.add_boxes(as_rgb(results.orig_img, "bgr"), tracks, boxes.xyxy[kept])
