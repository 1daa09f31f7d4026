"""The people of a video, frame by frame: the crops of boxes, or whole frames."""

import os
import pathlib
from collections.abc import Callable, Iterator

import numpy as np

from cosam_jax.data import videos
from cosam_jax.data.box_files import FOUND_OUT, BoxReading, read_boxes
from cosam_jax.data.box_footage import fit_boxes
from cosam_jax.data.boxes import Boxes, crops
from cosam_jax.data.packing import Frame
from cosam_jax.data.streamed_frames import Stream
from cosam_jax.data.telling import Telling
from cosam_jax.data.whole_scenes import one_person


def crops_of(
  footage: videos.Footage, boxes: Boxes, margin: float, reading: BoxReading = FOUND_OUT
) -> tuple[Boxes, Iterator[Frame]]:
  """The boxes that show something, and their crops as they come; see `fit_boxes`.

  The footage's `telling` makes remarks on the boxes' format, and on boxes that are left out.
  """
  _tell(footage.telling, boxes)
  boxes, pictures = fit_boxes(footage, boxes, reading)
  _tell(footage.telling, boxes)
  return boxes, crops(pictures, boxes, margin, footage)


def _tell(telling: Telling, boxes: Boxes) -> None:
  telling.tell(*boxes.told)
  telling.leave_out(*boxes.left_out)


def stream_of(
  path: str | os.PathLike,
  boxes: str | os.PathLike | None = None,
  margin: float = 0.0,
  reading: BoxReading = FOUND_OUT,
  telling: Telling | None = None,
) -> Stream:
  """The tracklets of a video, which can be read more than once; see `own_videos.embed_own`.

  All frames are decoded here once, since their number is known only at the end.

  Args:
    path, boxes, margin, reading: see `own_videos.embed_own`.
    telling: see `videos.open_footage`.

  Raises:
    InputError: as `own_videos.embed_own`.
  """
  path = pathlib.Path(path)
  frames: Callable[[], Iterator[Frame]]
  if boxes is None:
    footage, names = videos.open_footage(path, telling), [path.stem]
    frames = lambda: one_person(footage)  # noqa: E731
  else:
    given = read_boxes(boxes, reading)
    footage = videos.open_footage(path, telling, [boxes])
    seen, _ = crops_of(footage, given, margin, reading)
    names = list(map(str, seen.ids))
    frames = lambda: crops_of(footage, given, margin, reading)[1]  # noqa: E731
  lengths = np.zeros(len(names), np.int64)
  for frame in frames():
    lengths[frame.tracklet] += frame.image is not None
  return Stream(str(path), names, lengths, frames)
