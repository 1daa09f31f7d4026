"""Tables and plans -> batches of normalised clips, read and decoded ahead by tf.data.

Only the frames that a clip uses are read. Every batch is addressed by its number, so any of them
can be made again, by any number of threads, from a directory or from a prepared set, bit for bit.

Notation: `B` clips, `T` frames, `H W` image.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import tensorflow as tf

from cosam_jax.data import transforms
from cosam_jax.data.batches import BatchPlan
from cosam_jax.data.clips import dense_clips, evenly
from cosam_jax.data.tracklets import TrackletTable
from cosam_jax.data.transforms import Augmentation
from cosam_jax.errors import InputError

_PREFETCHED_BATCHES = 2
BatchType = TypeVar("BatchType")


class TrainBatch(NamedTuple):
  """clips float32[B, T, H, W, 3], labels int32[B], valid bool[B, T]."""

  clips: np.ndarray
  labels: np.ndarray
  valid: np.ndarray


class EvalBatch(NamedTuple):
  """clips float32[B, T, H, W, 3], valid bool[B, T], tracklets int32[B]; -1 marks padding clips."""

  clips: np.ndarray
  valid: np.ndarray
  tracklets: np.ndarray


class Batches(Generic[BatchType]):
  """An iterable of batches that counts what it could not read.

  Attributes:
    skipped: frames that did not decode so far (only with `on_unreadable="skip"`).
  """

  def __init__(
    self,
    table: TrackletTable,
    first: int,
    last: int,
    frames_of: Callable[[int], tuple[np.ndarray, Augmentation]],
    finish: Callable[[int, np.ndarray, np.ndarray], BatchType],
    image_size: tuple[int, int],
    on_unreadable: str,
    threads: int | None,
  ):
    self.skipped = 0
    self._named: set[str] = set()
    self._table, self._first, self._last = table, first, last
    self._frames_of, self._finish, self._size = frames_of, finish, image_size
    self._skip, self._threads = on_unreadable == "skip", threads

  def __len__(self) -> int:
    return self._last - self._first

  def __iter__(self) -> Iterator[BatchType]:
    if not len(self):
      return
    frames_per_clip = self._frames_of(self._first)[0].shape[1]
    iterator = self._dataset().as_numpy_iterator()
    for number in range(self._first, self._last):
      try:
        frames, readable = next(iterator)
      except (tf.errors.OpError, OSError) as error:
        raise self._culprit(number, error) from error
      clips = frames.reshape(-1, frames_per_clip, *self._size, 3)
      valid = readable.reshape(-1, frames_per_clip)
      if not readable.all():
        self._count(number, valid)
      yield self._finish(number, clips, valid)

  def _dataset(self) -> tf.data.Dataset:
    """Batches of (float32[B*T, H, W, 3], bool[B*T])."""
    store, size = self._table.frames, self._size
    path_of = getattr(store, "path", None)

    def plan(number: np.ndarray) -> tuple[np.ndarray, ...]:
      frames, augmentation = self._frames_of(int(number))
      flat = frames.reshape(-1)
      paths = [path_of(int(frame)) if path_of else "" for frame in flat]
      return flat.astype(np.int64), np.array(paths, object), *augmentation

    def planned(number: tf.Tensor) -> tuple[tf.Tensor, ...]:
      kinds = (tf.int64, tf.string, tf.bool, tf.int32, tf.int32, tf.bool)
      outputs = tf.numpy_function(plan, [number], kinds, stateful=False)
      return tuple(tf.ensure_shape(output, [None]) for output in outputs)

    def encoded(frame: tf.Tensor, path: tf.Tensor) -> tf.Tensor:
      if path_of:
        return tf.io.read_file(path)
      content = tf.numpy_function(lambda i: store.read(int(i)), [frame], tf.string, stateful=False)
      return tf.ensure_shape(content, [])

    def decoded_or_nothing(frame: np.ndarray) -> tuple[np.ndarray, bool]:
      try:
        return transforms.decode(store.read(int(frame))).numpy(), True
      except (OSError, tf.errors.OpError, InputError):
        return np.zeros((1, 1, 3), np.uint8), False

    def load(
      frame: tf.Tensor, path: tf.Tensor, *augmentation: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
      if self._skip:
        image, readable = tf.numpy_function(
          decoded_or_nothing, [frame], (tf.uint8, tf.bool), stateful=False
        )
        image = tf.ensure_shape(image, [None, None, 3])
        readable = tf.ensure_shape(readable, [])
      else:
        image, readable = transforms.decode(encoded(frame, path)), tf.constant(True)
      image = transforms.augment(image, Augmentation(*augmentation), size)
      # An unreadable frame is zero after normalisation too, whatever the augmentation made of it.
      return transforms.normalise(image) * tf.cast(readable, tf.float32), readable

    count = self._frames_of(self._first)[0].size
    dataset = tf.data.Dataset.range(self._first, self._last).map(planned).unbatch()
    dataset = dataset.map(load, num_parallel_calls=self._threads or tf.data.AUTOTUNE)
    options = tf.data.Options()
    options.deterministic = True
    if self._threads:
      options.threading.private_threadpool_size = self._threads
    dataset = dataset.batch(count, drop_remainder=True).with_options(options)
    return dataset.prefetch(_PREFETCHED_BATCHES)

  def _tracklet_name(self, frame: int) -> str:
    starts, table = self._table.starts, self._table
    inside = (starts <= frame) & (frame < starts + table.lengths)
    return str(table.names[np.argmax(inside)])

  def _culprit(self, number: int, error: Exception) -> InputError:
    """Reads a failed batch's frames one by one, to say which of them it was."""
    store = self._table.frames
    for frame in np.unique(self._frames_of(number)[0]):
      reason = None
      try:
        transforms.decode(store.read(int(frame)))
      except InputError as own:
        return own
      except OSError as problem:
        reason = problem.strerror or str(problem)
      except tf.errors.OpError:
        reason = "not a complete JPEG or PNG image"
      if reason:
        return InputError(
          f"frame {store.name(int(frame))} of tracklet {self._tracklet_name(int(frame))!r} cannot "
          f"be read ({reason}): replace the file, or set data.on_unreadable to skip"
        )
    return InputError(f"batch {number} could not be read ({error}); every frame of it can be read "
                      "now: run the same command again")  # fmt: skip

  def _count(self, number: int, valid: np.ndarray) -> None:
    bad = self._frames_of(number)[0][~valid]
    self.skipped += len(bad)
    for frame in np.unique(bad):
      name = self._table.frames.name(int(frame))
      if name not in self._named:
        self._named.add(name)
        logging.warning("skipped an unreadable frame: %s", name)


def training_batches(
  plan: BatchPlan,
  *,
  image_size: tuple[int, int],
  augment_per: str = "frame",
  first_step: int = 0,
  last_step: int,
  on_unreadable: str = "error",
  threads: int | None = None,
) -> Batches[TrainBatch]:
  """The augmented batches of the steps first_step .. last_step-1.

  Args:
    plan: which frames.
    image_size: H and W in pixels.
    augment_per: see `transforms.draw_augmentation`.
    first_step, last_step: which steps; a batch does not depend on where the run began.
    on_unreadable: `error`, or `skip`: the frame is zero, marked invalid and counted.
    threads: of decoding; None lets tf.data choose. The batches do not depend on it.

  Raises (while iterating):
    InputError: a frame cannot be read; it names tracklet, file and reason.
  """

  def frames_of(step: int) -> tuple[np.ndarray, Augmentation]:
    frames = plan.batch(step).frames
    clips, num_frames = frames.shape
    return frames, transforms.draw_augmentation(
      plan.seed, step, clips, num_frames, image_size, augment_per
    )

  def finish(step: int, clips: np.ndarray, valid: np.ndarray) -> TrainBatch:
    return TrainBatch(clips, plan.batch(step).labels, valid)

  return Batches(
    plan.table, first_step, last_step, frames_of, finish, image_size, on_unreadable, threads
  )


def evaluation_batches(
  table: TrackletTable,
  *,
  num_frames: int,
  batch_clips: int,
  image_size: tuple[int, int],
  on_unreadable: str = "error",
  frames_per_tracklet: int | None = None,
  threads: int | None = None,
) -> Batches[EvalBatch]:
  """All frames of every tracklet, the clips of consecutive tracklets packed into full batches.

  Only the last batch is padded, so there is one shape to compile for and little wasted work.

  Args:
    table: tracklets.
    num_frames, batch_clips: T and B.
    image_size: H and W in pixels.
    on_unreadable: as for `training_batches`; a clip may then have no valid frame.
    frames_per_tracklet: use that many evenly drawn frames of each tracklet; None: all.
    threads: of decoding.

  Raises (while iterating):
    InputError: a frame cannot be read; it names tracklet, file and reason.
  """
  clips, owners = packed_clips(table, num_frames, batch_clips, frames_per_tracklet)

  def rows(number: int) -> slice:
    return slice(number * batch_clips, (number + 1) * batch_clips)

  def frames_of(number: int) -> tuple[np.ndarray, Augmentation]:
    frames = clips[rows(number)]
    return frames, transforms.no_augmentation(frames.size)

  def finish(number: int, images: np.ndarray, valid: np.ndarray) -> EvalBatch:
    tracklets = owners[rows(number)]
    return EvalBatch(images, valid & (tracklets >= 0)[:, None], tracklets)

  last = len(clips) // batch_clips
  return Batches(table, 0, last, frames_of, finish, image_size, on_unreadable, threads)


def packed_clips(
  table: TrackletTable, num_frames: int, batch_clips: int, frames_per_tracklet: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
  """The clips of a whole table in order, padded to whole batches.

  Returns:
    int64[clips, T] frame ids, and int32[clips] rows of the table; padding repeats the last clip
    and has row -1.
  """
  clips, owners = [], []
  for row, (start, length) in enumerate(zip(table.starts, table.lengths)):
    chosen = np.arange(length) if frames_per_tracklet is None else evenly(
      int(length), frames_per_tracklet
    )  # fmt: skip
    clips.append(start + chosen[dense_clips(len(chosen), num_frames)])
    owners.append(np.full(len(clips[-1]), row, np.int32))
  frames, rows = np.concatenate(clips), np.concatenate(owners)
  padding = -len(frames) % batch_clips
  return (
    np.concatenate([frames, np.repeat(frames[-1:], padding, axis=0)]),
    np.concatenate([rows, np.full(padding, -1, np.int32)]),
  )
