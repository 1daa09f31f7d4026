"""A running track: its waiting frames, and the sum of the vectors of its whole clips.

Notation: `T` frames in a clip, `H W` the network's image size, `D` embedding size.
"""

import dataclasses
from typing import NamedTuple

import numpy as np

from cosam_jax.data.resizing import pixels_for_network
from cosam_jax.errors import InputError

_LEAST, _MOST = 1e-6, 1e6


def check_track(track: object) -> None:
  """Refuses what cannot name a track.

  Raises:
    InputError: it cannot be the key of a dict, or is not equal to itself, as NaN.
  """
  try:
    hash(track)
  except TypeError as error:
    raise InputError(f"{track!r} cannot name a track: give a number or a string") from error
  if track != track:
    raise InputError(f"{track!r} cannot name a track, since it does not equal itself")


def checked_weight(track: object, weight: object) -> float:
  """The weight of a track's frame as a number.

  Raises:
    InputError: it is neither 0 nor 1e-6 .. 1e6.
  """
  try:
    number = float(weight)  # type: ignore[arg-type]
  except (TypeError, ValueError):
    number = float("nan")
  if number == 0 or _LEAST <= number <= _MOST:
    return number
  raise InputError(
    f"a frame of track {track!r} has the weight {weight}: give 0, or a number from 1e-6 to 1e6"
  )


class WeightedClip(NamedTuple):
  """A clip that is not embedded yet.

  Attributes:
    frames: T frames; a repeated one is the same object.
    weight: how much its vector counts: the mean weight of its frames, with repetitions.
  """

  frames: list[np.ndarray]
  weight: float


@dataclasses.dataclass(eq=False)
class TrackSum:
  """What is kept of a track.

  Attributes:
    name: the caller's name of the track.
    frames: number of frames that came and count.
  """

  name: object
  frames: int = 0
  _waiting: list[np.ndarray] = dataclasses.field(default_factory=list)
  _weights: list[float] = dataclasses.field(default_factory=list)
  _total: np.ndarray | float = 0.0
  _weight: float = 0.0
  _last: tuple[np.ndarray, float] | None = None

  def add(self, frame: np.ndarray, weight: float, num_frames: int) -> WeightedClip | None:
    """Adds a frame of a weight above 0; returns the clip of `num_frames` that is whole now."""
    self.frames += 1
    self._last = None
    self._waiting.append(frame)
    self._weights.append(weight)
    if len(self._waiting) < num_frames:
      return None
    clip = WeightedClip(self._waiting, sum(self._weights) / num_frames)
    self._waiting, self._weights = [], []
    return clip

  def last_clip(self, num_frames: int) -> WeightedClip | None:
    """The clip of the waiting frames, repeated cyclically; None if none waits or it is known."""
    if not self._waiting or self._last is not None:
      return None
    places = [i % len(self._waiting) for i in range(num_frames)]
    weight = sum(self._weights[place] for place in places) / num_frames
    return WeightedClip([self._waiting[place] for place in places], weight)

  def count(self, vector: np.ndarray, weight: float) -> None:
    """Adds the vector float64[D] of a whole clip."""
    self._total = self._total + weight * vector
    self._weight += weight

  def remember(self, vector: np.ndarray, weight: float) -> None:
    """Keeps the vector float64[D] of the last clip until another frame comes."""
    self._last = vector, weight

  def mean(self) -> np.ndarray:
    """float32[D], the weighted mean of all clips; the last one, if any, must be remembered.

    Raises:
      InputError: a clip gave NaN or infinity.
    """
    total, weight = self._total, self._weight
    if self._last is not None:
      vector, own = self._last
      total, weight = total + own * vector, weight + own
    if not np.isfinite(total).all():
      raise InputError(
        f"a clip of track {self.name!r} gave a vector with NaN or infinity: look at its frames and "
        "at the weights of the network, and forget the track"
      )
    return np.asarray(total / weight, np.float32)


class KeptFrames:
  """How waiting frames are kept: as their crop, or as the network's pixels if these are smaller.

  Both give the same numbers, since a crop is resized when its clip is made.

  Args:
    image_size: (H, W); method, pixels: see `resizing.pixels_for_network`.
  """

  def __init__(self, image_size: tuple[int, int], method: str, pixels: str = "float32"):
    self.image_size, self.method, self.pixels = image_size, method, pixels

  def keep(self, frame: np.ndarray) -> np.ndarray:
    """uint8[h, w, 3] -> a copy of it, or float32[H, W, 3]; at most 12 H W bytes."""
    if frame.nbytes <= 12 * self.image_size[0] * self.image_size[1]:
      return frame.copy()
    return self._pixels(frame)

  def batch(self, clips: list[list[np.ndarray]], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Clips of kept frames -> float32[size, T, H, W, 3] and bool[size, T], filled with zeros."""
    num_frames = len(clips[0])
    batch = np.zeros((size, num_frames, *self.image_size, 3), np.float32)
    valid = np.zeros((size, num_frames), bool)
    valid[: len(clips)] = True
    for place, frames in enumerate(clips):
      first: dict[int, int] = {}
      for position, frame in enumerate(frames):
        earlier = first.setdefault(id(frame), position)
        batch[place, position] = (
          self._pixels(frame) if earlier == position else batch[place, earlier]
        )
    return batch, valid

  def _pixels(self, frame: np.ndarray) -> np.ndarray:
    if frame.dtype == np.float32:
      return frame
    return pixels_for_network(frame, self.image_size, self.method, self.pixels)
