"""Checks whether boxes, all of them together, make sense in their picture.

A single box may lie anywhere. If most lie outside, they belong to another picture, or mean
something other than x,y,w,h in pixels, and every crop would be wrong.

Notation: `n` boxes.
"""

import dataclasses

import numpy as np

from cosam_jax.data.boxes import FEW_BOXES, Boxes
from cosam_jax.errors import InputError

MOST_OUTSIDE = 0.5
"""Boxes are refused if this share of them or more reaches far out of the picture ..."""
_TOLD_OUTSIDE = 0.1
_REACH = 1.25
"""... and most of these reach beyond this multiple of its width or height. Boxes of people at the
edge do not."""
_BEYOND = 0.1
"""A box reaches far out if it does so by more than this part of its size."""
_SMALL_PART = 0.6
_FEW_PIXELS = 4
_LYING = 5
_WIDE = 1.2
"""Width by height from which most boxes are not of people who stand."""
_RIGHT_ORDER = "--boxes_format=results if that is their order"
_FLAGS = (
  "say --boxes_picture=WIDTHxHEIGHT for boxes of a picture of another size, and "
  "--boxes_coordinates=sizes, corners or centres for what their numbers are"
)


def fitted(boxes: Boxes, height: int, width: int, picture: tuple[float, float] | None) -> Boxes:
  """The boxes that show some of a picture of this size, in its pixels.

  Args:
    boxes: as their file has them.
    height, width: of the picture.
    picture: (width, height) of the picture that the boxes refer to; None: this one, if that makes
      sense.

  Raises:
    InputError: most boxes cannot belong to this picture, or are not x,y,w,h.
  """
  said = []
  if picture is not None:
    scale = np.array([width / picture[0], height / picture[1]] * 2)
    boxes = dataclasses.replace(boxes, corners=boxes.corners * scale)
  else:
    said = _doubts(boxes, height, width)
  return dataclasses.replace(boxes, told=(*boxes.told, *said)).inside(height, width)


def _doubts(boxes: Boxes, height: int, width: int) -> list[str]:
  """Remarks on doubtful boxes; InputError if they cannot be right."""
  x, y, w, h = boxes.corners.T
  count = len(x)
  size = f"the picture of {width} x {height} pixels"
  tiny = (w <= 1) & (h <= 1)
  if tiny.sum() * 2 >= count:
    raise InputError(
      f"{tiny.sum():,} of {count:,} boxes are at most one pixel wide and high: are they fractions "
      "of the picture? Say so with --boxes_picture=1x1, and --boxes_coordinates=centres or corners "
      "if that is what they are"
    )
  said = _flat(boxes, height, width)
  reach = f"the boxes reach to {np.max(x + w):.6g} x {np.max(y + h):.6g}"
  as_corners = boxes.plain and _look_like_corners(boxes)
  far = _far_out(x, y, w, h, height, width)
  if as_corners and (far.mean() > _TOLD_OUTSIDE or _corners_are_steadier(boxes)):
    raise InputError(
      f"in {as_corners:,} of {count:,} boxes the fifth number is greater than the third and the "
      "sixth than the fourth, as in two corners, and taken as sizes "
      f"{far.sum():,} boxes reach out of {size}: say --boxes_coordinates=corners or sizes"
    )
  turned = _far_out(y, x, h, w, height, width)
  doubted = boxes.guessed and count > FEW_BOXES and np.median(w / h) > _WIDE
  if doubted and far.mean() >= _TOLD_OUTSIDE and not turned.any():
    raise InputError(
      f"{far.sum():,} of {count:,} boxes reach far out of {size}, and none if the columns are "
      "frame,id,y,x,h,w: put these names in a line above the others (y1,x1,y2,x2 if they are "
      f"corners), or say {_RIGHT_ORDER}"
    )
  beyond = np.maximum((x + w) / width, (y + h) / height)
  if far.mean() >= MOST_OUTSIDE and np.median(beyond[far]) > _REACH:
    raise InputError(
      f"{far.sum():,} of {count:,} boxes reach far out of {size} ({reach}): they are of another "
      f"video, or of a resized one; {_FLAGS}"
    )
  if far.mean() >= _TOLD_OUTSIDE:
    centred = _far_out(x - w / 2, y - h / 2, w, h, height, width)
    hint = "" if centred.any() or not boxes.plain else " (if x and y are centres, none does)"
    said.append(
      f"{far.sum():,} of {count:,} boxes reach far out of {size}{hint}; if that is not so, {_FLAGS}"
    )
  elif as_corners and np.median(w * h) < width * height / 4:
    said.append(
      f"in {as_corners:,} of {count:,} boxes width and height are greater than x and y; if they "
      "are corners, say --boxes_coordinates=corners"
    )
  elif np.max(x + w) < _SMALL_PART * width and np.max(y + h) < _SMALL_PART * height:
    said.append(
      f"all {count:,} boxes lie in the upper left part of {size} ({reach}); if they are of a "
      "smaller picture, say --boxes_picture=WIDTHxHEIGHT"
    )
  return said


def _flat(boxes: Boxes, height: int, width: int) -> list[str]:
  """A sentence if half of the boxes or more are not people; with a guessed order, refuses many."""
  w, h = boxes.corners[:, 2:].T
  few = min(_FEW_PIXELS, height / 16, width / 16)
  flat = int(((np.minimum(w, h) <= few) | (w > _LYING * h)).sum())
  if 2 * flat < len(w):
    return []
  said = (
    f"{flat:,} of {len(w):,} boxes are at most {few:g} pixels wide or high, or more than {_LYING} "
    "times as wide as high"
  )
  if boxes.guessed and len(w) > FEW_BOXES:
    raise InputError(
      f"{said}: the columns seem to be in another order than frame,id,x,y,w,h; put a line of names "
      f"above them, or say {_RIGHT_ORDER}"
    )
  return [said]


def _far_out(
  x: np.ndarray, y: np.ndarray, w: np.ndarray, h: np.ndarray, height: int, width: int
) -> np.ndarray:
  """bool[n], whether a box reaches out of the picture by more than a little of its size."""
  along = (x < -_BEYOND * w) | (x + w > width + _BEYOND * w)
  return along | (y < -_BEYOND * h) | (y + h > height + _BEYOND * h)


def _look_like_corners(boxes: Boxes) -> int:
  """Number of boxes whose third and fourth numbers exceed the first two; 0 unless nearly all do."""
  x, y, w, h = boxes.corners.T
  found = int(((w > x) & (h > y)).sum())
  return found if found >= 0.95 * len(x) else 0


def _corners_are_steadier(boxes: Boxes) -> bool:
  """Whether w - x and h - y change less along tracks than w and h: people keep their size."""
  as_sizes = as_corners = 0.0
  for axis in (0, 1):
    low, high = boxes.corners[:, axis], boxes.corners[:, axis + 2]
    as_sizes += _within(boxes, high)
    as_corners += _within(boxes, high - low)
  return as_corners < as_sizes / 4 and as_sizes > len(boxes.tracks)


def _within(boxes: Boxes, values: np.ndarray) -> float:
  """Sum of squares around each track's mean."""
  means = np.bincount(boxes.tracks, values) / boxes.lengths
  return float(((values - means[boxes.tracks]) ** 2).sum())
