"""Boxes of running tracks in one picture, checked before anything is cut out."""

from collections.abc import Hashable, Iterable
from typing import NamedTuple

import numpy as np

from cosam_jax.errors import InputError
from cosam_jax.experiment.given_frames import checked_picture
from cosam_jax.experiment.track_sums import check_track
from cosam_jax.runtime.given_values import array_given, items_given

TRACKS = "a list of tracks"
"""What to give for tracks, in words."""
_FARTHEST = 1e9


class PictureBoxes(NamedTuple):
  """The boxes of n tracks that have a part inside a picture.

  Attributes:
    picture: uint8[height, width, 3].
    tracks: n different tracks.
    sizes: float64[n, 4], x, y, width, height in pixels.
  """

  picture: np.ndarray
  tracks: list[Hashable]
  sizes: np.ndarray


def picture_boxes(
  picture: np.ndarray, tracks: Iterable[Hashable], boxes: np.ndarray, sized: bool
) -> PictureBoxes:
  """The boxes without those wholly outside of the picture; see `LiveTracks.add_boxes`.

  Raises:
    InputError: the picture or the boxes have another type or shape, a box has no area, or a track
      has two boxes.
  """
  picture = checked_picture("the picture", picture, "it must be uint8[H, W, 3], RGB")
  tracks = items_given("tracks", tracks, TRACKS)
  rows = array_given("boxes", boxes, np.float64)
  if rows.size and (rows.ndim != 2 or rows.shape[1] != 4):
    raise InputError(f"boxes are {list(rows.shape)}: give four numbers for each track")
  rows = rows.reshape(-1, 4)
  if not (np.abs(rows) <= _FARTHEST).all():
    raise InputError("a box has NaN, infinity or more than 1e9 among its numbers: leave it out")
  if len(tracks) != len(rows):
    raise InputError(f"{len(tracks)} tracks, {len(rows)} boxes: give one of each for each track")
  seen: dict[Hashable, int] = {}
  for row, track in enumerate(tracks):
    check_track(track)
    if (first := seen.setdefault(track, row)) != row:
      raise InputError(
        f"track {track!r} has two boxes in one picture, {rows[first].tolist()} and "
        f"{rows[row].tolist()}: a track is one person, so give each its own number, or one box"
      )
  sizes = rows if sized else np.concatenate([rows[:, :2], rows[:, 2:] - rows[:, :2]], axis=1)
  if len(rows) and (empty := (sizes[:, 2:] <= 0).any(axis=1)).any():
    form = "x, y, width, height" if sized else "the corners x1, y1, x2, y2 with x1 < x2, y1 < y2"
    raise InputError(f"box {rows[int(np.argmax(empty))].tolist()} has no area: give {form}")
  ends, whole = sizes[:, :2] + sizes[:, 2:], picture.shape[1::-1]
  inside = np.asarray(((sizes[:, :2] < whole) & (ends > 0)).all(axis=1))
  kept = [track for track, i in zip(tracks, inside.tolist()) if i]
  return PictureBoxes(picture, kept, sizes[inside])
