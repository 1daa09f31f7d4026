"""A video's frames one at a time, upright as players show them. Needs PyAV (the extra `video`)."""

import contextlib
import math
import os
import pathlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from cosam_jax.data.listing import list_images
from cosam_jax.data.packing import read_image
from cosam_jax.data.upright import matrix_orientation, turned
from cosam_jax.data.user_paths import user_path
from cosam_jax.errors import InputError


class Picture(NamedTuple):
  """A whole frame of a video.

  Attributes:
    image: uint8[height, width, 3], RGB, upright.
    number: from 1, in the order of time.
    seconds: its time in the video; NaN where the source names none, as images do not.
  """

  image: np.ndarray
  number: int
  seconds: float = math.nan


def pictures(path: str | os.PathLike) -> Iterator[Picture]:
  """Every frame of a video file, or of a folder of images in natural order.

  Args:
    path: a file in any format that FFmpeg reads, or a folder.

  Yields:
    see `Picture`; turned as the file says that players should.

  Raises:
    InputError: no such file, no video in it, a frame that cannot be decoded, or no PyAV.
  """
  path = user_path(path)
  if path.is_dir():
    return (
      Picture(read_image(path / name), number) for number, name in enumerate(list_images(path), 1)
    )
  if not path.is_file():
    raise InputError(f"{path} does not exist: give a video file or a folder")
  return _decoded(path)


def count_frames(path: str | os.PathLike) -> int | None:
  """How many frames a video or a folder says that it has; None where nobody knows beforehand."""
  path = user_path(path)
  if path.is_dir():
    return len(list_images(path))
  with _opened(path) as (_, stream):
    return stream.frames or None


def _decoded(path: pathlib.Path) -> Iterator[Picture]:
  import av

  with _opened(path) as (container, stream):
    stream.thread_type = "AUTO"
    frames, number = container.decode(stream), 0
    while True:
      try:
        frame = next(frames, None)
      except av.FFmpegError as error:
        raise InputError(
          f"frame {number + 1} of video {path} cannot be decoded ({error.strerror}): repair the "
          "file, or cut it before that frame"
        ) from error
      if frame is None:
        break
      number += 1
      matrix = next((bytes(x) for x in frame.side_data if x.type.name == "DISPLAYMATRIX"), None)
      image = frame.to_ndarray(format="rgb24")
      seconds = math.nan if frame.time is None else float(frame.time)
      yield Picture(
        image if matrix is None else turned(image, matrix_orientation(matrix)), number, seconds
      )
  if not number:
    raise InputError(f"video {path} has no frame: give another file")


@contextlib.contextmanager
def _opened(path: pathlib.Path) -> Iterator[tuple]:
  """(container, its first video stream)."""
  try:
    import av
  except ImportError as error:
    raise InputError(
      f"{path} is taken for a video, and PyAV, which reads videos, is not installed: "
      "pip install 'cosam-jax[video]', or give a folder of images"
    ) from error
  try:
    container = av.open(os.fspath(path))
  except av.FFmpegError as error:
    raise InputError(
      f"{path} cannot be read as a video ({error.strerror}): give a video file, or a folder of "
      "images"
    ) from error
  with container:
    if not container.streams.video:
      raise InputError(f"{path} has no video stream: give another file, or a folder of images")
    yield container, container.streams.video[0]
