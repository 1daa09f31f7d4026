"""Frames that come one at a time, of many tracklets at once -> clips, packed into batches.

This is for videos and arrays, for which there is no table beforehand. At most one clip of each
tracklet waits in memory. Clips have the same frames as those of `pipeline.evaluation_batches`.

Notation: B clips in a batch, T frames in a clip, H, W the image size.
"""

import math
import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from cosam_jax.data.augmentation import enlarged
from cosam_jax.data.decoding import decoded
from cosam_jax.data.pipeline import EvalBatch
from cosam_jax.data.resizing import pixels_for_network
from cosam_jax.errors import InputError
from cosam_jax.runtime.outside_files import MOST_FRAME_BYTES, read_bytes


class Frame(NamedTuple):
  """A frame of a tracklet; the frames of one tracklet come in the order of time.

  Attributes:
    tracklet: the tracklet's number.
    image: uint8[height, width, 3], RGB; None, only with `last`, if the tracklet ended earlier.
    last: whether it is the tracklet's last frame.
    number: number of the frame in its source, from 1; 0 if there is no source.
    seconds: time of the frame in its source; NaN if unknown.
  """

  tracklet: int
  image: np.ndarray | None
  last: bool
  number: int = 0
  seconds: float = math.nan


def packed_clips(
  frames: Iterable[Frame],
  *,
  num_frames: int,
  batch_clips: int,
  image_size: tuple[int, int],
  resize_method: str = "bilinear",
  pixels: str = "float32",
) -> Iterator[EvalBatch]:
  """Batches of clips in the order in which clips become complete.

  Args:
    frames: see `Frame`.
    num_frames: T. A tracklet's last clip repeats the remaining frames cyclically.
    batch_clips: B; the last batch is filled with clips that do not count.
    image_size: (H, W).
    resize_method: see `transforms.resize`.
    pixels: see `resizing.pixels_for_network`.

  Raises:
    ValueError: a tracklet's last frame did not come.
  """
  waiting: dict[int, list[np.ndarray]] = {}
  ready: list[tuple[int, np.ndarray]] = []
  for frame in frames:
    images = waiting.setdefault(frame.tracklet, [])
    if frame.image is not None:
      images.append(pixels_for_network(frame.image, image_size, resize_method, pixels))
    if len(images) < num_frames and not frame.last:
      continue
    if not images:
      del waiting[frame.tracklet]
      continue
    clip = np.stack([images[i % len(images)] for i in range(num_frames)])
    ready.append((frame.tracklet, clip))
    del waiting[frame.tracklet]
    if len(ready) == batch_clips:
      yield _batch(ready, batch_clips)
      ready = []
  if waiting:
    raise ValueError(f"tracklets {sorted(waiting)[:3]} did not end")
  if ready:
    yield _batch(ready, batch_clips)


def _batch(ready: list[tuple[int, np.ndarray]], batch_clips: int) -> EvalBatch:
  tracklets = np.full(batch_clips, -1, np.int32)
  tracklets[: len(ready)] = [tracklet for tracklet, _ in ready]
  clips = np.zeros((batch_clips, *ready[0][1].shape), np.float32)
  clips[: len(ready)] = [clip for _, clip in ready]
  valid = np.repeat((tracklets >= 0)[:, None], clips.shape[1], axis=1)
  return EvalBatch(clips, valid, tracklets)


def read_image(path: str | os.PathLike, image_size: tuple[int, int] | None = None) -> np.ndarray:
  """uint8[height, width, 3] of a JPEG or PNG file; InputError names a file that cannot be read.

  With the `image_size` of a network, a large JPEG is decoded at a part of its size, as the pipeline
  decodes it.
  """
  try:
    data = read_bytes(path, MOST_FRAME_BYTES)
  except OSError as error:
    raise InputError(
      f"frame {os.fspath(path)} cannot be read: {error.strerror or error}"
    ) from error
  try:
    return decoded(data, at_least=None if image_size is None else enlarged(image_size))
  except ValueError as error:
    raise InputError(f"frame {os.fspath(path)} cannot be used: {error}") from error
