"""People of a video, as their frames come: the crops of boxes, or whole frames."""

import os
import pathlib
from collections.abc import Iterator

import numpy as np
from absl import logging

from cosam_jax.data import videos
from cosam_jax.data.box_files import FOUND_OUT, BoxReading, read_boxes
from cosam_jax.data.box_footage import fit_boxes
from cosam_jax.data.boxes import Boxes, crops
from cosam_jax.data.packing import Frame
from cosam_jax.data.passing_frames import one_tracklet
from cosam_jax.data.streamed_frames import Stream


def crops_of(
  footage: videos.Footage, boxes: Boxes, margin: float, reading: BoxReading = FOUND_OUT
) -> tuple[Boxes, Iterator[Frame]]:
  """The boxes that show something, and their crops as they come; see `fit_boxes`."""
  boxes, pictures = fit_boxes(footage, boxes, reading)
  return boxes, crops(pictures, boxes, margin, footage.warnings)


def stream_of(
  path: str | os.PathLike,
  boxes: str | os.PathLike | None = None,
  margin: float = 0.0,
  reading: BoxReading = FOUND_OUT,
) -> Stream:
  """The tracklets of a video, to be looked at more than once; see `own_videos.embed_own`.

  Raises:
    InputError: as `own_videos.embed_own`.
  """
  path = pathlib.Path(path)
  if boxes is None:
    length = sum(1 for _ in videos.pictures(path))
    return Stream(
      str(path), [path.stem], np.array([length]), lambda: one_tracklet(videos.pictures(path))
    )
  given = read_boxes(boxes, reading)

  def again(footage: videos.Footage) -> tuple[Boxes, Iterator[Frame]]:
    return crops_of(footage, given, margin, reading)

  footage = videos.open_footage(path)
  seen, _ = again(footage)
  left_out = (f"left out: {said}" for said in seen.left_out)
  for sentence in (*seen.told, *footage.warnings, *left_out):
    logging.warning("%s", sentence)
  names = list(map(str, seen.ids))
  return Stream(str(path), names, seen.lengths, lambda: again(videos.open_footage(path))[1])
