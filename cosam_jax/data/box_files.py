"""A file of boxes of tracked people -> `Boxes`, with remarks on its format and on lines left out.

Notation: `n` boxes, `m` tracks.
"""

import collections
import dataclasses
import os

import numpy as np

from cosam_jax.data.box_classes import asked_column, labels_of
from cosam_jax.data.box_formats import BOX_FORMATS, COORDINATES, Layout, layout_of
from cosam_jax.data.box_lines import LINES_WANTED, BoxLines, read_lines
from cosam_jax.data.box_order import require_order
from cosam_jax.data.boxes import Boxes
from cosam_jax.errors import InputError, suggestion
from cosam_jax.runtime.user_paths import user_path

_LARGEST = 2.0**53
"""Above this, not every whole number is a float64."""


@dataclasses.dataclass(frozen=True)
class BoxReading:
  """Known facts about a file of boxes; a fact that is None is found out from the file.

  Attributes:
    format: one of `box_formats.BOX_FORMATS`.
    classes: the classes that count, or ("all",).
    coordinates: one of `box_formats.COORDINATES`.
    picture: (width, height) of the picture that the boxes refer to; (1, 1) for fractions.
    first_frame: number of the first picture in the boxes.
  """

  format: str | None = None
  classes: tuple[str, ...] | None = None
  coordinates: str | None = None
  picture: tuple[float, float] | None = None
  first_frame: int | None = None

  def __post_init__(self):
    for name, value, allowed in (
      ("format", self.format, BOX_FORMATS),
      ("coordinates", self.coordinates, COORDINATES),
    ):
      if value is not None and value not in allowed:
        raise InputError(
          f"the boxes' {name} is {value!r}, but must be one of {', '.join(allowed)}"
          f"{suggestion(value, allowed)}"
        )
    if self.picture is not None and not all(0 < side < 1e6 for side in self.picture):
      raise InputError(f"the boxes' picture is {self.picture}, but must be a width and a height")


FOUND_OUT = BoxReading()


def read_boxes(path: str | os.PathLike, reading: BoxReading = FOUND_OUT) -> Boxes:
  """Reads a file of boxes; its format is decided once, from the whole file: see `box_formats`.

  Lines that are not a box of a track are left out, with a remark. So are boxes that do not count:
  those of other classes, and those that ground truth ignores. If half of the lines or more are not
  boxes, the file is refused.

  Args:
    path: of the file.
    reading: known facts about it.

  Raises:
    InputError: the file cannot be read, has no boxes or too few among its lines, or its format
      cannot be found out.
  """
  path = user_path(path)
  lines = read_lines(path)
  count = len(lines.values)
  if not count and not lines.bad.total:
    raise InputError(f"boxes {path} holds no box: {LINES_WANTED}")
  if not count:
    raise _mostly_bad(lines, 0)
  guessed = reading.format is None and lines.names is None
  doubts = require_order(lines) if guessed else ()
  layout = layout_of(lines, reading.format)
  used, said, labels = _counting(lines, layout, reading.classes)
  table = lines.values
  corners = _corners(table[:, layout.place], reading.coordinates or layout.coordinates)
  frames, tracks = table[:, layout.frame], table[:, layout.track]
  with np.errstate(invalid="ignore"):
    tests = (
      ("has no number of a track", ~np.isfinite(tracks)),
      ("is a detection of no track (below 0)", tracks < 0),
      (
        "has a track that is not a whole number",
        (tracks != np.floor(tracks)) | (tracks > _LARGEST),
      ),
      ("has a frame that is not a whole number from 0", ~_whole(frames)),
      ("has a place that is not a number", ~np.isfinite(corners).all(axis=1)),
      ("has a width or height that is not above 0", ~(corners[:, 2:] > 0).all(axis=1)),
    )
  good = used.copy()
  for reason, wrong in tests:
    lines.bad.add(reason, lines.numbers[good & wrong])
    good &= ~wrong
  rows = np.flatnonzero(good)
  keys = np.stack([frames[rows], tracks[rows]])
  _, first = np.unique(keys, axis=1, return_index=True)
  again = np.setdiff1d(np.arange(len(rows)), first)
  if len(again):
    earlier = rows[np.flatnonzero((keys == keys[:, again[:1]]).all(axis=0))[0]]
    lines.bad.add(
      f"is track {keys[1, again[0]]:.0f} in frame {keys[0, again[0]]:.0f} again, as line "
      f"{lines.numbers[earlier]}",
      lines.numbers[rows[again]],
    )
    rows = np.sort(rows[first])
  if lines.bad.total >= max(1, len(rows)) and lines.bad.total:
    raise _mostly_bad(lines, len(rows))
  if not len(rows):
    raise InputError(
      f"boxes {path} was taken for {layout.what}, and no line of it counts: left out are "
      f"{', '.join(said)}; name the classes that count with --boxes_classes=..., or all, or give "
      "--boxes_format"
    )
  label = f", class {', '.join(np.unique(labels[rows]))}" if labels is not None else ""
  what = f"boxes {path}: {layout.what}, {len(np.unique(tracks[rows])):,} tracks{label}"
  return Boxes.of(
    frames[rows].astype(np.int64),
    tracks[rows].astype(np.int64),
    corners[rows],
    called=f"the boxes of {path}",
    left_out=(*said, *lines.bad.sentences()),
    told=(what, *layout.notes, *doubts),
    plain=reading.coordinates is None and layout.coordinates == "sizes",
    guessed=guessed,
  )


def _whole(values: np.ndarray) -> np.ndarray:
  return np.isfinite(values) & (values >= 0) & (values == np.floor(values)) & (values < _LARGEST)


def _counting(
  lines: BoxLines, layout: Layout, classes: tuple[str, ...] | None
) -> tuple[np.ndarray, list[str], np.ndarray | None]:
  """(bool[n] lines that count, remarks about the others, str[n] classes or None)."""
  used, said = np.ones(len(lines.values), bool), []
  if classes is not None and layout.label is None:
    layout = dataclasses.replace(layout, label=asked_column(lines))
  if classes is not None and layout.label is None:
    raise InputError(f"boxes {lines.path} has no classes: leave --boxes_classes out")
  if layout.considered is not None and classes != ("all",):
    used = lines.values[:, layout.considered] != 0
    if not used.all():
      said.append(f"{(~used).sum():,} boxes of confidence 0")
  if layout.label is None:
    return used, said, None
  labels = labels_of(lines, layout.label)
  people = classes or layout.people
  if people != ("all",):
    wanted = np.isin(np.char.lower(labels), [name.strip().lower() for name in people])
    others = collections.Counter(labels[used & ~wanted].tolist())
    said += [f"{count:,} boxes of class {name}" for name, count in others.most_common()]
    used &= wanted
  return used, said, labels


def _corners(place: np.ndarray, coordinates: str) -> np.ndarray:
  """float64[n, 4], x, y, w, h with the upper left corner."""
  place = place.copy()
  if coordinates == "corners":
    place[:, 2:] -= place[:, :2]
  elif coordinates == "centres":
    place[:, :2] -= place[:, 2:] / 2
  return place


def _mostly_bad(lines: BoxLines, good: int) -> InputError:
  ((reason, count),) = lines.bad.counts.most_common(1)
  first, total = lines.bad.first[reason], lines.bad.total
  remedy = "link detections by a tracker first" if "of no track" in reason else LINES_WANTED
  return InputError(
    f"line {first} of boxes {lines.path} {reason}"
    f"{f' ({count:,} such lines)' if count > 1 else ''}; {total:,} of {total + good:,} lines "
    f"cannot be used, and if half of them or more cannot, the file is refused: {remedy}"
  )
