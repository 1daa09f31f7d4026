"""The two ways in which frames are read and decoded, behind one interface.

`stream.BY_TENSORFLOW` is for trainings and evaluations, whose frames are altered at random and come
by the hundred thousand. `threaded_frames.BY_PILLOW` is for people's own files.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

INPUT_BYTES = 256 * 2**20
"""Room for steps that are read ahead; one is, whatever its size."""
_MOST_AHEAD = 2


def steps_ahead(step_bytes: int) -> int:
  """How many steps of so many bytes are read ahead of use: at least one."""
  return max(1, min(_MOST_AHEAD, INPUT_BYTES // max(1, step_bytes)))


class UnreadFrames(Exception):
  """Frames of a step could not be read or decoded; the caller finds out which and why."""


class Decoder(NamedTuple):
  """A way to read and decode frames.

  Attributes:
    frames: makes the frames of each step, as (float32[B * T, H, W, 3], bool[B * T]), with the
      arguments of `stream.frame_batches`; raises `UnreadFrames`.
    refusal: the reason why it refuses an encoded image, for people; None if it does not.
  """

  frames: Callable[..., Iterator[tuple[np.ndarray, np.ndarray]]]
  refusal: Callable[[bytes], str | None]
