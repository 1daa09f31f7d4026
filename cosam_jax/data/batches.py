"""The plan of training batches: P identities times K clips, a pure function of (seed, step).

Nothing is remembered from one batch to the next, so a run resumes at any step and any batch can be
drawn again. Source: the published code's identity sampler.
"""

import dataclasses
import functools
from typing import NamedTuple

import numpy as np

from cosam_jax.data.clips import train_clip
from cosam_jax.data.tracklets import TrackletTable
from cosam_jax.errors import InputError

# The streams of random numbers of one seed; their names keep them apart.
_EPOCH, _STEP = 1, 2


class PlannedBatch(NamedTuple):
  """Which frames make a batch of B = P*K clips; the K clips of an identity lie side by side.

  Attributes:
    tracklets: int64[B], rows of the table.
    frames: int64[B, T], frame ids of the table's store.
    labels: int32[B], 0 .. identities-1.
  """

  tracklets: np.ndarray
  frames: np.ndarray
  labels: np.ndarray


@dataclasses.dataclass(frozen=True)
class BatchPlan:
  """Every batch of a training run.

  Attributes:
    table: training tracklets.
    identities_per_batch: P.
    instances: K; tracklets of an identity that has fewer are drawn with replacement.
    num_frames: T.
    frame_selection, sequential_start: see `clips.train_clip`.
    seed: of all draws.

  Raises:
    InputError: there are fewer than P identities.
  """

  table: TrackletTable
  identities_per_batch: int = 8
  instances: int = 4
  num_frames: int = 4
  frame_selection: str = "sequential"
  sequential_start: str = "published"
  seed: int = 0

  def __post_init__(self) -> None:
    if self.table.num_identities < self.identities_per_batch:
      raise InputError(
        f"train.identities_per_batch is {self.identities_per_batch}, but the training set has "
        f"{self.table.num_identities} identities: lower it to that or less, or give more data"
      )

  @property
  def steps_per_epoch(self) -> int:
    """Batches of an epoch: every identity at most once, the incomplete last batch dropped."""
    return self.table.num_identities // self.identities_per_batch

  @functools.cached_property
  def _labels(self) -> np.ndarray:
    return self.table.labels()

  @functools.cached_property
  def _tracklets_of(self) -> list[np.ndarray]:
    """Label -> rows of the table."""
    order = np.argsort(self._labels, kind="stable")
    return np.split(order, np.cumsum(np.bincount(self._labels))[:-1])

  def batch(self, step: int) -> PlannedBatch:
    """The batch of step 0, 1, 2, ...: always the same for the same seed and step."""
    epoch, place = divmod(step, self.steps_per_epoch)
    order = np.random.default_rng([self.seed, _EPOCH, epoch]).permutation(len(self._tracklets_of))
    first = place * self.identities_per_batch
    rng = np.random.default_rng([self.seed, _STEP, step])
    tracklets, frames = [], []
    for label in order[first : first + self.identities_per_batch]:
      own = self._tracklets_of[label]
      for row in rng.choice(own, self.instances, replace=len(own) < self.instances):
        positions = train_clip(
          int(self.table.lengths[row]),
          self.num_frames,
          self.frame_selection,
          rng,
          sequential_start=self.sequential_start,
        )
        tracklets.append(row)
        frames.append(self.table.starts[row] + positions)
    rows = np.array(tracklets, np.int64)
    return PlannedBatch(rows, np.stack(frames), self._labels[rows].astype(np.int32))


def without_single_tracklets(table: TrackletTable, policy: str) -> TrackletTable:
  """Decides what becomes of training identities that have one tracklet only.

  All clips of such an identity come from the same few seconds of one camera, so its triplets teach
  nothing about seeing a person again.

  Args:
    table: training tracklets.
    policy: `repeat` keeps them (the published sampler draws their tracklet K times), `drop` leaves
      them out, `error` refuses.

  Raises:
    InputError: there are such identities and the policy is `error`, or none would be left.
  """
  identities, counts = np.unique(table.identities, return_counts=True)
  single = identities[counts == 1]
  if policy == "repeat" or not len(single):
    return table
  listed = f"{', '.join(map(str, single[:5]))}{', ...' if len(single) > 5 else ''}"
  if policy == "error":
    raise InputError(
      f"{len(single)} of {len(identities)} training identities have one tracklet only ({listed}): "
      "add tracklets, or set data.single_tracklet to drop or repeat"
    )
  if len(single) == len(identities):
    raise InputError(
      f"all {len(identities)} training identities have one tracklet only ({listed}), so none is "
      "left after dropping them: add tracklets, or set data.single_tracklet to repeat"
    )
  return table.select(~np.isin(table.identities, single))
