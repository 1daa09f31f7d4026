"""Which frames of a tracklet make a clip. Pure index functions.

Notation: `n` frames of a tracklet, `T` frames of a clip. Source: the published code's samplers, as
`sequential` and `dense` there; the poster's "frame selection" and "number of frames" ablations.
"""

import numpy as np

from cosam_jax.errors import InputError, suggestion

SELECTIONS = ("sequential", "random", "evenly")


def train_clip(
  length: int,
  num_frames: int,
  selection: str,
  rng: np.random.Generator,
  *,
  sequential_start: str = "published",
) -> np.ndarray:
  """Chooses the frames of one training clip.

  A tracklet with fewer than T frames repeats them cyclically from the clip's start.

  Args:
    length: n, at least 1.
    num_frames: T, at least 1.
    selection: `sequential`: T consecutive frames from a random start; `random`: T different frames
      drawn at random, in their order; `evenly`: T frames at equal distances, not random.
    rng: where the draw comes from.
    sequential_start: `published` draws the start from 0 .. max(0, n-T-1), so the last possible
      start never comes; `all` from 0 .. max(0, n-T).

  Returns:
    int64[T], positions 0 .. n-1.

  Raises:
    InputError: an unknown selection.
  """
  if selection == "sequential":
    last = length - num_frames - (sequential_start == "published")
    start = int(rng.integers(0, max(0, last) + 1))
    return fill_cyclically(np.arange(start, min(start + num_frames, length)), num_frames)
  if selection == "random":
    if length < num_frames:
      return fill_cyclically(np.arange(length), num_frames)
    return np.sort(rng.choice(length, num_frames, replace=False)).astype(np.int64)
  if selection == "evenly":
    return fill_cyclically(evenly(length, num_frames), num_frames)
  raise InputError(
    f"frame selection {selection!r} is not known: choose one of {', '.join(SELECTIONS)}"
    f"{suggestion(selection, SELECTIONS)}"
  )


def dense_clips(length: int, num_frames: int) -> np.ndarray:
  """Cuts a tracklet into consecutive clips that hold every frame.

  The last clip is filled by repeating its own frames cyclically; a length divisible by T gives no
  extra clip (published code).

  Args:
    length: n, at least 1.
    num_frames: T, at least 1.

  Returns:
    int64[ceil(n/T), T], positions 0 .. n-1.
  """
  starts = range(0, length, num_frames)
  clips = [np.arange(start, min(start + num_frames, length)) for start in starts]
  return np.stack([fill_cyclically(clip, num_frames) for clip in clips])


def evenly(length: int, count: int) -> np.ndarray:
  """int64[min(n, count)]: different positions at equal distances, the first one included."""
  count = min(length, count)
  return np.arange(count, dtype=np.int64) * length // count


def fill_cyclically(positions: np.ndarray, num_frames: int) -> np.ndarray:
  """Repeats int[k] positions in order until there are T of them."""
  return np.resize(positions, num_frames).astype(np.int64)
