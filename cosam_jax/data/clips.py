"""The frames of a tracklet that make a clip: pure index functions.

Notation: n frames in a tracklet, T frames in a clip. All results are positions 0 .. n - 1 in the
tracklet, in the order of time. Unless a selection says otherwise, a tracklet shorter than a clip
repeats its frames cyclically from its start.
"""

from typing import Literal, get_args

import numpy as np

from cosam_jax.errors import InputError, suggestion

Selection = Literal["sequential", "random", "evenly", "restricted", "strided"]
SequentialStart = Literal["published", "all"]

SELECTIONS: tuple[str, ...] = get_args(Selection)
SEQUENTIAL_STARTS: tuple[str, ...] = get_args(SequentialStart)


def train_clip(
  length: int,
  num_frames: int,
  selection: Selection | str,
  rng: np.random.Generator,
  sequential_start: SequentialStart | str = "published",
  stride: int = 8,
) -> np.ndarray:
  """Draws one training clip.

  Args:
    length: n, at least 1.
    num_frames: T, at least 1.
    selection: `sequential`: T consecutive frames from a random start; `random`: T frames drawn
      without replacement, in the order of time; `evenly`: the middle frames of T equal parts, the
      same on every call; `restricted` and `strided`: see the functions of that name.
    rng: the source of the draw.
    sequential_start: `published`: the start is uniform in 0 .. max(0, n - T - 1), both included, so
      that the last possible start never comes, as in the published code; `all`: uniform in
      0 .. max(0, n - T).
    stride: s of `strided`, at least 1.

  Returns:
    int64[T].

  Raises:
    InputError: there is no such selection or start.
  """
  check_choice("frame_selection", selection, SELECTIONS)
  check_choice("sequential_start", sequential_start, SEQUENTIAL_STARTS)
  if selection == "restricted":
    return restricted(length, num_frames, rng)
  if selection == "strided":
    return strided(length, num_frames, stride, rng)
  if length <= num_frames:
    return np.arange(num_frames, dtype=np.int64) % length
  if selection == "evenly":
    return even_positions(length, num_frames)
  if selection == "random":
    return np.sort(rng.choice(length, num_frames, replace=False)).astype(np.int64)
  last = length - num_frames - (sequential_start == "published")
  return rng.integers(0, max(0, last), endpoint=True) + np.arange(num_frames, dtype=np.int64)


def restricted(length: int, num_frames: int, rng: np.random.Generator) -> np.ndarray:
  """int64[T], a frame drawn uniformly from each of T equal parts of a tracklet.

  As in the published code (SINet), a part has floor(n / T) frames, and the last one also has the
  frames that are left over. A tracklet shorter than a clip repeats its last frame.
  """
  parts = np.arange(num_frames, dtype=np.int64)
  size = length // num_frames
  if not size:
    return np.minimum(parts, length - 1)
  sizes = np.where(parts < num_frames - 1, size, length - (num_frames - 1) * size)
  return size * parts + rng.integers(0, sizes)


def strided(length: int, num_frames: int, stride: int, rng: np.random.Generator) -> np.ndarray:
  """int64[T], every s-th frame from a random start, if a tracklet has T * s frames or more.

  The start is uniform in 0 .. n - (T - 1) * s - 1, both included, so that every frame can come, as
  in the published code (AP3D). Of a shorter tracklet, T frames are drawn without replacement, or
  with it if there are fewer than T, and put in the order of time.
  """
  if length < num_frames * stride:
    drawn = rng.choice(length, num_frames, replace=length < num_frames)
    return np.sort(drawn).astype(np.int64)
  last = length - (num_frames - 1) * stride - 1
  return rng.integers(0, last, endpoint=True) + stride * np.arange(num_frames, dtype=np.int64)


def even_positions(length: int, count: int) -> np.ndarray:
  """int64[min(length, count)], the middle frame of each of `count` equal parts of n frames."""
  count = min(length, count)
  return (2 * np.arange(count, dtype=np.int64) + 1) * length // (2 * count)


def num_dense_clips(lengths: np.ndarray | int, num_frames: int) -> np.ndarray:
  """Number of clips that cover tracklets of `lengths` frames: ceil(n / T), elementwise, int64."""
  return -(-np.asarray(lengths, np.int64) // num_frames)


def dense_clip_positions(
  lengths: np.ndarray | int, chunks: np.ndarray | int, num_frames: int
) -> np.ndarray:
  """The frames of some of the clips that cover some tracklets.

  Args:
    lengths: int[m], n of each clip's tracklet.
    chunks: int[m], the clip's number in its tracklet, 0 .. ceil(n / T) - 1.
    num_frames: T.

  Returns:
    int64[m, T]. Clip c holds frames cT .. cT + T - 1; the last clip of a tracklet holds the
    remaining frames and repeats them cyclically. A length divisible by T has exactly n / T clips.
  """
  first = np.asarray(chunks, np.int64) * num_frames
  left = np.minimum(np.asarray(lengths, np.int64) - first, num_frames)
  return first[..., None] + np.arange(num_frames, dtype=np.int64) % left[..., None]


def dense_clips(length: int, num_frames: int) -> np.ndarray:
  """int64[ceil(n / T), T], all clips of a tracklet; see `dense_clip_positions`."""
  chunks = np.arange(int(num_dense_clips(length, num_frames)))
  return dense_clip_positions(np.full(len(chunks), length), chunks, num_frames)


def check_choice(field: str, value: str, choices: tuple[str, ...]) -> None:
  """Raises InputError if `value` is not one of `choices`; the error lists them and the nearest."""
  if value not in choices:
    raise InputError(
      f"{field} is {value!r}, not one of {', '.join(choices)}{suggestion(str(value), choices)}"
    )
