"""The picture of each box's frame: counted from 1, from 0, or by the images' names.

Notation: `n` boxes, `p` pictures.
"""

import dataclasses

import numpy as np

from cosam_jax.data.boxes import FEW, Boxes
from cosam_jax.errors import InputError


def placed(
  boxes: Boxes,
  source: str,
  count: int | None,
  numbers: np.ndarray | None = None,
  first_frame: int | None = None,
) -> Boxes:
  """The boxes with frames counted from 1 in the source.

  Args:
    boxes: with frames as their file counts them.
    source: names the source of the pictures, for people.
    count: p, if it is known beforehand.
    numbers: int64[p], ascending, the numbers by which the images' names count them.
    first_frame: number of the first picture in the boxes, if the user gives it.

  Raises:
    InputError: more than a few boxes name pictures that do not exist.
  """
  low, high = int(boxes.frames[0]), int(boxes.frames[-1])
  first = first_frame if first_frame is not None else min(low, 1)
  if first_frame is None and low == 0 and high == count:
    # Counted from 0 or from 1, some boxes have no picture.
    first = int((boxes.frames == 0).sum() < (boxes.frames == high).sum())
  by_place = boxes.frames - first + 1
  if numbers is not None and first_frame is None and not _counted(numbers):
    return _by_names(boxes, source, by_place, numbers)
  told = boxes.told
  if first_frame is None and first == 0:
    told = (*told, f"the frames of the boxes are counted from 0 ({low} to {high})")
  end = np.iinfo(np.int64).max if count is None else count
  exists = (by_place >= 1) & (by_place <= end)
  if not exists.all():
    pictures = "pictures" if count is None else f"{count:,} pictures"
    _few(boxes, exists, source, f"{pictures}, of which the first is frame {first}")
  found = dataclasses.replace(boxes, frames=by_place, told=told)
  return found.select(exists, f"of frames that {source} does not have (it has {count} pictures)")


def _counted(numbers: np.ndarray) -> bool:
  """Whether the names count from 1, so that a number is also the place."""
  return bool(numbers[0] == 1 and numbers[-1] == len(numbers))


def _by_names(boxes: Boxes, source: str, by_place: np.ndarray, numbers: np.ndarray) -> Boxes:
  count, low, high = len(numbers), int(boxes.frames[0]), int(boxes.frames[-1])
  at = np.minimum(np.searchsorted(numbers, boxes.frames), count - 1)
  named = numbers[at] == boxes.frames
  in_order = (by_place >= 1) & (by_place <= count)
  gaps = int(numbers[-1] - numbers[0]) + 1 - count
  ranges = f"images of {source} are numbered {numbers[0]} to {numbers[-1]}"
  ranges += f" ({gaps:,} numbers are missing)" if gaps else ""
  ranges += f", the boxes' frames {low} to {high}"
  places = in_order.all() and not named.all() and (not gaps or named.mean() < 0.5)
  if places:
    first = low if low == 0 else 1
    said = f"{ranges}: the first image is taken as frame {first}, the second as {first + 1}, ..."
    return dataclasses.replace(boxes, frames=by_place, told=(*boxes.told, said))
  said = f"{ranges}: a frame is the image of that number"
  if in_order.all():
    said += "; if the first image is frame 1 instead, say --boxes_first_frame=1"
  if not named.all() and not gaps:
    _few(boxes, named, source, f"images numbered {numbers[0]} to {numbers[-1]}")
  elif named.mean() < 0.5:
    raise InputError(
      f"{ranges}, and {int((~named).sum()):,} of {len(named):,} boxes have no image: give the "
      "boxes of these very images, or say with --boxes_first_frame which frame the first image is"
    )
  found = dataclasses.replace(boxes, frames=at + 1, told=(*boxes.told, said))
  lost = len(np.unique(boxes.frames[~named]))
  return found.select(named, f"of {lost:,} frames without an image")


def _few(boxes: Boxes, exists: np.ndarray, source: str, has: str) -> None:
  """Raises InputError if more than a few boxes name pictures that do not exist."""
  lost = int((~exists).sum())
  if lost > FEW * len(exists):
    raise InputError(
      f"{boxes.called} name frames {boxes.frames[0]} to {boxes.frames[-1]}, but {source} has "
      f"{has}: {lost:,} of {len(exists):,} boxes have no picture; give the boxes of this very "
      "video, or say with --boxes_first_frame which frame the first picture is"
    )
