"""Boxes of tracked people in MOTChallenge's text format, and the crops that they cut out.

A line is a box: `frame,id,x,y,w,h[,confidence[,class,visibility | ,x,y,z]]`; frames count from 1,
`x y` is the upper left corner, all in pixels. Trackers end their lines with -1; ground truth has
nine columns and ends with a visibility from 0 to 1. Format: https://motchallenge.net/instructions/

Notation: `n` boxes, `m` tracks.
"""

import dataclasses
import math
import os
import pathlib
from collections.abc import Iterable, Iterator

import numpy as np

from cosam_jax.data.packing import Frame
from cosam_jax.data.transforms import IMAGENET_MEAN
from cosam_jax.data.user_paths import user_path
from cosam_jax.data.videos import Picture
from cosam_jax.errors import InputError

FILL = np.array([round(255 * value) for value in IMAGENET_MEAN], np.uint8)
"""Colour of what a box covers outside the picture: near 0 once normalised."""
_GROUND_TRUTH_COLUMNS, _PEDESTRIAN = 9, 1
_FORMAT = "frame,id,x,y,w,h with frames from 1"


@dataclasses.dataclass(frozen=True, eq=False)
class Boxes:
  """Boxes in the order of (frame, track).

  Attributes:
    frames: int64[n], from 1.
    tracks: int64[n], 0 .. m - 1.
    corners: float64[n, 4], x, y, w, h in pixels.
    ids: int64[m], the file's number of each track, ascending.
    left_out: sentences about lines that are not used.
  """

  frames: np.ndarray
  tracks: np.ndarray
  corners: np.ndarray
  ids: np.ndarray
  left_out: tuple[str, ...] = ()

  @property
  def lengths(self) -> np.ndarray:
    """int64[m], boxes of each track."""
    return np.bincount(self.tracks, minlength=len(self.ids))

  def inside(self, height: int, width: int) -> "Boxes":
    """The boxes that show something of a picture of this size; InputError where none does."""
    x, y, w, h = self.corners.T
    seen = (x < width) & (y < height) & (x + w > 0) & (y + h > 0)
    if not seen.any():
      raise InputError(
        f"all {len(seen)} boxes lie outside the picture of {width} x {height} pixels: the boxes "
        "are of another video, or of a resized one"
      )
    said = self.left_out
    if not seen.all():
      said = (*said, f"{(~seen).sum()} boxes outside the picture of {width} x {height} pixels")
    return _boxes(self.frames[seen], self.ids[self.tracks[seen]], self.corners[seen], said)


def read_boxes(path: str | os.PathLike) -> Boxes:
  """Reads a file of boxes; separators are commas or blanks.

  Of ground truth, lines of confidence 0 and of other classes than 1 (pedestrians) are left out, as
  MOTChallenge asks, and `Boxes.left_out` says how many. Trackers write what they like in these
  columns, so all of their lines count.

  Raises:
    InputError: a file that cannot be read, or a line that is no box of a track; with its number.
  """
  path = user_path(path)
  try:
    lines = path.read_text().splitlines()
  except (OSError, UnicodeDecodeError) as error:
    reason = getattr(error, "strerror", None) or "it is no text"
    raise InputError(
      f"boxes {path} cannot be read ({reason}): give a text file of lines {_FORMAT}"
    ) from error
  places: dict[tuple[int, int], int] = {}
  rows, ignored, others = [], 0, 0
  for number, line in enumerate(lines, 1):
    values = _numbers(path, number, line)
    if values is None:
      continue
    if len(values) == _GROUND_TRUTH_COLUMNS and 0 <= values[8] <= 1:
      if values[6] == 0:
        ignored += 1
        continue
      if values[7] != _PEDESTRIAN:
        others += 1
        continue
    key = int(values[0]), int(values[1])
    if key in places:
      raise InputError(
        f"line {number} of boxes {path} is track {key[1]} in frame {key[0]} again, as line "
        f"{places[key]}: a track has one box in a frame"
      )
    places[key] = number
    rows.append(values[:6])
  if not rows:
    raise InputError(f"boxes {path} holds no box: give lines {_FORMAT}")
  said = []
  if ignored:
    said.append(f"{ignored} boxes of confidence 0")
  if others:
    said.append(f"{others} boxes of other classes than 1 (pedestrian)")
  table = np.array(rows)
  return _boxes(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2:], said)


def crop(image: np.ndarray, box: np.ndarray, margin: float = 0.0) -> np.ndarray:
  """What a box covers, at least a pixel; outside the picture it is filled with `FILL`.

  Args:
    image: uint8[height, width, 3].
    box: float[4], x, y, w, h.
    margin: part of the box's width and height that is added on each side.

  Returns:
    uint8[h, w, 3].
  """
  x, y, w, h = (float(value) for value in box)
  left, top = math.floor(x - margin * w), math.floor(y - margin * h)
  right = max(left + 1, math.ceil(x + w + margin * w))
  bottom = max(top + 1, math.ceil(y + h + margin * h))
  height, width = image.shape[:2]
  result = np.empty((bottom - top, right - left, 3), np.uint8)
  result[:] = FILL
  inner = image[max(top, 0) : max(min(bottom, height), 0), max(left, 0) : max(min(right, width), 0)]
  down, along = max(-top, 0), max(-left, 0)
  result[down : down + inner.shape[0], along : along + inner.shape[1]] = inner
  return result


def crops(pictures: Iterable[Picture], boxes: Boxes, margin: float = 0.0) -> Iterator[Frame]:
  """The crops of all tracks, picture by picture; pictures after the last box are not asked for.

  Args:
    pictures: of frame 1, 2, ...; see `videos.Picture`.
    boxes: see `Boxes`.
    margin: see `crop`.

  Raises:
    InputError: a box of a frame that does not come.
  """
  left = boxes.lengths.copy()
  starts = np.searchsorted(boxes.frames, np.arange(1, boxes.frames[-1] + 2))
  number = 0
  for image, number, seconds in pictures:
    for row in range(starts[number - 1], starts[number]):
      track = int(boxes.tracks[row])
      left[track] -= 1
      image_of_box = crop(image, boxes.corners[row], margin)
      yield Frame(track, image_of_box, bool(left[track] == 0), number, seconds)
    if number == boxes.frames[-1]:
      return
  raise InputError(
    f"there are {number} frames, but the boxes name frame {boxes.frames[-1]}: give the boxes of "
    "this very video"
  )


def _boxes(frames: np.ndarray, ids: np.ndarray, corners: np.ndarray, said: Iterable[str]) -> Boxes:
  order = np.lexsort((ids, frames))
  unique, tracks = np.unique(ids[order], return_inverse=True)
  return Boxes(frames[order], tracks.reshape(-1), corners[order], unique, tuple(said))


def _numbers(path: pathlib.Path, number: int, line: str) -> list[float] | None:
  """The numbers of a line, checked; None for an empty one."""
  parts = line.replace(",", " ").split()
  if not parts:
    return None

  def refuse(what: str) -> InputError:
    return InputError(f"line {number} of boxes {path} is {line.strip()[:60]!r}: {what}")

  try:
    values = [float(part) for part in parts]
  except ValueError as error:
    raise refuse(f"a line is {_FORMAT}") from error
  if len(values) < 6 or not all(map(math.isfinite, values[:6])):
    raise refuse(f"a line is {_FORMAT}")
  frame, track, _, _, width, height = values[:6]
  if frame < 1 or frame != int(frame):
    raise refuse("frames are whole numbers from 1")
  if track < 0 or track != int(track):
    raise refuse("the second number must be a track's, from 0; link detections by a tracker first")
  if width <= 0 or height <= 0:
    raise refuse("width and height must be greater than 0")
  return values
