"""Boxes of tracked people, and the crops that they cut out.

Notation: `n` boxes, `m` tracks.
"""

import dataclasses
import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from cosam_jax.data.packing import Frame
from cosam_jax.data.pixel_numbers import IMAGENET_MEAN
from cosam_jax.data.telling import Telling
from cosam_jax.data.transforms import MAX_PIXELS
from cosam_jax.data.videos import Footage, Picture
from cosam_jax.errors import InputError

FILL = np.array([round(255 * value) for value in IMAGENET_MEAN], np.uint8)
"""Colour of the part of a box outside the picture: near 0 once normalised."""
FEW = 0.05
"""Share of the boxes that may name pictures that do not exist, as predictions of trackers do."""
FEW_BOXES = 10
"""This many boxes, or fewer, are too few to show that most are wrong."""
_LARGEST = 2
"""A box may be this many times as wide or high as the picture; no person is larger."""


@dataclasses.dataclass(frozen=True, eq=False)
class Boxes:
  """Boxes in the order of (frame, track).

  Attributes:
    frames: int64[n], as the file counts them; from 1 once they are placed in a source.
    tracks: int64[n], 0 .. m - 1.
    corners: float64[n, 4], x, y, w, h in pixels.
    ids: int64[m], the file's number of each track, ascending.
    left_out: remarks on lines that are not used.
    told: remarks on the format that was found.
    plain: whether the form of the coordinates was assumed and not given, so that it may be doubted.
    guessed: whether the order of the columns was not given, by names or by a format.
    called: names them in messages.
  """

  frames: np.ndarray
  tracks: np.ndarray
  corners: np.ndarray
  ids: np.ndarray
  left_out: tuple[str, ...] = ()
  told: tuple[str, ...] = ()
  plain: bool = True
  guessed: bool = False
  called: str = "the boxes"

  @classmethod
  def of(cls, frames: np.ndarray, ids: np.ndarray, corners: np.ndarray, **others: Any) -> "Boxes":
    """Puts boxes in order.

    Args:
      frames, corners: see `Boxes`, in any order.
      ids: int64[n], the track of each.
      **others: the other attributes.
    """
    order = np.lexsort((ids, frames))
    unique, tracks = np.unique(ids[order], return_inverse=True)
    return cls(frames[order], tracks.reshape(-1), corners[order], unique, **others)

  def select(self, kept: np.ndarray, reason: str) -> "Boxes":
    """The boxes of bool[n] `kept`; `left_out` gives the number of the others and the reason."""
    if kept.all():
      return self
    said = f"{(~kept).sum():,} boxes {reason}"
    return Boxes.of(
      self.frames[kept],
      self.ids[self.tracks[kept]],
      self.corners[kept],
      left_out=(*self.left_out, said),
      told=self.told,
      plain=self.plain,
      guessed=self.guessed,
    )

  @property
  def lengths(self) -> np.ndarray:
    """int64[m], boxes of each track."""
    return np.bincount(self.tracks, minlength=len(self.ids))

  def inside(self, height: int, width: int) -> "Boxes":
    """The boxes that show some of a picture of this size, and are not far larger than it.

    Raises:
      InputError: half of them or more do not; of a few boxes, none does.
    """
    x, y, w, h = self.corners.T
    count, size = len(x), f"the picture of {width} x {height} pixels"
    seen = (x < width) & (y < height) & (x + w > 0) & (y + h > 0)
    small = (w <= _LARGEST * width) & (h <= _LARGEST * height)
    for kept, fault in (
      (seen, f"lie outside {size}"),
      (seen & small, f"lie outside {size} or are more than {_LARGEST} times as wide or high"),
    ):
      if not kept.any() or (2 * kept.sum() <= count and count > FEW_BOXES):
        raise InputError(
          f"{(~kept).sum():,} of {count:,} boxes {fault}: they are of another video, or of a "
          "resized one (say --boxes_picture=WIDTHxHEIGHT), or their columns are in another order "
          "than frame,id,x,y,w,h (put a line of names above them)"
        )
    found = self.select(seen, f"outside {size}")
    return found.select(small[seen], f"more than {_LARGEST} times as wide or high as {size}")


def crop(image: np.ndarray, box: np.ndarray, margin: float = 0.0) -> np.ndarray:
  """The part of a picture inside a box, at least a pixel; outside the picture it is `FILL`.

  A box of more than `MAX_PIXELS` gives only every k-th pixel, so that a text file cannot demand
  unlimited memory.

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
  if (every := math.ceil(math.sqrt((bottom - top) * (right - left) / MAX_PIXELS))) > 1:
    rows, columns = (np.arange(a, b, every) for a, b in ((top, bottom), (left, right)))
    result = np.full((len(rows), len(columns), 3), FILL, np.uint8)
    down, along = (rows >= 0) & (rows < height), (columns >= 0) & (columns < width)
    result[np.ix_(down, along)] = image[np.ix_(rows[down], columns[along])]
    return result
  result = np.empty((bottom - top, right - left, 3), np.uint8)
  result[:] = FILL
  inner = image[max(top, 0) : max(min(bottom, height), 0), max(left, 0) : max(min(right, width), 0)]
  down, along = max(-top, 0), max(-left, 0)
  result[down : down + inner.shape[0], along : along + inner.shape[1]] = inner
  return result


def crops(
  pictures: Iterable[Picture],
  boxes: Boxes,
  margin: float = 0.0,
  footage: Footage | None = None,
) -> Iterator[Frame]:
  """The crops of all tracks, picture by picture; stops after the last box.

  Args:
    pictures: of frames 1, 2, ...; see `videos.Picture`.
    boxes: with frames from 1; see `Boxes`.
    margin: see `crop`.
    footage: the pictures' source. If a few boxes (`FEW`) come after the last picture, it warns of
      them; if it is None, the warning is printed.

  Raises:
    InputError: more than a few boxes, or all boxes of a track, come after the last picture.
  """
  left = boxes.lengths.copy()
  row = number = 0
  for image, number, seconds in pictures:
    while row < len(boxes.frames) and boxes.frames[row] == number:
      track = int(boxes.tracks[row])
      left[track] -= 1
      image_of_box = crop(image, boxes.corners[row], margin)
      yield Frame(track, image_of_box, bool(left[track] == 0), number, seconds)
      row += 1
    if row == len(boxes.frames):
      return
  lost = len(boxes.frames) - row
  ends = f"there are {number:,} frames, but {boxes.called} name frame {boxes.frames[-1]:,}"
  if lost > FEW * len(boxes.frames) or (left == boxes.lengths).any():
    if footage is not None and footage.warnings:
      raise InputError(
        f"{'; '.join(footage.warnings)}; {boxes.called} name frame {boxes.frames[-1]:,}: repair "
        f"the video, or leave out the boxes after frame {number:,}"
      )
    raise InputError(
      f"{ends}: the video ends early, or the boxes are of another one; give the boxes of this very "
      "video"
    )
  (footage or Telling()).warn(f"{ends}: {lost:,} boxes are left out")
  for track in np.flatnonzero(left).tolist():
    yield Frame(track, None, True)
