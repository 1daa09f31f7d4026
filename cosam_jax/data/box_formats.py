"""The meaning of the columns of a file of boxes: found once, from the header and all values.

| format | columns |
|---|---|
| results | MOTChallenge's results: frame,id,x,y,w,h[,confidence[,-1,-1,-1]]; every line counts |
| ground_truth | MOTChallenge's: ...,considered (0 or 1),class from 1,visibility (0 to 1) |
| boxmot | ...,confidence or 1,class from 0 or from 1[,confidence, detection's index or -1] |
| boxmot too | a class in another column after the six: see `box_classes` |
| visdrone | ...,considered,category,truncation,occlusion |
| kitti | frame id type truncated occluded alpha x1 y1 x2 y2 ...; frames from 0 |
| named | any order, by the names in the first line |

Notation: `n` lines.
"""

import dataclasses

import numpy as np

from cosam_jax.data.box_classes import (
  FIRST,
  PEOPLE,
  are_classes,
  class_column,
  flags_sentence,
  naming,
  people_of,
)
from cosam_jax.data.box_lines import BoxLines
from cosam_jax.errors import InputError

BOX_FORMATS = ("results", "ground_truth", "boxmot", "visdrone", "kitti", "named")
COORDINATES = ("sizes", "corners", "centres")
"""x,y,w,h from the upper left corner; x1,y1,x2,y2; x,y,w,h from the centre."""

_NAMES = {
  "frame": "frame frame_id frame_no frame_nr frame_num frame_number frame_idx frame_index frameid "
  "framenumber frame_count image_id img_id",
  "track": "id track_id trackid track track_no object_id objectid obj_id tracker_id target_id "
  "person_id instance_id identity pid tid",
  "x": "x left bb_left bbox_left bb_x bbox_x box_x x_left left_x x_top_left top_left_x tlx",
  "y": "y top bb_top bbox_top bb_y bbox_y box_y y_top top_y y_top_left top_left_y tly",
  "x1": "x1 xmin x_min min_x xtl bbox_x1 bb_x1 bbox_xmin bbox_x_min",
  "y1": "y1 ymin y_min min_y ytl bbox_y1 bb_y1 bbox_ymin bbox_y_min",
  "x2": "x2 xmax x_max max_x xbr right bb_right bbox_right bbox_x2 bb_x2 bbox_xmax bbox_x_max",
  "y2": "y2 ymax y_max max_y ybr bottom bb_bottom bbox_bottom bbox_y2 bb_y2 bbox_ymax bbox_y_max",
  "cx": "cx xc x_c x_center center_x x_centre centre_x xcenter bbox_cx",
  "cy": "cy yc y_c y_center center_y y_centre centre_y ycenter bbox_cy",
  "w": "w width bb_width bbox_width bb_w bbox_w box_w box_width",
  "h": "h height bb_height bbox_height bb_h bbox_h box_h box_height",
  "class": "class class_id classid cls category category_id class_name label object_class type "
  "cls_id cls_name class_idx class_index class_label classname category_name object_type "
  "objecttype det_class detection_class obj_class",
}
_ROLES = {name: role for role, names in _NAMES.items() for name in names.split()}
_PLACES = (
  (("x", "y", "w", "h"), "sizes"),
  (("x1", "y1", "w", "h"), "sizes"),
  (("x1", "y1", "x2", "y2"), "corners"),
  (("x", "y", "x2", "y2"), "corners"),
  (("cx", "cy", "w", "h"), "centres"),
)


@dataclasses.dataclass(frozen=True)
class Layout:
  """The columns of a line.

  Attributes:
    format: one of `BOX_FORMATS`.
    what: the same in words.
    frame, track: columns.
    place: the four columns of the box.
    coordinates: one of `COORDINATES`.
    considered: column of which 0 leaves a line out; None if there is none.
    label: column of the class; None if there is none, or it must be ignored.
    people: the classes that count.
    notes: remarks on columns that could have another meaning.
  """

  format: str
  what: str
  frame: int = 0
  track: int = 1
  place: tuple[int, ...] = (2, 3, 4, 5)
  coordinates: str = "sizes"
  considered: int | None = None
  label: int | None = None
  people: tuple[str, ...] = ()
  notes: tuple[str, ...] = ()


def layout_of(lines: BoxLines, asked: str | None = None) -> Layout:
  """Decides the format.

  Args:
    lines: of a file, at least one.
    asked: one of `BOX_FORMATS`, if the user names it.

  Raises:
    InputError: the file could be of two formats, has too few or too many columns for the format
      asked for, or lacks names that its header needs.
  """
  columns = lines.values.shape[1]
  if asked in (None, "named") and lines.names is not None:
    return _named(lines)
  least = {"ground_truth": 9, "boxmot": 7, "visdrone": 10, "kitti": 10}.get(asked or "", 6)
  if asked == "named" or columns < least:
    needs = "needs a first line of names" if asked == "named" else f"needs {least} columns"
    raise InputError(
      f"boxes {lines.path} has {columns} columns and no names, and --boxes_format={asked} {needs}: "
      "leave the flag out, or give another format"
    )
  found = asked or _format(lines, columns)
  if found == "kitti":
    return Layout(
      found,
      f"KITTI's {columns} columns",
      place=(6, 7, 8, 9),
      coordinates="corners",
      label=2,
      people=PEOPLE,
    )
  if found == "ground_truth":
    return Layout(
      found, "MOTChallenge's ground truth of 9 columns", considered=6, label=7, people=("1",)
    )
  if found == "visdrone":
    return Layout(found, "VisDrone's 10 columns", considered=6, label=7, people=("1", "2"))
  label = min(7, columns - 1) if found == "boxmot" else None
  if asked is None:
    label = class_column(lines, label)
  if label is None:
    notes = flags_sentence(lines) if asked is None else ()
    return Layout(found, f"a tracker's results of {columns} columns", notes=notes)
  where = "as BoxMOT's" if label == 7 else f"in column {label + 1}"
  people = people_of(lines, label)
  return Layout("boxmot", f"{columns} columns with a class, {where}", label=label, people=people)


def _named(lines: BoxLines) -> Layout:
  assert lines.names is not None
  columns: dict[str, int] = {}
  for column, name in enumerate(lines.names):
    role = _ROLES.get(name)
    if role in columns:
      raise InputError(
        f"boxes {lines.path} has two columns for the same, {lines.names[columns[role]]!r} and "
        f"{name!r}: leave one out"
      )
    if role is not None:
      columns[role] = column
  for names, coordinates in _PLACES:
    if all(name in columns for name in (*names, "frame", "track")):
      label = columns.get("class")
      if label is None:
        nameless = [column for column, name in enumerate(lines.names) if not name]
        label = class_column(lines, columns=nameless, track=columns["track"])
      return Layout(
        "named",
        f"columns by their names ({', '.join(names)})",
        frame=columns["frame"],
        track=columns["track"],
        place=tuple(columns[name] for name in names),
        coordinates=coordinates,
        label=label,
        people=() if label is None else people_of(lines, label),
      )
  raise InputError(
    f"boxes {lines.path} begins with the names {', '.join(lines.names)[:200]}: it needs frame, id "
    "and x,y,w,h (or x1,y1,x2,y2, or cx,cy,w,h), so rename its columns, or remove the line and say "
    "what the others mean with --boxes_format"
  )


def _format(lines: BoxLines, columns: int) -> str:
  values = lines.values
  if columns >= 10 and len(lines.words.get(2, {})) * 2 > len(values):
    return "kitti"
  if columns > 10:
    raise InputError(
      f"boxes {lines.path} has {columns} columns without names, and no known format has that many: "
      "write decimals with points, or say with --boxes_format=results that the first six "
      "are frame,id,x,y,w,h"
    )
  whole = np.isfinite(values).all(axis=1)
  if columns < 7 or whole.sum() * 2 < len(values):
    return "results"
  values = values[whole]
  if (values == np.floor(values)).all() and np.median(values[:, 6]) > 1:
    raise InputError(
      f"boxes {lines.path} has {columns} columns of whole numbers, and the seventh, the "
      f"confidence, is mostly above 1 (such as {values[0, 6]:g}): decimals seem to be written with "
      "commas, so write them with points; or say with --boxes_format=results that the columns are "
      f"right; or, if it is a class, {naming(lines, FIRST)}"
    )
  if columns == 7:
    return "results"
  considered, label, rest = values[:, 6], values[:, 7], values[:, 8:]
  flags = np.isin(considered, (0, 1)).all()
  classes = are_classes(values[:, 1], label)
  if columns == 9:
    last = rest[:, 0]
    shares = bool((((last >= 0) & (last <= 1)) | (last == -1)).all() and (last != -1).any())
    if flags and shares and (label == np.floor(label)).all() and label.min() >= 1:
      return "ground_truth"
    if not classes:
      return "results"
    if flags and shares and (considered == 0).any():
      raise InputError(
        f"boxes {lines.path} could be ground truth, in which {int((considered == 0).sum()):,} of "
        f"{len(values):,} lines do not count, or a tracker's results with a class: say which with "
        "--boxes_format=ground_truth or --boxes_format=boxmot"
      )
    index = bool(((last >= -1) & (last == np.floor(last))).all())
    return "boxmot" if shares or index else "results"
  if columns == 10:
    limits = (label >= 0) & (label <= 11) & np.isin(rest, (0, 1, 2)).all(axis=1)
    if flags and classes and limits.all():
      return "visdrone"
    if not ((rest == -1) | ((rest >= 0) & (rest <= 1))).all():
      return "results"
  return "boxmot" if classes and len(np.unique(label)) > 1 else "results"
