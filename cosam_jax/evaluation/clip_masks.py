"""A clip with its masks, to look at. Without jax, so that pictures can be drawn anywhere.

Notation: `T` frames in a clip, `H W` size of a frame on disk, `h w` grid of a mask.
"""

import dataclasses
import io

import numpy as np
from PIL import Image

from cosam_jax.data.batches import EvaluationPlan
from cosam_jax.data.clips import num_dense_clips
from cosam_jax.data.identities import JUNK, UNKNOWN_CAMERA
from cosam_jax.data.tracklets import TrackletTable
from cosam_jax.data.upright import exif_orientation, turned


@dataclasses.dataclass(frozen=True, eq=False)
class ClipMasks:
  """A clip with its masks, for pictures.

  Attributes:
    tracklet: its name. identity, camera: the data set's own names, or numbers; or `unknown`.
    clip: number of the clip in its tracklet, from 1. clips: how many the tracklet has.
    numbers: the frames' numbers in the tracklet, from 1; T of them.
    length: frames of the tracklet.
    images: uint8[H, W, 3] each, upright, as large as on disk; None for a frame that cannot be read.
    masks: stage -> float32[T, h, w] in 0 .. 1.
    source: the source of the frames, in place of identity and camera; may be empty.
  """

  tracklet: str
  identity: int | str
  camera: int | str
  clip: int
  clips: int
  numbers: tuple[int, ...]
  length: int
  images: tuple[np.ndarray | None, ...]
  masks: dict[int, np.ndarray]
  source: str = ""


def clip_masks(
  plan: EvaluationPlan, row: int, frames: np.ndarray, masks: dict[int, np.ndarray]
) -> ClipMasks:
  """Adds frames and names to the masks of a clip.

  Args:
    plan: the clip's plan, with all frames of every tracklet.
    row: of the clip's tracklet in the plan's table.
    frames: int64[T], of the table's store.
    masks: stage -> float32[T, h, w].
  """
  table = plan.table
  positions = frames - table.starts[row]
  return ClipMasks(
    tracklet=str(table.names[row]),
    identity=_named(table.numbering.identity(table.identities[row]), JUNK),
    camera=_named(table.numbering.camera(table.cameras[row]), UNKNOWN_CAMERA),
    clip=int(positions[0]) // plan.num_frames + 1,
    clips=int(num_dense_clips(table.lengths[row], plan.num_frames)),
    numbers=tuple(int(position) + 1 for position in positions),
    length=int(table.lengths[row]),
    images=tuple(frame_image(table, int(frame)) for frame in frames),
    masks=masks,
  )


def _named(value: int | str, unknown: int) -> int | str:
  """The identity or camera, or `unknown`, as of a user's own tracklets."""
  return "unknown" if value == unknown else value


def frame_image(table: TrackletTable, frame: int) -> np.ndarray | None:
  """uint8[H, W, 3], a frame of the table's store, upright; None if it cannot be read."""
  try:
    data = table.frames.read(frame)
    with Image.open(io.BytesIO(data)) as image:
      return turned(np.asarray(image.convert("RGB")), exif_orientation(data))
  except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
    # If this counts as an error, it was raised before the network saw the frame.
    return None
