"""People of a video, as their frames come: what boxes cut out of it, or the whole of it."""

import itertools
import os
import pathlib
from collections.abc import Iterator

import numpy as np

from cosam_jax.data import boxes as box_files
from cosam_jax.data import videos
from cosam_jax.data.packing import Frame
from cosam_jax.data.passing_frames import one_tracklet
from cosam_jax.data.streamed_frames import Stream


def crops_of(
  path: pathlib.Path, boxes: box_files.Boxes, margin: float
) -> tuple[box_files.Boxes, Iterator[Frame]]:
  """The boxes that show something, and what they cut out, as it comes."""
  pictures = videos.pictures(path)
  first = next(pictures)
  boxes = boxes.inside(*first.image.shape[:2])
  return boxes, box_files.crops(itertools.chain([first], pictures), boxes, margin)


def stream_of(
  path: str | os.PathLike, boxes: str | os.PathLike | None = None, margin: float = 0.0
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
  given = box_files.read_boxes(boxes)
  seen, _ = crops_of(path, given, margin)
  names = list(map(str, seen.ids))
  return Stream(str(path), names, seen.lengths, lambda: crops_of(path, given, margin)[1])
