"""Places and times at which tracklets were seen: columns beside their vectors, and one row of them.

Every column is optional, so that files of earlier versions can be read; an unknown entry is "", -1
or NaN.

  camera_names                str[n]      the users' names of the cameras
  sources                     str[n]      the video, or the folder of frames
  first_frames, last_frames   int64[n]    their numbers in the source, as it counts them
  first_times, last_times     float64[n]  seconds from the source's beginning

Notation: `n` tracklets.
"""

import dataclasses
import math
import os
from typing import Any

import numpy as np

from cosam_jax.data.gaps import is_gap
from cosam_jax.data.identities import Numbering
from cosam_jax.errors import InputError

# name -> (dtypes that a file may have, dtype that it becomes, the value for unknown)
COLUMNS: dict[str, tuple[type, str, Any]] = {
  "camera_names": (np.str_, "str", ""),
  "sources": (np.str_, "str", ""),
  "first_frames": (np.integer, "int64", -1),
  "last_frames": (np.integer, "int64", -1),
  "first_times": (np.floating, "float64", np.nan),
  "last_times": (np.floating, "float64", np.nan),
}


@dataclasses.dataclass(frozen=True)
class Sighting:
  """The place and time at which one tracklet was seen; unknown values are None.

  Attributes:
    camera: the camera's name.
    source: path of the video or folder.
    frames: numbers of the first and the last frame in the source.
    times: seconds of the first and the last frame.
    identity: the data set's name or number of the person.
    known: whether that is a person whom one can search for, and not a distractor.
  """

  camera: str | None = None
  source: str | None = None
  frames: tuple[int, int] | None = None
  times: tuple[float, float] | None = None
  identity: int | str | None = None
  known: bool = False

  def record(self) -> dict[str, Any]:
    """The known values, as plain ones."""
    known: dict[str, Any] = {"camera": self.camera, "identity": self.identity}
    known["source"] = self.source
    if self.frames is not None:
      known |= {"first_frame": self.frames[0], "last_frame": self.frames[1]}
    if self.times is not None:
      known |= {"first_second": round(self.times[0], 3), "last_second": round(self.times[1], 3)}
      known["time"] = self.time_text()
    return {name: value for name, value in known.items() if value is not None}

  def frames_text(self) -> str:
    """The frames, such as `62-210`; empty if unknown."""
    return "" if self.frames is None else _span(*map(str, self.frames))

  def time_text(self) -> str:
    """The times as h:mm:ss, such as `0:00:06-0:00:20`; empty if unknown."""
    return "" if self.times is None else _span(*map(clock, self.times))

  def source_name(self) -> str:
    """The file's or folder's name without its path; empty if unknown."""
    return "" if self.source is None else os.path.basename(self.source.rstrip("/"))


NEVER_SEEN = Sighting()


def sighting(columns: Any, row: int, numbering: Numbering) -> Sighting:
  """One tracklet's entries; a camera without a name has the data set's name or number.

  Args:
    columns: has `COLUMNS`, `identities` and `cameras` as attributes.
    row: the tracklet's row.
    numbering: the meaning of the numbers of identities and cameras.
  """
  person = columns.identities[row]
  camera = str(columns.camera_names[row])
  if not camera and columns.cameras[row] >= 0:
    camera = str(numbering.camera(columns.cameras[row]))
  frames = int(columns.first_frames[row]), int(columns.last_frames[row])
  times = float(columns.first_times[row]), float(columns.last_times[row])
  return Sighting(
    camera=None if is_gap(camera) else camera,
    source=str(columns.sources[row]) or None,
    frames=frames if min(frames) >= 0 else None,
    times=None if any(map(math.isnan, times)) else times,
    identity=numbering.identity(person) if person >= 0 else None,
    known=bool(person >= 0 and numbering.people(person)),
  )


def clock(seconds: float) -> str:
  """h:mm:ss, rounded down to whole seconds."""
  whole = int(seconds // 1)
  sign, whole = "-" if whole < 0 else "", abs(whole)
  return f"{sign}{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def column(name: str, array: np.ndarray | None, count: int) -> np.ndarray:
  """One of `COLUMNS`, checked; unknown throughout if `array` is None.

  Raises:
    InputError: the column has another type or length, or a time is infinite.
  """
  kind, dtype, unknown = COLUMNS[name]
  if array is None:
    return np.full(count, unknown, np.str_ if kind is np.str_ else dtype)
  array = np.asarray(array)
  if array.shape != (count,) or (count and not np.issubdtype(array.dtype, kind)):
    raise InputError(
      f"{name} of the embeddings is {array.dtype}{list(array.shape)}: with {count} vectors it must "
      f"be {dtype}[{count}]"
    )
  if kind is np.floating and np.isinf(array).any():
    raise InputError(f"{name} of the embeddings holds infinity: times are seconds, or NaN")
  return array if kind is np.str_ else array.astype(dtype)


def is_known(array: np.ndarray) -> np.ndarray:
  """bool[n], which entries of a column are known."""
  if array.dtype.kind == "U":
    return array != ""
  return ~np.isnan(array) if array.dtype.kind == "f" else array >= 0


def _span(first: str, last: str) -> str:
  return first if first == last else f"{first}-{last}"
