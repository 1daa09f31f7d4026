"""Tracklets as other programs give them: arrays, images on disk, or folders of these."""

import os
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from absl import logging

from cosam_jax.data.left_out import LeftOut
from cosam_jax.data.listing import IMAGE_SUFFIXES, is_image, list_images
from cosam_jax.data.own_tracklets import tracklets_in
from cosam_jax.data.packing import Frame, read_image
from cosam_jax.data.telling import Telling
from cosam_jax.errors import InputError
from cosam_jax.runtime.given_values import array_given, items_given
from cosam_jax.runtime.user_paths import user_path

Path = str | os.PathLike[str]
Tracklet = np.ndarray | Sequence[np.ndarray | Path] | Path
"""uint8[f, H, W, 3]; a list of uint8[H, W, 3] of any sizes or of image paths; or a folder."""


TRACKLET = "a folder of frames, or a list of frames in the order of time: pictures or their paths"
"""What to give for a tracklet, in words."""


def checked_picture(name: str, picture: object, meaning: str) -> np.ndarray:
  """A picture as uint8[H, W, 3].

  Args:
    name: of the picture, for messages.
    picture: as it was given.
    meaning: what a picture is, in words.

  Raises:
    InputError: it has another type or shape.
  """
  array = array_given(name, picture)
  if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
    raise InputError(f"{name} is {array.dtype}{list(array.shape)}: {meaning}")
  return array


def checked_frame(name: str, frame: object) -> np.ndarray:
  """A frame of a tracklet as uint8[H, W, 3]; see `checked_picture`."""
  return checked_picture(name, frame, "a frame is uint8[H, W, 3], RGB from 0 to 255")


def every_listed(tracklets: Iterable[Tracklet]) -> list[Sequence[np.ndarray | Path]]:
  """The frames of each tracklet by `listed`; files that are no images are told as a warning.

  Raises:
    InputError: there are no tracklets, or as `listed`.
  """
  passed = LeftOut()
  given = items_given("tracklets", tracklets, "a list of tracklets")
  if not given:
    raise InputError("there are no tracklets to embed: give at least one")
  lists = [listed(tracklet, number, passed) for number, tracklet in enumerate(given)]
  telling = Telling(show=lambda text: logging.warning("%s", text))
  telling.leave_out(*passed.sentences(), prefix="")
  return lists


def listed(tracklet: Tracklet, number: int, left_out: LeftOut) -> Sequence[np.ndarray | Path]:
  """The frames of a tracklet as a list, with those checks that need no reading.

  Args:
    tracklet: see `Tracklet`.
    number: its number, for messages.
    left_out: receives the files of a folder that are no images.

  Raises:
    InputError: there are no frames, they have another type or shape, or a folder has those of
      several tracklets.
  """
  if isinstance(tracklet, str | os.PathLike):
    path = user_path(tracklet)
    if path.is_dir():
      names = list_images(path, left_out)
      if len(several := tracklets_in(names)) > 1:
        raise InputError(
          f"{path} has the frames of {len(several):,} tracklets ({', '.join([*several][:2])}"
          f"{', ...' if len(several) > 2 else ''}), which have a vector each: give the frames of "
          "each as a list of paths, or the folder to --mode=embed --input"
        )
      return [path / name for name in names]
    if not is_image(path.name):
      raise InputError(
        f"tracklet {path} is neither a folder nor an image ({', '.join(IMAGE_SUFFIXES)}): give a "
        "folder of frames, a list of images, or arrays"
      )
    return [path]
  frames = items_given(f"tracklet {number}", tracklet, TRACKLET)
  if not frames:
    raise InputError(f"tracklet {number} has no frames: give at least one")
  for position, frame in enumerate(frames):
    if not isinstance(frame, str | os.PathLike):
      checked_frame(f"frame {position} of tracklet {number}", frame)
  return frames


def frames_of(
  lists: Sequence[Sequence[np.ndarray | Path]], image_size: tuple[int, int]
) -> Iterator[Frame]:
  """Yields the frames of tracklets one at a time; files are read.

  Args:
    lists: the frames of each tracklet, from `listed`.
    image_size: (H, W) of the network, for files that can be decoded smaller.
  """
  for number, frames in enumerate(lists):
    for position, frame in enumerate(frames):
      if isinstance(frame, str | os.PathLike):
        array = read_image(user_path(frame), image_size)
      else:
        array = np.asarray(frame)
      yield Frame(number, array, position + 1 == len(frames))
