"""The tf.data graph under the pipeline: steps -> frames -> images, in parallel, in order."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cosam_jax.data.augmentation import Address, Preprocess
from cosam_jax.data.batches import Batch
from cosam_jax.data.decoders import INPUT_BYTES, Decoder, UnreadFrames, steps_ahead
from cosam_jax.data.host_tensorflow import tf
from cosam_jax.data.tracklets import FilePaths, FrameStore, JoinedFrames
from cosam_jax.data.transforms import undecodable_reason


def frame_batches(
  store: FrameStore,
  address: Callable[[int], Batch],
  preprocess: Preprocess,
  *,
  first: int,
  last: int,
  seed: int,
  skip: bool,
  threads: int | None,
  share: int = 0,
) -> tf.data.Dataset:
  """The frames of each step, read, decoded and transformed in parallel and ahead of use.

  Args:
    store: holds the frames; files are read by TensorFlow, other stores through `read`.
    address: step -> its batch; frames below 0 become zeros.
    preprocess: bytes -> image.
    first, last: steps first .. last - 1.
    seed: of the augmentation.
    skip: whether a frame that cannot be read becomes zeros instead of an error.
    threads: number of threads that work on frames; None leaves it to tf.data.
    share: number of the equal share of a whole batch that `address` returns; a frame's random
      numbers depend on its place in the whole batch.

  Returns:
    Dataset of (float32 or uint8 [B * T, H, W, 3], bool[B * T]), one element a step, the same
    whatever the number of threads. The flag of a frame that is zeros is false.
  """
  path = _paths(store)
  height, width = preprocess.size
  transformed = _traced(preprocess, seed)

  def plan(step: int) -> tuple[np.ndarray, ...]:
    """Frames, paths ("" if there are none), places in the batch and its clips, all [B * T]."""
    frames = address(int(step)).frames
    index = share * frames.size + np.arange(frames.size)
    flat = frames.reshape(-1)
    names = [path(frame) if path and frame >= 0 else b"" for frame in flat.tolist()]
    return flat, np.array(names, np.object_), index, index // frames.shape[1]

  def addresses(step: tf.Tensor) -> tuple[tf.Tensor, ...]:
    types = (tf.int64, tf.string, tf.int64, tf.int64)
    parts = tf.numpy_function(plan, [step], types, stateful=False)
    parts = [tf.ensure_shape(part, [None]) for part in parts]
    return (*parts, tf.fill(tf.shape(parts[0]), step))

  def read(frame: tf.Tensor, name: tf.Tensor) -> tf.Tensor:
    if path:
      return tf.io.read_file(name)
    return tf.numpy_function(lambda i: store.read(int(i)), [frame], tf.string, stateful=False)

  def load(frame: tf.Tensor, name: tf.Tensor, index: tf.Tensor, clip: tf.Tensor, step: tf.Tensor):
    return transformed(tf.ensure_shape(read(frame, name), []), step, clip, index), True

  def nothing() -> tuple[tf.Tensor, bool]:
    return tf.zeros([height, width, 3], preprocess.dtype), False

  def load_or_fill(frame: tf.Tensor, *others: tf.Tensor):
    return tf.cond(frame < 0, nothing, lambda: load(frame, *others))

  def load_or_skip(*frame: tf.Tensor) -> tf.data.Dataset:
    one = tf.data.Dataset.from_tensors(frame).map(load_or_fill).ignore_errors(log_warning=False)
    return one.concatenate(tf.data.Dataset.from_tensors(nothing())).take(1)

  parallel = threads or tf.data.AUTOTUNE
  frames = tf.data.Dataset.range(first, last).map(addresses).unbatch()
  if skip:
    # One element from each inner set, so interleaving keeps the order.
    frames = frames.interleave(
      load_or_skip,
      cycle_length=threads or os.cpu_count() or 1,
      num_parallel_calls=parallel,
      deterministic=True,
    )
  else:
    frames = frames.map(load_or_fill, num_parallel_calls=parallel, deterministic=True)
  size = address(first).frames.size if last > first else 1
  options = tf.data.Options()
  options.deterministic = True
  options.autotune.enabled = True
  if threads:
    options.threading.private_threadpool_size = threads
  batch_bytes = size * height * width * 3 * preprocess.dtype.itemsize
  ahead = steps_ahead(batch_bytes)
  options.autotune.ram_budget = INPUT_BYTES
  return frames.batch(size, drop_remainder=True).prefetch(ahead).with_options(options)


@functools.lru_cache(maxsize=16)
def _traced(preprocess: Preprocess, seed: int) -> Callable[..., tf.Tensor]:
  """(bytes, step, clip, frame) -> pixels, as a graph that all readings of one kind share.

  To trace it takes up to a second, each time that frames are read: query, gallery, each validation.
  """
  number = tf.TensorSpec([], tf.int64)

  def transformed(data: tf.Tensor, step: tf.Tensor, clip: tf.Tensor, frame: tf.Tensor) -> tf.Tensor:
    return preprocess(data, Address(seed, step, clip, frame))

  given = [tf.TensorSpec([], tf.string), number, number, number]
  return tf.function(transformed, input_signature=given).get_concrete_function()


def frames_of_steps(
  store: FrameStore, address: Callable[[int], Batch], preprocess: Preprocess, **options: Any
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
  """The elements of `frame_batches` with the same arguments, as numpy arrays.

  Raises:
    UnreadFrames: TensorFlow could not read or decode a frame.
  """
  try:
    yield from frame_batches(store, address, preprocess, **options).as_numpy_iterator()
  except tf.errors.OpError as error:
    # The traceback would keep TensorFlow's iterator alive.
    raise UnreadFrames(error.message) from error.with_traceback(None)


BY_TENSORFLOW = Decoder(frames_of_steps, undecodable_reason)
"""Reads the frames of trainings and evaluations; see `transforms`."""


def _paths(store: FrameStore) -> Callable[[int], bytes] | None:
  """Frame -> path if all frames are files, which TensorFlow then reads without Python."""
  if isinstance(store, FilePaths):
    files = store

    def path(frame: int) -> bytes:
      try:
        return os.fsencode(files.path_to_read(frame))
      except OSError:
        return b""  # Reading fails then, for this one frame.

    return path
  if isinstance(store, JoinedFrames):
    inner = [_paths(one) for one in store.stores]
    ends = store.offsets[1:]
    if all(inner):

      def joined(frame: int) -> bytes:
        i = int(np.searchsorted(ends, frame, side="right"))
        return inner[i](frame - int(ends[i]) + len(store.stores[i]))  # type: ignore[misc]

      return joined
  return None
