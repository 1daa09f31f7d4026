"""Warns of pictures that are wider than high, if they are taken as one person each.

A person who walks is higher than wide, and so is a crop of one. A picture that is wider than high
mostly shows a whole scene, whose vector says nothing about anybody in it.
"""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from cosam_jax.data.packing import Frame
from cosam_jax.data.passing_frames import one_tracklet
from cosam_jax.data.telling import Telling
from cosam_jax.data.tracklets import TrackletTable
from cosam_jax.data.upright import upright_size
from cosam_jax.data.videos import Footage, Picture

_LOOKED_AT = 20
_REMEDY = (
  "if it shows a whole scene, give a tracker's boxes with --boxes to --mode=embed, masks or link"
)


def one_person(footage: Footage) -> Iterator[Frame]:
  """All pictures of a video of one person, as the frames of tracklet 0; warns of a wide one."""
  return one_tracklet(_watched(footage))


def _watched(footage: Footage) -> Iterator[Picture]:
  for number, picture in enumerate(footage.pictures()):
    height, width = picture.image.shape[:2]
    if not number and width > height:
      footage.warn(
        f"{footage.path} is {width}x{height}, wider than high, and is taken as one person, already "
        f"cut out: {_REMEDY}"
      )
    yield picture


def warn_of_wide_tracklets(table: TrackletTable, telling: Telling) -> None:
  """Warns if most of a few tracklets' middle frames are wider than high; they are files.

  A single wide crop is no reason: people bend and lie, and crops end at the picture's edge.
  """
  sizes = {}
  for row in np.unique(np.linspace(0, len(table) - 1, _LOOKED_AT).astype(np.int64)).tolist():
    frame = int(table.starts[row] + table.lengths[row] // 2)
    if (size := _size(table, frame)) is not None:
      sizes[row] = size
  wide = [row for row, (width, height) in sizes.items() if width > height]
  if 2 * len(wide) <= len(sizes):
    return
  width, height = sizes[wide[0]]
  telling.warn(
    f"most tracklets, such as {table.names[wide[0]]} ({width}x{height}), are wider than high, and "
    f"each is taken as one person, already cut out: {_REMEDY}"
  )


def _size(table: TrackletTable, frame: int) -> tuple[int, int] | None:
  """(width, height) of a frame, upright; None if it cannot be read, which is reported later."""
  try:
    return upright_size(table.frames.read(frame))
  except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
    return None
