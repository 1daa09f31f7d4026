"""A video and a tracker's text file of MOTChallenge, or of any other format that is read."""

import os
from collections.abc import Hashable, Iterator
from typing import NamedTuple

from cosam_jax.data.box_files import FOUND_OUT, BoxReading, read_boxes
from cosam_jax.data.box_footage import fit_boxes
from cosam_jax.data.telling import Telling
from cosam_jax.data.videos import open_footage
from cosam_jax.experiment.live_tracks import LiveTracks


class Moment(NamedTuple):
  """A picture whose boxes were added.

  Attributes:
    number: of the picture, from 1.
    seconds: its time in the video; NaN if the source names none.
    tracks: the tracks that got a frame that counts.
    ended: tracks with a vector for which no more boxes come.
  """

  number: int
  seconds: float
  tracks: list[Hashable]
  ended: list[Hashable]


def add_mot(
  live: LiveTracks,
  path: str | os.PathLike,
  boxes: str | os.PathLike,
  *,
  reading: BoxReading = FOUND_OUT,
  telling: Telling | None = None,
) -> Iterator[Moment]:
  """Adds the boxes of each picture in turn, and yields after each picture that has some.

  Tracks are not forgotten by this; a caller that needs the vector of an ended track no more calls
  `live.forget`.

  Args:
    live: see `Embedder.stream`; its margin counts.
    path: a video, or a folder with its frames as images.
    boxes: see `box_files.read_boxes`.
    reading: known facts about the file of boxes.
    telling: makes remarks on the boxes; None: they are printed.

  Raises:
    InputError: as `own_videos.embed_own`.
  """
  telling = telling or Telling()
  given = read_boxes(boxes, reading)
  found, pictures = fit_boxes(open_footage(path, telling, [boxes]), given, reading)
  telling.tell(*found.told)
  telling.leave_out(*found.left_out)
  left, row = found.lengths.copy(), 0
  for image, number, seconds in pictures:
    end = row
    while end < len(found.frames) and found.frames[end] == number:
      end += 1
    if end > row:
      places = found.tracks[row:end]
      left[places] -= 1
      every = found.ids[places].tolist()
      tracks = live.add_boxes(image, every, found.corners[row:end], sized=True)
      ended = [track for track, n in zip(every, left[places]) if not n and live.frames(track)]
      yield Moment(number, seconds, tracks, ended)
      row = end
    if row == len(found.frames):
      return
  if row < len(found.frames):
    telling.warn(
      f"the pictures of {os.fspath(path)} end before {len(found.frames) - row:,} of the boxes, "
      "which are left out"
    )
