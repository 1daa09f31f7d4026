"""The flags about frames: those that choose frames, and those that describe a file of boxes."""

import re
from collections.abc import Mapping
from typing import Any

from cosam_jax.data.box_files import BoxReading
from cosam_jax.data.taken_frames import Taking
from cosam_jax.errors import InputError


def taking(flags: Mapping[str, Any]) -> Taking:
  """The frames of a tracklet that `--frame_stride` and `--most_frames` take."""
  return Taking(flags["frame_stride"] or 1, flags["most_frames"])


def box_reading(flags: Mapping[str, Any]) -> BoxReading:
  """The values of the flags `--boxes_...`; InputError for an impossible one."""
  return BoxReading(
    format=flags["boxes_format"],
    classes=tuple(flags["boxes_classes"]) if flags["boxes_classes"] else None,
    coordinates=flags["boxes_coordinates"],
    picture=_size(flags["boxes_picture"]),
    first_frame=flags["boxes_first_frame"],
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
