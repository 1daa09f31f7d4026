"""A video's frames one at a time, upright as players show them. Needs PyAV (the extra `video`)."""

import configparser
import contextlib
import dataclasses
import math
import os
import pathlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from cosam_jax.data.left_out import LeftOut
from cosam_jax.data.listing import is_image, list_images
from cosam_jax.data.packing import read_image
from cosam_jax.data.telling import Telling
from cosam_jax.data.upright import matrix_orientation, turned
from cosam_jax.errors import InputError
from cosam_jax.runtime.outside_files import read_text
from cosam_jax.runtime.text_numbers import counted
from cosam_jax.runtime.user_paths import user_path


class Picture(NamedTuple):
  """A whole frame of a video.

  Attributes:
    image: uint8[height, width, 3], RGB, upright.
    number: from 1, in the order of time.
    seconds: its time in the video; NaN if the source names none, as images do not.
  """

  image: np.ndarray
  number: int
  seconds: float = math.nan


@dataclasses.dataclass(eq=False)
class Footage:
  """A video, or a folder with a video's frames as images.

  Attributes:
    path: the file, or the folder in which the images are.
    names: of the images, in natural order; None for a video.
    count: the number of frames that its metadata gives; None if it is unknown beforehand.
    size: (width, height) by seqinfo.ini; None if there is none.
    telling: makes the warnings; after the last picture also one if a video ended early.
    warnings: the warnings so far.
  """

  path: pathlib.Path
  names: list[str] | None
  count: int | None
  size: tuple[int, int] | None = None
  telling: Telling = dataclasses.field(default_factory=Telling)
  warnings: list[str] = dataclasses.field(default_factory=list)

  def warn(self, sentence: str) -> None:
    """Gives a warning, only once however often the frames are read."""
    if sentence not in self.warnings:
      self.warnings.append(sentence)
    self.telling.warn(sentence)

  def pictures(self) -> Iterator[Picture]:
    """All frames from the first, each time it is called; see `pictures`."""
    if self.names is None:
      return _decoded(self)
    images = enumerate(self.names, 1)
    return (Picture(read_image(self.path / name), number) for number, name in images)


def open_footage(
  path: str | os.PathLike, telling: Telling | None = None, beside: Iterable[str | os.PathLike] = ()
) -> Footage:
  """Looks at a path, without reading a frame.

  Args:
    path: a file in any format that FFmpeg reads, a folder of images, or a sequence of
      MOTChallenge: a folder that holds a folder of images, named by `seqinfo.ini` or `img1`.
    telling: makes the warnings; None: they are printed.
    beside: files that are read in another way, and may lie among the images.

  Raises:
    InputError: the path does not exist or has neither a video nor images, or PyAV is missing.
  """
  path, telling = user_path(path), telling or Telling()
  if path.is_dir():
    return _folder(path, telling, beside)
  if not path.is_file():
    raise InputError(f"{path} does not exist: give a video file or a folder")
  with _opened(path) as (_, stream):
    return Footage(path, None, stream.frames or None, None, telling)


def pictures(path: str | os.PathLike) -> Iterator[Picture]:
  """Every frame of a video file, or of a folder of images in natural order.

  Args:
    path: see `open_footage`.

  Yields:
    see `Picture`; turned as the file tells players to.

  Raises:
    InputError: as `open_footage`, or a frame cannot be decoded.
  """
  return open_footage(path).pictures()


def _folder(path: pathlib.Path, telling: Telling, beside: Iterable[str | os.PathLike]) -> Footage:
  """The images of a folder, or of the folder in it that a sequence keeps them in."""
  sequence, left_out = _sequence(path), LeftOut([path / "seqinfo.ini", *beside])
  place = _frames_of_sequence(path, sequence)
  if place == path and not sequence and path.name.lower() in ("img1", "img"):
    sequence = _sequence(path.parent)
  names = list_images(place, left_out)
  length, width, height = (_whole(sequence.get(k)) for k in ("seqlength", "imwidth", "imheight"))
  size = (width, height) if width and height else None
  footage = Footage(place, names, len(names), size, telling)
  if place != path:
    footage.warn(f"the frames of {path} are the {len(names):,} images in {place.name}")
    if own := _images(path):
      example = min(filter(is_image, os.listdir(path)))
      images, verb = counted(own, "image"), "is" if own == 1 else "are"
      footage.warn(f"{images} of {path} itself, such as {example}, {verb} left out")
  for sentence in left_out.sentences():
    footage.warn(sentence)
  if length and length != len(names):
    footage.warn(f"{place} has {len(names):,} images, and its seqinfo.ini says {length:,}")
  return footage


def _frames_of_sequence(path: pathlib.Path, sequence: dict[str, str]) -> pathlib.Path:
  """The folder that seqinfo.ini names (or `img1`), if it has images; else the folder itself.

  Without seqinfo.ini, `img1` is used if it has more images than the folder itself.
  """
  inner = path / (sequence.get("imdir") or "img1")
  own, within = _images(path), _images(inner) if inner.is_dir() else 0
  if within and (sequence or within > own) and not inner.samefile(path):
    return inner
  if not own:
    inside = sorted(entry for entry in path.iterdir() if entry.is_dir() and _images(entry))
    found = "".join(f", its folder {entry.name} has {_images(entry):,}" for entry in inside[:3])
    raise InputError(
      f"{path} has no images itself{found}: give the folder with a video's frames as images, or "
      "a video"
    )
  return path


def _images(path: pathlib.Path) -> int:
  return sum(map(is_image, os.listdir(path)))


def _sequence(path: pathlib.Path) -> dict[str, str]:
  """The entries of a folder's seqinfo.ini, names in lower case; empty if there is none."""
  file = path / "seqinfo.ini"
  if not file.is_file():
    return {}
  parser = configparser.ConfigParser(interpolation=None, strict=False)
  try:
    parser.read_string(read_text(file, "sequence", "repair or remove it"))
  except configparser.Error:
    return {}
  return dict(parser["Sequence"]) if parser.has_section("Sequence") else {}


def _whole(text: str | None) -> int | None:
  return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def _decoded(footage: Footage) -> Iterator[Picture]:
  import av
  from av.sidedata.sidedata import SideDataContainer, Type

  # FFmpeg knows kinds of side data, such as EXIF, that PyAV has no name for: none may end a video.
  setattr(Type, "_missing_", classmethod(_unnamed))  # noqa: B010  # Not known to its stubs.
  path = footage.path
  with _opened(path) as (container, stream):
    stream.thread_type = "AUTO"
    claimed = f" of the {stream.frames:,} that its container names" if stream.frames else ""
    frames, number, seconds = container.decode(stream), 0, math.nan
    while True:
      try:
        frame = next(frames, None)
      except av.FFmpegError as error:
        raise InputError(
          f"frame {number + 1}{claimed} of video {path} cannot be decoded ({error.strerror}): "
          "repair the file, or cut it before that frame"
        ) from error
      if frame is None:
        break
      number += 1
      # Not `frame.side_data`: frame and data would refer to each other, and such circles stay in
      # memory, gigabytes of a large video, until Python looks for them.
      data = SideDataContainer(frame)  # type: ignore[call-arg]  # Missing in its stubs.
      matrix = next((bytes(x) for x in data if x.type.name == "DISPLAYMATRIX"), None)
      image = frame.to_ndarray(format="rgb24")
      seconds = math.nan if frame.time is None else float(frame.time)
      yield Picture(
        image if matrix is None else turned(image, matrix_orientation(matrix)), number, seconds
      )
    if not number:
      raise InputError(f"video {path} has no frame: give another file")
    if number < stream.frames:
      footage.warn(f"video {path} ends early: {number:,} frames were decoded{claimed}")
    elif not stream.frames and (length := _length(container, stream)):
      rate = float(stream.average_rate or 0)
      end = seconds + 1 / rate if rate else math.nan
      if length - end > max(0.02 * length, 2 / rate if rate else 0):
        footage.warn(
          f"video {path} ends early: {number:,} frames were decoded, to {end:.2f} of the "
          f"{length:.2f} s that its container names"
        )


def _unnamed(kinds: Any, number: int) -> Any:
  """A member of the enumeration for a number without a name."""
  kind = object.__new__(kinds)
  kind._name_, kind._value_ = f"KIND_{number}", number
  return kind


def _length(container: Any, stream: Any) -> float | None:
  """Seconds of a video by its container, whose sound may be longer; None if it does not say."""
  parts = stream.metadata.get("DURATION", "").split(":")
  with contextlib.suppress(ValueError):
    hours, minutes, seconds = map(float, parts)
    return 3600 * hours + 60 * minutes + seconds
  if stream.duration is not None:
    return float(stream.duration * stream.time_base)
  if container.duration is not None and len(container.streams) == 1:
    return container.duration / 1e6
  return None


@contextlib.contextmanager
def _opened(path: pathlib.Path) -> Iterator[tuple]:
  """(container, its first video stream)."""
  try:
    import av
  except ImportError as error:
    raise InputError(
      f"{path} seems to be a video, and PyAV, which reads videos, is not installed: "
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
