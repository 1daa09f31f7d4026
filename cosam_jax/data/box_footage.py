"""Fits boxes to the footage that they belong to."""

import dataclasses
import itertools
from collections.abc import Iterator

from cosam_jax.data.box_files import BoxReading
from cosam_jax.data.box_frames import placed
from cosam_jax.data.box_sense import fitted
from cosam_jax.data.boxes import Boxes
from cosam_jax.data.image_numbers import numbered
from cosam_jax.data.videos import Footage, Picture
from cosam_jax.errors import InputError


def fit_boxes(
  footage: Footage, boxes: Boxes, reading: BoxReading
) -> tuple[Boxes, Iterator[Picture]]:
  """The boxes in this footage's frames and pixels, as `data.boxes.crops` takes them; all pictures.

  Raises:
    InputError: boxes and footage do not fit each other.
  """
  numbers = None
  if footage.names is not None:
    found = numbered(footage.names, str(footage.path), boxes.frames, reading.first_frame)
    footage = dataclasses.replace(footage, names=found.names, count=len(found.names))
    told, left_out = (*boxes.told, *found.told), (*boxes.left_out, *found.left_out)
    boxes, numbers = dataclasses.replace(boxes, told=told, left_out=left_out), found.numbers
  boxes = placed(boxes, str(footage.path), footage.count, numbers, reading.first_frame)
  pictures = footage.pictures()
  first = next(pictures)
  height, width = first.image.shape[:2]
  if reading.picture is None and footage.size not in (None, (width, height)):
    said = "{} x {}".format(*footage.size or ())
    raise InputError(
      f"images of {footage.path} have {width} x {height} pixels, and seqinfo.ini says {said}: say "
      "with --boxes_picture=WIDTHxHEIGHT which of the two the boxes refer to"
    )
  boxes = fitted(boxes, height, width, reading.picture)
  return boxes, itertools.chain([first], pictures)
