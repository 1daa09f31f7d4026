"""The frames of each step, read and decoded by Pillow on threads, without TensorFlow."""

import collections
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from cosam_jax.data.augmentation import Preprocess, enlarged
from cosam_jax.data.batches import Batch
from cosam_jax.data.decoders import Decoder, UnreadFrames, steps_ahead
from cosam_jax.data.decoding import decoded, refusal
from cosam_jax.data.resizing import pixels_for_network
from cosam_jax.data.tracklets import FrameStore


def frames_of_steps(
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
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
  """The frames of steps first .. last - 1, in parallel and ahead of use; see `frame_batches`.

  Args:
    store, address, first, last, skip, share: see `stream.frame_batches`.
    preprocess: without augmentation, and not for bytes; frames are resized only.
    seed: not used, since nothing is random.
    threads: number of threads that work on frames; None: one for each core.

  Yields:
    (float32[B * T, H, W, 3], bool[B * T]). The flag of a frame that is zeros is false.

  Raises:
    UnreadFrames: a frame cannot be read or decoded, and `skip` is false.
  """
  if preprocess.augmentation is not None:
    raise ValueError("frames that Pillow reads are not augmented")
  if preprocess.pixels == "uint8":
    raise ValueError("frames that Pillow reads are floats")
  size = (int(preprocess.size[0]), int(preprocess.size[1]))

  def load(frame: int) -> np.ndarray | None:
    try:
      image = decoded(store.read(frame), at_least=enlarged(size))
    except (OSError, ValueError) as error:
      if skip:
        return None
      raise UnreadFrames(str(error)) from None
    return pixels_for_network(image, size, preprocess.resize_method, preprocess.pixels)

  frames_of_step = address(first).frames.size if last > first else 1
  most_ahead = steps_ahead(frames_of_step * size[0] * size[1] * 3 * 4)
  with ThreadPoolExecutor(threads or os.cpu_count() or 1, "frames") as pool:
    ahead: collections.deque[tuple[np.ndarray, dict[int, Future]]] = collections.deque()

    def begin(step: int) -> None:
      if step < last:
        frames = address(step).frames.reshape(-1)
        # A clip that is filled up repeats frames; each is decoded once.
        wanted = {frame: pool.submit(load, frame) for frame in dict.fromkeys(frames.tolist())
                  if frame >= 0}  # fmt: skip
        ahead.append((frames, wanted))

    try:
      for step in range(first, min(last, first + most_ahead)):
        begin(step)
      for step in range(first, last):
        frames, wanted = ahead.popleft()
        begin(step + most_ahead)
        images = np.zeros((len(frames), *size, 3), np.float32)
        valid = np.zeros(len(frames), bool)
        for place, frame in enumerate(frames.tolist()):
          if frame >= 0 and (found := wanted[frame].result()) is not None:
            images[place], valid[place] = found, True
        yield images, valid
    finally:
      pool.shutdown(wait=False, cancel_futures=True)


BY_PILLOW = Decoder(frames_of_steps, refusal)
"""Reads people's own files; see `decoding`."""
