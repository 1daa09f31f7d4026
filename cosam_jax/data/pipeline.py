"""Plan -> tf.data graph -> numpy batches: read, decode and transform in parallel, ahead of use.

Only the frames that a clip uses are read. Batches do not depend on the number of threads, nor on
whether the bytes come from files or from packed records.

Notation: B clips in a batch, T frames in a clip, H, W the image size.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from cosam_jax.data.augmentation import PUBLISHED, Augmentation, Preprocess
from cosam_jax.data.batch_reader import Batches
from cosam_jax.data.batches import Batch, BatchPlan, EvaluationPlan
from cosam_jax.data.clips import check_choice
from cosam_jax.data.decoders import Decoder
from cosam_jax.data.stream import BY_TENSORFLOW
from cosam_jax.data.tracklets import TrackletTable

ON_UNREADABLE = ("error", "skip")


@dataclasses.dataclass(frozen=True, eq=False)
class TrainBatch:
  """A batch to learn from.

  Attributes:
    clips: float32[B, T, H, W, 3], RGB, ImageNet-normalised; or uint8, grey levels.
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
    clips: float32[B, T, H, W, 3] or uint8, as in `TrainBatch`.
    valid: bool[B, T], false for frames that could not be read and in filling clips.
    tracklets: int32[B], row of the clip's tracklet in the table; -1 in filling clips, which come
      in the last batch only.
  """

  clips: np.ndarray
  valid: np.ndarray
  tracklets: np.ndarray


def training_batches(
  plan: BatchPlan,
  *,
  image_size: tuple[int, int],
  augmentation: Augmentation | None = PUBLISHED,
  resize_method: str = "bilinear",
  pixels: str = "float32",
  first_step: int = 0,
  last_step: int | None = None,
  on_unreadable: str = "error",
  retry_seconds: float = 0.0,
  threads: int | None = None,
  share: tuple[int, int] = (0, 1),
) -> Batches[TrainBatch]:
  """Batches `first_step` .. `last_step - 1` of a plan.

  Batch n is the same whatever the first step, so a run resumes without any iterator state.

  Args:
    plan: which frames make batch n.
    image_size: (H, W).
    augmentation: how frames are altered at random; None: they are resized only.
    resize_method: see `transforms.resize`.
    pixels: see `augmentation.Preprocess`.
    first_step: at least 0.
    last_step: None means without end.
    on_unreadable: `error` stops; `skip` leaves the frame zero and invalid, counts and logs it.
    retry_seconds: how long to wait for a data directory that is out of reach; with 0 it is an error
      at once.
    threads: number of threads that work on frames; None leaves it to tf.data.
    share: (i, n) gives the i-th of n equal runs of each batch's clips and reads no other frames.

  Raises:
    InputError: an unknown choice; while iterating, a frame that cannot be read or decoded, with
      its tracklet, file and reason.
  """
  check_choice("on_unreadable", on_unreadable, ON_UNREADABLE)

  def finish(batch: Batch, images: np.ndarray, valid: np.ndarray) -> TrainBatch:
    return TrainBatch(images, batch.labels, valid)

  return Batches(
    plan.table,
    plan.batch,
    finish,
    Preprocess(image_size, augmentation, resize_method, pixels),
    first=first_step,
    last=last_step,
    seed=plan.seed,
    skip=on_unreadable == "skip",
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
  resize_method: str = "bilinear",
  pixels: str = "float32",
  on_unreadable: str = "error",
  retry_seconds: float = 0.0,
  frames_per_tracklet: int | None = None,
  threads: int | None = None,
  decoder: Decoder = BY_TENSORFLOW,
) -> Batches[EvalBatch]:
  """The clips that cover every tracklet, packed into batches of one size.

  `batches.EvaluationPlan` with the same numbers gives the number of clips and batches. With
  `on_unreadable="skip"`, a tracklet without a readable frame still has its clips, with `valid`
  false throughout; the caller decides what that means.

  Args:
    table: the tracklets.
    num_frames: T.
    batch_clips: B.
    image_size: (H, W).
    resize_method, pixels, on_unreadable, retry_seconds: see `training_batches`.
    frames_per_tracklet: number of evenly spread frames of a tracklet to use; None uses all.
    threads: number of threads that work on frames; None leaves it to the decoder.
    decoder: reads the frames.

  Raises:
    InputError: as `training_batches`.
  """
  check_choice("on_unreadable", on_unreadable, ON_UNREADABLE)
  plan = EvaluationPlan(table, num_frames, batch_clips, frames_per_tracklet)

  def finish(batch: Batch, images: np.ndarray, valid: np.ndarray) -> EvalBatch:
    return EvalBatch(images, valid, batch.tracklets)

  return Batches(
    table,
    plan.batch,
    finish,
    Preprocess(image_size, None, resize_method, pixels),
    first=0,
    last=plan.num_batches,
    seed=0,
    skip=on_unreadable == "skip",
    retry_seconds=retry_seconds,
    threads=threads,
    share=(0, 1),
    decoder=decoder,
  )
