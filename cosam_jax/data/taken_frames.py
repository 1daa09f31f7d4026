"""Takes fewer frames of long tracklets, chosen before anything is read or resized."""

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np

from cosam_jax.data.clips import even_positions
from cosam_jax.data.packing import Frame
from cosam_jax.data.tracklets import FilePaths, FrameStore, TrackletTable
from cosam_jax.errors import InputError
from cosam_jax.runtime.text_numbers import shown


@dataclasses.dataclass(frozen=True, eq=False)
class ChosenFrames:
  """Some frames of another store; see `tracklets.FrameStore`."""

  store: FrameStore
  frames: np.ndarray

  def __len__(self) -> int:
    return len(self.frames)

  def name(self, frame: int) -> str:
    """The name that the other store gives."""
    return self.store.name(int(self.frames[frame]))

  def read(self, frame: int) -> bytes:
    """The bytes that the other store has."""
    return self.store.read(int(self.frames[frame]))


MOST = 1_000_000
"""Of a stride, and of frames taken: of video at 25 a second, eleven hours."""


@dataclasses.dataclass(frozen=True)
class Taking:
  """Which frames of a tracklet are taken; clips are then made of these alone.

  Attributes:
    stride: takes the first frame, and every `stride`-th after it.
    most: takes at most this many of those: the middle ones of equal parts; None takes all.

  Raises:
    InputError: a number below 1 or above `MOST`.
  """

  stride: int = 1
  most: int | None = None

  def __post_init__(self):
    for flag, value in (("frame_stride", self.stride), ("most_frames", self.most)):
      if value is not None and not 1 <= value <= MOST:
        raise InputError(f"--{flag} is {shown(value)}: it must be at least 1 and at most {MOST}")

  @property
  def all(self) -> bool:
    """Whether nothing is left out, whatever the length."""
    return self.stride == 1 and self.most is None

  def positions(self, length: int) -> np.ndarray:
    """int64[taken], positions 0 .. length - 1 in ascending order."""
    strided = np.arange(0, length, self.stride, dtype=np.int64)
    return strided if self.most is None else strided[even_positions(len(strided), self.most)]

  def lengths(self, lengths: np.ndarray) -> np.ndarray:
    """int64[n], the number of frames taken of tracklets of these lengths."""
    strided = -(-np.asarray(lengths, np.int64) // self.stride)
    return strided if self.most is None else np.minimum(strided, self.most)

  def sentence(self) -> str:
    """Says what is taken, such as "every 5th frame, at most 8 of them, evenly spread"."""
    words = [f"every {self.stride}{_ending(self.stride)} frame"] if self.stride > 1 else []
    if self.most is not None:
      words.append(f"at most {self.most:,} of {'them' if words else 'the frames'}, evenly spread")
    return ", ".join(words) or "every frame"

  def of_table(self, table: TrackletTable) -> TrackletTable:
    """The same tracklets with the taken frames alone; those left out are never read."""
    if self.all:
      return table
    chosen = [table.frame_ids(row)[self.positions(int(n))] for row, n in enumerate(table.lengths)]
    frames = np.concatenate(chosen)
    store: FrameStore = ChosenFrames(table.frames, frames)
    if isinstance(table.frames, FilePaths):
      folders, files = table.frames.folder_ids[frames], table.frames.files[frames]
      store = dataclasses.replace(table.frames, folder_ids=folders, files=files)
    lengths = np.array([len(one) for one in chosen], np.int64)
    starts = np.cumsum(lengths) - lengths
    return dataclasses.replace(table, frames=store, starts=starts, lengths=lengths)

  def of_frames(self, frames: Iterable[Frame], lengths: np.ndarray) -> Iterator[Frame]:
    """Passes on the taken frames of those that come, of tracklets of `lengths` frames."""
    wanted = [iter(self.positions(int(length)).tolist()) for length in lengths]
    last = [int(self.positions(int(length))[-1]) for length in lengths]
    now = [next(positions) for positions in wanted]
    seen = np.zeros(len(lengths), np.int64)
    for frame in frames:
      i = frame.tracklet
      if frame.image is None:  # The tracklet ended before its last frame.
        yield frame
      elif seen[i] == now[i]:
        yield frame._replace(last=now[i] == last[i])
        now[i] = next(wanted[i], -1)
      seen[i] += 1


ALL_FRAMES = Taking()


def _ending(number: int) -> str:
  if number % 100 in (11, 12, 13):
    return "th"
  return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
