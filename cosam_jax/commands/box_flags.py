"""The flags that say what a file of boxes is, if the file itself does not."""

import re
from typing import TYPE_CHECKING

from absl import flags

from cosam_jax.errors import InputError

if TYPE_CHECKING:
  from cosam_jax.data.box_files import BoxReading

NAMES = (
  "boxes_format",
  "boxes_classes",
  "boxes_coordinates",
  "boxes_picture",
  "boxes_first_frame",
)


def define_flags() -> None:
  """Registers the flags."""
  flags.DEFINE_enum(
    "boxes_format",
    None,
    ("results", "ground_truth", "boxmot", "visdrone", "kitti", "named"),
    "What the columns of --boxes are; left out: found from the whole file, and printed.",
    module_name="cosam_jax",
  )
  flags.DEFINE_list(
    "boxes_classes",
    None,
    "Classes of --boxes that count, with commas between them, or all; left out: people.",
    module_name="cosam_jax",
  )
  flags.DEFINE_enum(
    "boxes_coordinates",
    None,
    ("sizes", "corners", "centres"),
    "What the four numbers of a box are. sizes (default): x,y,w,h from the upper left corner. "
    "corners: x1,y1,x2,y2. centres: x,y,w,h from the centre.",
    module_name="cosam_jax",
  )
  flags.DEFINE_string(
    "boxes_picture",
    None,
    "WIDTHxHEIGHT of the picture that --boxes are of, 1x1 for fractions; left out: --input's.",
    module_name="cosam_jax",
  )
  flags.DEFINE_integer(
    "boxes_first_frame",
    None,
    "Number of the first picture in --boxes; left out: 0 if it occurs, the images' own numbers if "
    "their names end in them, else 1.",
    lower_bound=0,
    module_name="cosam_jax",
  )


def reading() -> "BoxReading":
  """What the flags say; InputError for what cannot be."""
  from cosam_jax.data.box_files import BoxReading

  values = flags.FLAGS
  return BoxReading(
    format=values.boxes_format,
    classes=tuple(values.boxes_classes) if values.boxes_classes else None,
    coordinates=values.boxes_coordinates,
    picture=_size(values.boxes_picture),
    first_frame=values.boxes_first_frame,
  )


def _size(text: str | None) -> tuple[float, float] | None:
  """WIDTHxHEIGHT as numbers."""
  if text is None:
    return None
  match = re.fullmatch(r"([0-9]{1,6})[xX*]([0-9]{1,6})", text.strip(), re.ASCII)
  if match is None:
    raise InputError(
      f"--boxes_picture is {text!r}: it must be a width and a height such as 1920x1080"
    )
  return float(match[1]), float(match[2])
