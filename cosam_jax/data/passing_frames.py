"""Watches frames on their way to the network; keeps a picture of each tracklet and its span."""

import contextlib
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from PIL import Image

from cosam_jax.data.packing import Frame, read_image
from cosam_jax.data.tracklets import FilePaths, TrackletTable
from cosam_jax.data.videos import Picture
from cosam_jax.errors import InputError

_PICTURE_HEIGHT = 256


def one_tracklet(pictures: Iterator[Picture]) -> Iterator[Frame]:
  """All pictures as the frames of tracklet 0."""
  before = next(pictures)
  for picture in pictures:
    yield Frame(0, before.image, False, before.number, before.seconds)
    before = picture
  yield Frame(0, before.image, True, before.number, before.seconds)


class Passing:
  """As frames pass, keeps one small frame of each tracklet and its span in the source.

  Attributes:
    seen: int64[n], the number of frames of each tracklet that passed.
    numbers: int64[n, 2], the source's numbers, from 1, of the first and the last of them.
    times: float64[n, 2], seconds of these two; NaN if unknown.
    kept: tracklet -> uint8[H, W, 3].
  """

  def __init__(self, count: int = 1):
    self.seen = np.zeros(count, np.int64)
    self.numbers = np.zeros((count, 2), np.int64)
    self.times = np.full((count, 2), np.nan)
    self.kept: dict[int, np.ndarray] = {}

  def watch(self, frames: Iterable[Frame], wanted: np.ndarray) -> Iterator[Frame]:
    """Passes frames on; keeps frame `wanted[i]` of tracklet i, or its last if it ends earlier."""
    for frame in frames:
      i = frame.tracklet
      if frame.image is not None:
        if self.seen[i] in (0, wanted[i]) or (frame.last and self.seen[i] < wanted[i]):
          height, width = frame.image.shape[:2]
          size = max(1, round(width * _PICTURE_HEIGHT / height)), _PICTURE_HEIGHT
          self.kept[i] = np.asarray(Image.fromarray(frame.image).resize(size))
        place = slice(1 if self.seen[i] else 0, 2)
        self.numbers[i, place], self.times[i, place] = frame.number, frame.seconds
        self.seen[i] += 1
      yield frame


def middle_frames(table: TrackletTable) -> Callable[[int], np.ndarray]:
  """Row of a table of files -> uint8[H, W, 3], its middle frame, or one that can be read."""

  def picture(row: int) -> np.ndarray:
    assert isinstance(table.frames, FilePaths)
    frames = np.roll(table.frame_ids(row), -(int(table.lengths[row]) // 2))
    for frame in frames[:-1]:
      with contextlib.suppress(InputError):  # Unreadable ones were reported before.
        return read_image(table.frames.path_to_read(int(frame)))
    return read_image(table.frames.path_to_read(int(frames[-1])))

  return picture
