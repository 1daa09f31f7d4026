"""Whether the columns of a file without names are in the order frame,id,x,y,w,h.

People move little from one frame to the next. If the boxes of a track do so only if the columns are
taken in another order, that is their order.

Notation: `n` lines.
"""

from collections.abc import Iterable

import numpy as np

from cosam_jax.data.box_classes import are_classes
from cosam_jax.data.box_lines import BoxLines
from cosam_jax.data.boxes import FEW_BOXES
from cosam_jax.errors import InputError

USUAL = "frame,id,x,y,w,h"
_OTHERS = (
  "id,frame,x,y,w,h",
  "frame,x,y,w,h,id",
  "id,x,y,w,h,frame",
  "x,y,w,h,id,frame",
  "x,y,w,h,frame,id",
  "index,frame,id,x,y,w,h",
  "frame,class,id,x,y,w,h",
  "frame,x,y,w,h,confidence,id",
  "frame,x,y,w,h,confidence,class,id",
)


_OVERLAP = 0.5
_FOLLOWING = 0.7
"""Share of boxes that overlap the one before, from which an order is believed."""
_CLEARLY = 0.75
"""Times another order's share that the usual order may have, to be given up."""
_SHAPES = 0.15, 2.0
"""Least and most width by height of a middling person's box, also of one that sits."""
_SMALL = 4
"""A seventh column that is mostly above it is neither confidence nor class."""
_ALONE = 0.95
"""From this share of tracks with a single box on, the second column holds no ids."""
_MANY_BOXES, _MANY_FRAMES = 50, 20


def require_order(lines: BoxLines) -> tuple[str, ...]:
  """Sentences on doubtful tracks of a file without names, whose order was not given.

  Raises:
    InputError: the columns are in another order, or nearly all boxes are alone in their track.
  """
  count = len(lines.values)
  if count <= FEW_BOXES or 2 * len(lines.words.get(2, {})) > count:  # KITTI's have words there.
    return ()
  for order, fault in _no_place(lines).items():
    if _possible(lines, order) and _following(lines, order) >= _FOLLOWING * count:
      raise InputError(
        f"boxes {lines.path} seem to have the columns {order}: the third is {fault}, so no x, and "
        f"the seventh is mostly above {_SMALL}; {_naming(lines, order)}; or, if decimals have "
        "commas, write them with points"
      )
  now = _following(lines, USUAL)
  if now < _CLEARLY * count:
    runs_on = _ids_run_on(lines)
    others = [order for order in _OTHERS if not (runs_on and order.startswith("frame,x"))]
    found = {order: _following(lines, order) for order in others if _possible(lines, order)}
    best = max(found, key=found.__getitem__, default=USUAL)
    if found and found[best] >= _FOLLOWING * count and now <= _CLEARLY * found[best]:
      raise InputError(
        f"boxes {lines.path} seem to have the columns {best}: taken so, {found[best]:,} of "
        f"{count:,} boxes overlap the one before in their track, and taken as {USUAL} {now:,}; "
        f"{_naming(lines, best)}"
      )
  return _alone(lines)


def _naming(lines: BoxLines, order: str) -> str:
  return (
    f"{lines.heading(*order.split(','))} (with x1,y1,x2,y2 if they are corners), or say with "
    f"--boxes_format=results that the first six columns are {USUAL}"
  )


def _columns(order: str, names: Iterable[str]) -> list[int]:
  return [order.split(",").index(name) for name in names]


def _table(lines: BoxLines, order: str) -> np.ndarray:
  """float64[n, 6], frame, id, x, y, w, h; NaN for lines that are not a box of a track."""
  table = lines.values[:, _columns(order, USUAL.split(","))]
  with np.errstate(invalid="ignore"):
    whole = ((table[:, :2] >= 0) & (table[:, :2] == np.floor(table[:, :2]))).all(axis=1)
    good = whole & np.isfinite(table).all(axis=1) & (table[:, 4:] > 0).all(axis=1)
  return np.where(good[:, None], table, np.nan)


def _possible(lines: BoxLines, order: str) -> bool:
  """Whether nearly all lines are boxes of one person each in this order, shaped like people."""
  if order.count(",") >= lines.values.shape[1]:
    return False
  table = _table(lines, order)
  table = table[np.isfinite(table[:, 0])]
  if len(table) < 0.95 * len(lines.values):
    return False
  keys = np.unique(table[:, :2], axis=0)
  place = order.split(",").index("id")
  if len(np.unique(table[:, 1])) == 1 and (place > 5 or (place > 3 and table[0, 1] > 1)):
    return False  # One confidence, class or size of all boxes, rather than one person.
  shape = np.median(table[:, 4] / table[:, 5])
  return len(keys) >= 0.95 * len(table) and _SHAPES[0] <= shape <= _SHAPES[1]


def _ids_run_on(lines: BoxLines) -> bool:
  """Whether the ids of the usual order begin one after the other, as a tracker gives them.

  The second column is then no x, even if a height that stays could be an id.
  """
  table = _table(lines, USUAL)
  table = table[np.isfinite(table[:, 0])]
  table = table[np.argsort(table[:, 0], kind="stable")]
  _, first = np.unique(table[:, 1], return_index=True)
  begins = table[first, 0]
  return len(np.unique(begins)) > 3 and bool((np.diff(begins) >= 0).mean() >= 0.95)


def _following(lines: BoxLines, order: str) -> int:
  """Number of boxes that overlap their track's box in the file's frame before."""
  table = _table(lines, order)
  table = table[np.isfinite(table[:, 0])]
  frames = np.unique(table[:, 0], return_inverse=True)[1].reshape(-1)
  rows = np.lexsort((frames, table[:, 1]))
  frames, tracks, low, size = frames[rows], table[rows, 1], table[rows, 2:4], table[rows, 4:]
  with np.errstate(over="ignore", invalid="ignore"):
    near = (np.diff(tracks) == 0) & (np.diff(frames) == 1)
    high = low + size
    shared = np.minimum(high[1:], high[:-1]) - np.maximum(low[1:], low[:-1])
    inner, areas = np.clip(shared, 0, None).prod(axis=1), size.prod(axis=1)
    return int((near & (inner >= _OVERLAP * (areas[1:] + areas[:-1] - inner))).sum())


def _no_place(lines: BoxLines) -> dict[str, str]:
  """Orders with a class or a confidence in the third column, if it looks so, and why.

  The seventh must then look like a size.
  """
  if lines.values.shape[1] < 7:
    return {}
  table = lines.values[np.isfinite(lines.values[:, [1, 2, 6]]).all(axis=1)]
  if 2 * len(table) < len(lines.values) or np.median(table[:, 6]) <= _SMALL:
    return {}
  third = table[:, 2]
  found = {}
  if are_classes(table[:, 1], third):
    found["frame,id,class,x,y,w,h"] = "the same all along the tracks"
  elif ((third >= 0) & (third <= 1)).all():
    found["frame,id,confidence,x,y,w,h"] = "from 0 to 1 everywhere"
  return found


def _alone(lines: BoxLines) -> tuple[str, ...]:
  """A sentence if nearly all boxes are alone in their track; refuses many of them."""
  table = _table(lines, USUAL)
  table = table[np.isfinite(table[:, 0])]
  _, lengths = np.unique(table[:, 1], return_counts=True)
  frames, single = len(np.unique(table[:, 0])), int((lengths == 1).sum())
  if frames < 2 or single < _ALONE * max(1, len(lengths)):
    return ()
  said = f"{single:,} of {len(lengths):,} tracks have one box, in {frames:,} frames"
  if len(table) >= _MANY_BOXES and frames >= _MANY_FRAMES:
    raise InputError(
      f"{said} of boxes {lines.path}: their second column is not the track, or the columns are in "
      f"another order than {USUAL}; link the boxes by a tracker, put a line of names above them, "
      "or say with --boxes_format=results that each box is a person of its own"
    )
  return (f"{said}: if so few boxes follow each other, look at the order of the columns, {USUAL}",)
