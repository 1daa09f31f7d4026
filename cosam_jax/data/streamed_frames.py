"""Frames of a video as a store: the stream is decoded anew, and the wanted frames are kept."""

import dataclasses
import io
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from PIL import Image

from cosam_jax.data.own_tracklets import UNKNOWN
from cosam_jax.data.packing import Frame
from cosam_jax.data.taken_frames import ALL_FRAMES, Taking
from cosam_jax.data.tracklets import TrackletTable


@dataclasses.dataclass(frozen=True, eq=False)
class Stream:
  """Tracklets whose frames come one at a time.

  Attributes:
    path: of the video, for people.
    names: of the tracklets.
    lengths: int64[n], frames of each.
    frames: returns all frames from the beginning, each time it is called.
  """

  path: str
  names: Sequence[str]
  lengths: np.ndarray
  frames: Callable[[], Iterator[Frame]]


class StreamedFrames:
  """The taken frames of a stream, tracklet after tracklet; see `tracklets.FrameStore`.

  Only frames that were given to `fetch` are in memory, compressed without loss; each call of it
  decodes the stream up to the last of them.
  """

  def __init__(self, stream: Stream, taking: Taking = ALL_FRAMES):
    self._stream = stream
    places = [taking.positions(int(length)) for length in stream.lengths]
    self.lengths = np.array([len(positions) for positions in places], np.int64)
    self._tracklets = np.repeat(np.arange(len(places)), self.lengths)
    self._positions = np.concatenate(places)
    self._kept: dict[int, bytes] = {}
    self._places: dict[int, tuple[int, float]] = {}

  def __len__(self) -> int:
    return len(self._positions)

  def fetch(self, frames: Iterable[int]) -> None:
    """Decodes the stream once, for those of these frames that are not in memory yet."""
    wanted = {
      (int(self._tracklets[frame]), int(self._positions[frame])): frame
      for frame in map(int, frames)
      if frame not in self._kept
    }
    seen = np.zeros(len(self.lengths), np.int64)
    for frame in self._stream.frames() if wanted else ():
      place = wanted.pop((frame.tracklet, int(seen[frame.tracklet])), None)
      seen[frame.tracklet] += 1
      if place is not None and frame.image is not None:
        file = io.BytesIO()
        Image.fromarray(frame.image).save(file, "PNG", compress_level=1)
        self._kept[place] = file.getvalue()
        self._places[place] = frame.number, frame.seconds
      if not wanted:
        break

  def name(self, frame: int) -> str:
    """The frame's number in its tracklet, and the video."""
    track = self._stream.names[self._tracklets[frame]]
    return f"{self._positions[frame] + 1} of tracklet {track} of {self._stream.path}"

  def read(self, frame: int) -> bytes:
    """A PNG file; OSError if the video does not show that frame."""
    self.fetch([frame])
    if int(frame) not in self._kept:
      raise OSError(f"frame {self.name(frame)} does not come")
    return self._kept[int(frame)]

  def span_text(self, frames: np.ndarray) -> str:
    """The span of fetched frames, such as `gate.mp4, frames 62-65, 6.2 s`."""
    places = [self._places[int(frame)] for frame in frames if int(frame) in self._places]
    words = [os.path.basename(self._stream.path)]
    if places:
      (first, seconds), (last, _) = min(places), max(places)
      words.append(f"frames {first}-{last}")
      words += [] if math.isnan(seconds) else [f"{seconds:.1f} s"]
    return ", ".join(words)


def table_of_stream(stream: Stream, taking: Taking = ALL_FRAMES) -> TrackletTable:
  """A table of the taken frames of a stream's tracklets; nothing is decoded yet."""
  store = StreamedFrames(stream, taking)
  unknown = np.full(len(store.lengths), UNKNOWN)
  return TrackletTable(
    frames=store,
    starts=np.cumsum(store.lengths) - store.lengths,
    lengths=store.lengths,
    identities=unknown,
    cameras=unknown,
    names=np.array([str(name) for name in stream.names], np.str_),
  )
