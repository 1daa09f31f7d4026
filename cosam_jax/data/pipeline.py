"""Plan -> tf.data graph -> numpy batches: read, decode and transform in parallel, ahead of use.

Only the frames that a clip uses are read. Batches do not depend on the number of threads, and
whether the bytes come from files or from packed records does not show in them.

Notation: B clips in a batch, T frames in a clip, H, W the image size.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import numpy as np
from absl import logging

from cosam_jax.data.batches import Batch, BatchPlan, EvaluationPlan
from cosam_jax.data.clips import check_choice
from cosam_jax.data.host_tensorflow import tf
from cosam_jax.data.outages import first_outage, wait_for_return
from cosam_jax.data.stream import frame_batches
from cosam_jax.data.tracklets import FrameStore, TrackletTable
from cosam_jax.data.transforms import Preprocess, undecodable_reason
from cosam_jax.errors import InputError

ON_UNREADABLE = ("error", "skip")
AUGMENT_PER = ("frame", "clip")
_MOST_RETRIES = 5  # Of one batch.

BatchType = TypeVar("BatchType", covariant=True)


@dataclasses.dataclass(frozen=True, eq=False)
class TrainBatch:
  """A batch to learn from.

  Attributes:
    clips: float32[B, T, H, W, 3], RGB, ImageNet-normalised.
    labels: int32[B], 0 .. identities - 1; clips of an identity are next to each other.
    valid: bool[B, T], false for frames that could not be read, which are zero.
  """

  clips: np.ndarray
  labels: np.ndarray
  valid: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class EvalBatch:
  """Clips of consecutive tracklets; every batch has the same shapes.

  Attributes:
    clips: float32[B, T, H, W, 3].
    valid: bool[B, T], false for frames that could not be read and in filling clips.
    tracklets: int32[B], row of the clip's tracklet in the table; -1 in filling clips, which come
      in the last batch only.
  """

  clips: np.ndarray
  valid: np.ndarray
  tracklets: np.ndarray


class Batches(Generic[BatchType], Iterator[BatchType]):
  """The batches of a plan, in order.

  Attributes:
    skipped: how many frames of the batches so far could not be read and were left out.
  """

  def __init__(
    self,
    table: TrackletTable,
    address: Callable[[int], Batch],
    finish: Callable[[Batch, np.ndarray, np.ndarray], BatchType],
    preprocess: Preprocess,
    *,
    first: int,
    last: int | None,
    seed: int = 0,
    augment_per: str = "frame",
    on_unreadable: str = "error",
    retry_seconds: float = 0.0,
    threads: int | None = None,
    share: tuple[int, int] = (0, 1),
  ):
    check_choice("on_unreadable", on_unreadable, ON_UNREADABLE)
    check_choice("augment_per", augment_per, AUGMENT_PER)
    self.skipped = 0
    self._table, self._finish = table, finish
    self._address = address if share[1] == 1 else lambda step: address(step).share(*share)
    self._skip = on_unreadable == "skip"
    self._reported: set[int] = set()
    self._step = first
    self._last = last
    self._retry_seconds, self._retries = retry_seconds, 0

    def frames_from(step: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
      return iter(
        frame_batches(
          table.frames,
          self._address,
          preprocess,
          first=step,
          last=np.iinfo(np.int64).max if last is None else max(step, last),
          seed=seed,
          per_clip=augment_per == "clip",
          skip=self._skip,
          threads=threads,
          share=share[0],
        ).as_numpy_iterator()
      )

    self._frames_from = frames_from
    self._frames = frames_from(first)

  def __iter__(self) -> Batches[BatchType]:
    return self

  def __next__(self) -> BatchType:
    if self._last is not None and self._step >= self._last:
      raise StopIteration
    batch = self._address(self._step)
    try:
      images, valid = next(self._frames)
    except tf.errors.OpError as error:
      if self._retry(batch, batch.frames[batch.frames >= 0]):
        return next(self)
      raise self._explained(batch, error) from error
    images = images.reshape(*batch.frames.shape, *images.shape[1:])
    valid = valid.reshape(batch.frames.shape)
    if self._skip:
      bad = np.setdiff1d(batch.frames[~valid & (batch.frames >= 0)], list(self._reported))
      if len(bad) and self._retry(batch, bad):
        return next(self)
      self._count(batch, valid)
    self._step += 1
    self._retries = 0
    return self._finish(batch, images, valid)

  def _retry(self, batch: Batch, frames: np.ndarray) -> bool:
    """Whether the batch is to be read once more; waits for a data directory that is away.

    A batch can be drawn again at any time, since it is a function of its number.
    """
    frames, store = np.unique(frames).tolist(), self._table.frames
    away = first_outage(store, frames)
    passed = away is None and all(unreadable_reason(store, frame) is None for frame in frames)
    if self._retries == _MOST_RETRIES or not self._retry_seconds or not (away or passed):
      return False
    wait_for_return(lambda: first_outage(store, frames), self._retry_seconds)
    self._retries += 1
    self._frames = self._frames_from(self._step)
    return True

  def _count(self, batch: Batch, valid: np.ndarray) -> None:
    bad = np.argwhere(~valid & (batch.frames >= 0))
    self.skipped += len(bad)
    for clip, position in bad.tolist():
      frame = int(batch.frames[clip, position])
      if frame not in self._reported:
        self._reported.add(frame)
        what = _describe(self._table, int(batch.tracklets[clip]), frame)
        reason = unreadable_reason(self._table.frames, frame) or "it could not be read once"
        logging.warning("%s is left out: %s", what, reason)

  def _explained(self, batch: Batch, error: Exception) -> InputError:
    """Reads the frames of a batch that failed one by one, to say which it was and why."""
    for tracklet, frames in zip(batch.tracklets.tolist(), batch.frames.tolist()):
      for frame in dict.fromkeys(frames):
        reason = None if frame < 0 else unreadable_reason(self._table.frames, frame)
        if reason:
          return InputError(
            f"{_describe(self._table, tracklet, frame)} cannot be used: {reason}; repair the file, "
            "or leave such frames out with on_unreadable='skip'"
          )
    line = str(getattr(error, "message", error)).splitlines()[0]
    return InputError(
      f"batch {self._step} could not be read, although each of its frames can be now ({line}); "
      "look at the disk or network that holds the data, then run again"
    )


def training_batches(
  plan: BatchPlan,
  *,
  image_size: tuple[int, int],
  augment_per: str = "frame",
  first_step: int = 0,
  last_step: int | None = None,
  on_unreadable: str = "error",
  retry_seconds: float = 0.0,
  train: bool = True,
  threads: int | None = None,
  share: tuple[int, int] = (0, 1),
) -> Batches[TrainBatch]:
  """Batches `first_step` .. `last_step - 1` of a plan.

  Batch n is the same whatever the first step, so a run resumes without any iterator state.

  Args:
    plan: which frames make batch n.
    image_size: (H, W).
    augment_per: whether each `frame` is augmented on its own, as published, or a `clip` as one.
    first_step: at least 0.
    last_step: None goes on without end.
    on_unreadable: `error` stops; `skip` leaves the frame zero and invalid, counts and logs it.
    retry_seconds: how long to wait for a data directory that is away; 0 is an error at once.
    train: whether to augment; without, frames are resized only.
    threads: how many work on frames; None leaves it to tf.data.
    share: (i, n) gives the i-th of n equal runs of each batch's clips and reads no other frames.

  Raises:
    InputError: an unknown choice; while iterating, a frame that cannot be read or decoded, with
      its tracklet, file and reason.
  """

  def finish(batch: Batch, images: np.ndarray, valid: np.ndarray) -> TrainBatch:
    return TrainBatch(images, batch.labels, valid)

  return Batches(
    plan.table,
    plan.batch,
    finish,
    Preprocess(image_size, train),
    first=first_step,
    last=last_step,
    seed=plan.seed,
    augment_per=augment_per,
    on_unreadable=on_unreadable,
    retry_seconds=retry_seconds,
    threads=threads,
    share=share,
  )


def evaluation_batches(
  table: TrackletTable,
  *,
  num_frames: int,
  batch_clips: int,
  image_size: tuple[int, int],
  on_unreadable: str = "error",
  retry_seconds: float = 0.0,
  frames_per_tracklet: int | None = None,
  threads: int | None = None,
) -> Batches[EvalBatch]:
  """The clips that cover every tracklet, packed into batches of one size.

  `batches.EvaluationPlan` with the same numbers tells how many clips and batches will come. With
  `on_unreadable="skip"` a tracklet of which no frame can be read still has its clips, with `valid`
  false throughout: whoever embeds it decides what that means.

  Args:
    table: the tracklets.
    num_frames: T.
    batch_clips: B.
    image_size: (H, W).
    on_unreadable, retry_seconds: see `training_batches`.
    frames_per_tracklet: use so many evenly spread frames of a tracklet; None uses all.
    threads: how many work on frames; None leaves it to tf.data.

  Raises:
    InputError: as `training_batches`.
  """
  plan = EvaluationPlan(table, num_frames, batch_clips, frames_per_tracklet)

  def finish(batch: Batch, images: np.ndarray, valid: np.ndarray) -> EvalBatch:
    return EvalBatch(images, valid, batch.tracklets)

  return Batches(
    table,
    plan.batch,
    finish,
    Preprocess(image_size, train=False),
    first=0,
    last=plan.num_batches,
    on_unreadable=on_unreadable,
    retry_seconds=retry_seconds,
    threads=threads,
  )


def unreadable_reason(store: FrameStore, frame: int) -> str | None:
  """Why a frame cannot be used, in words; None when it can."""
  try:
    data = store.read(frame)
  except FileNotFoundError:
    return "there is no such file"
  except (OSError, InputError) as error:
    return getattr(error, "strerror", None) or str(error)
  return undecodable_reason(data)


def _describe(table: TrackletTable, tracklet: int, frame: int) -> str:
  """Frame and tracklet, for people."""
  return f"frame {table.frames.name(frame)} of tracklet {str(table.names[tracklet])!r}"
