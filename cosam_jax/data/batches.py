"""The clips of each batch: the P x K plan for training, and packed dense clips for evaluation.

Both are functions of a batch's number, not iterators: any batch can be made at any time, in any
order, on any host.

Notation: P identities in a batch, K clips of each, B = P * K clips, T frames in a clip.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator

import numpy as np

from cosam_jax.data import clips, samplers
from cosam_jax.data.tracklets import TrackletTable
from cosam_jax.errors import InputError

_PERMUTATION, _DRAW, _EPOCH = 0, 1, 2


@dataclasses.dataclass(frozen=True, eq=False)
class Batch:
  """Frame numbers of B clips.

  Attributes:
    tracklets: int32[B], row of each clip's tracklet in the table; -1 marks a clip that only fills
      an evaluation batch.
    frames: int64[B, T], frames of the table's store; -1 in filling clips.
    labels: int32[B], identities numbered as a classifier needs them (0 .. classes - 1); -1 in
      evaluation.
  """

  tracklets: np.ndarray
  frames: np.ndarray
  labels: np.ndarray

  def share(self, index: int, count: int) -> "Batch":
    """The clips of one of `count` processes: the `index`-th of equal runs of rows.

    Raises:
      ValueError: the clips cannot be shared evenly.
    """
    clips, rest = divmod(len(self.tracklets), count)
    if rest:
      raise ValueError(f"{len(self.tracklets)} clips cannot be shared by {count} processes")
    rows = slice(index * clips, (index + 1) * clips)
    return Batch(self.tracklets[rows], self.frames[rows], self.labels[rows])


@dataclasses.dataclass(frozen=True, eq=False)
class BatchPlan:
  """P identities, each with K of its tracklets, one clip from each.

  With `every_identity`, an epoch is a fresh permutation of the identities, cut into groups of P;
  the remainder of the division is dropped, as in the published loader, so every identity comes at
  most once an epoch. Its tracklets are drawn without replacement, or with it if there are fewer
  than K. With `every_tracklet`, every tracklet comes at least once an epoch, see
  `samplers.every_tracklet`.

  Attributes:
    table: the training tracklets.
    identities_per_batch: P; instances: K; num_frames: T; each at least 1.
    frame_selection, sequential_start: see `clips.train_clip`.
    seed: at least 0.
    sampler: `every_identity` or `every_tracklet`.
    stride: see `clips.train_clip`; at least 1.

  Raises:
    InputError: fewer identities than P, or an unknown choice.
  """

  table: TrackletTable
  identities_per_batch: int = 8
  instances: int = 4
  num_frames: int = 4
  frame_selection: str = "sequential"
  sequential_start: str = "published"
  seed: int = 0
  sampler: str = "every_identity"
  stride: int = 8

  def __post_init__(self):
    clips.check_choice("frame_selection", self.frame_selection, clips.SELECTIONS)
    clips.check_choice("sequential_start", self.sequential_start, clips.SEQUENTIAL_STARTS)
    clips.check_choice("sampler", self.sampler, samplers.SAMPLERS)
    for field in ("identities_per_batch", "instances", "num_frames", "stride"):
      if getattr(self, field) < 1:
        raise InputError(f"{field} is {getattr(self, field)}, but must be at least 1")
    if self.seed < 0:
      raise InputError(f"seed is {self.seed}, but must be at least 0")
    if self.table.num_identities < self.identities_per_batch:
      raise InputError(
        f"identities_per_batch is {self.identities_per_batch}, but the training set has only "
        f"{self.table.num_identities} identities; use fewer identities per batch or more data"
      )

  @functools.cached_property
  def _labels(self) -> np.ndarray:
    return self.table.labels()

  @functools.cached_property
  def _groups(self) -> list[np.ndarray]:
    """Rows of the table by label."""
    order = np.argsort(self._labels, kind="stable")
    return np.split(order, np.cumsum(np.bincount(self._labels))[:-1])

  @property
  def batch_clips(self) -> int:
    """B, clips in a batch."""
    return self.identities_per_batch * self.instances

  @functools.cached_property
  def steps_per_epoch(self) -> int:
    """Whole groups of P identities; or as many batches as hold every tracklet. Each epoch's."""
    if self.sampler == "every_tracklet":
      counts = [len(group) for group in self._groups]
      return samplers.steps_of_every_tracklet(counts, self.identities_per_batch, self.instances)
    return len(self._groups) // self.identities_per_batch

  def batch(self, step: int) -> Batch:
    """Batch `step` (from 0): a function of the plan and the step alone.

    Clips of one identity are next to each other.
    """
    rng = self._rng(_DRAW, step)
    tracklets, frames = [], []
    for row in self._rows(int(step), rng):
      length = int(self.table.lengths[row])
      positions = clips.train_clip(
        length, self.num_frames, self.frame_selection, rng, self.sequential_start, self.stride
      )
      tracklets.append(row)
      frames.append(self.table.starts[row] + positions)
    rows = np.array(tracklets, np.int32)
    return Batch(rows, np.stack(frames), self._labels[rows])

  def _rows(self, step: int, rng: np.random.Generator) -> Iterator[int]:
    """The rows of a batch's tracklets; the clips of an identity are drawn before the next one's."""
    epoch, position = divmod(step, self.steps_per_epoch)
    if self.sampler == "every_tracklet":
      yield from self._epoch(epoch)[position]
      return
    order = self._rng(_PERMUTATION, epoch).permutation(len(self._groups))
    first = position * self.identities_per_batch
    for label in order[first : first + self.identities_per_batch]:
      group = self._groups[label]
      yield from rng.choice(group, self.instances, replace=len(group) < self.instances)

  @functools.cached_property
  def _epoch(self) -> Callable[[int], np.ndarray]:
    """Epoch -> int64[steps, B], the rows of its batches with `every_tracklet`."""

    def rows(epoch: int) -> np.ndarray:
      rng = self._rng(_EPOCH, epoch)
      return samplers.every_tracklet(self._groups, self.identities_per_batch, self.instances, rng)

    return functools.lru_cache(maxsize=2)(rows)  # Two, since batches are read ahead.

  def _rng(self, purpose: int, number: int) -> np.random.Generator:
    return np.random.default_rng([self.seed, purpose, int(number)])


@dataclasses.dataclass(frozen=True, eq=False)
class EvaluationPlan:
  """All clips of all tracklets, packed one after the other into batches of one size.

  Attributes:
    table: the tracklets to embed.
    num_frames: T.
    batch_clips: B; only the last batch is filled with clips that do not count.
    frames_per_tracklet: how many evenly spread frames of a tracklet to use; None uses all.

  Raises:
    InputError: a number below 1.
  """

  table: TrackletTable
  num_frames: int
  batch_clips: int
  frames_per_tracklet: int | None = None

  def __post_init__(self):
    for field in ("num_frames", "batch_clips", "frames_per_tracklet"):
      value = getattr(self, field)
      if value is not None and value < 1:
        raise InputError(f"{field} is {value}, but must be at least 1")

  @functools.cached_property
  def _used(self) -> np.ndarray:
    """int64[n], frames used of each tracklet."""
    lengths = self.table.lengths.astype(np.int64)
    most = self.frames_per_tracklet
    return lengths if most is None else np.minimum(lengths, most)

  @functools.cached_property
  def _first_clips(self) -> np.ndarray:
    """int64[n + 1], the first clip of each tracklet, then the number of clips."""
    counts = clips.num_dense_clips(self._used, self.num_frames)
    return np.concatenate([[0], np.cumsum(counts)])

  @property
  def num_clips(self) -> int:
    """Number of clips that count."""
    return int(self._first_clips[-1])

  @property
  def num_batches(self) -> int:
    """Number of batches that hold all clips."""
    return -(-self.num_clips // self.batch_clips)

  def shares(self, count: int) -> list[np.ndarray]:
    """Rows of the table for each of `count` processes: runs with about the same number of clips.

    No run is empty if there are at least as many tracklets as processes.
    """
    ends, number = self._first_clips[1:], np.arange(1, count)
    borders = np.searchsorted(ends, self.num_clips * number / count) + 1
    least = np.maximum.accumulate(np.maximum(borders, number) - number) + number
    return np.split(np.arange(len(ends)), np.minimum(least, len(ends) - count + number))

  @property
  def padding(self) -> float:
    """Share of all clips in all batches that only fill the last one, 0 .. 1."""
    return 1 - self.num_clips / (self.num_batches * self.batch_clips) if self.num_clips else 0.0

  def batch(self, number: int) -> Batch:
    """Batch `number`, 0 .. num_batches - 1."""
    chosen = np.arange(number * self.batch_clips, (number + 1) * self.batch_clips)
    real = chosen < self.num_clips
    chosen = chosen[real]
    rows = np.searchsorted(self._first_clips, chosen, side="right") - 1
    used = self._used[rows]
    positions = clips.dense_clip_positions(used, chosen - self._first_clips[rows], self.num_frames)
    # The middles of `used` equal parts; if all frames are used this is the identity.
    positions = (2 * positions + 1) * self.table.lengths[rows][:, None] // (2 * used[:, None])
    tracklets = np.full(self.batch_clips, -1, np.int32)
    frames = np.full((self.batch_clips, self.num_frames), -1, np.int64)
    tracklets[real] = rows
    frames[real] = self.table.starts[rows][:, None] + positions
    return Batch(tracklets, frames, np.full(self.batch_clips, -1, np.int32))
