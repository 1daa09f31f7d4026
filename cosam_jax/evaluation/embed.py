"""Passes all clips of every tracklet through the network; makes one vector for each tracklet.

Notation: `B` clips in a batch, `T` frames in a clip, `n` tracklets, `D` embedding size.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import chex
import jax
import numpy as np
import tqdm

from cosam_jax.errors import InputError


class ClipBatch(Protocol):
  """The parts of a batch that `embed_tracklets` reads; every batch has the same shapes."""

  @property
  def clips(self) -> np.ndarray:
    """float32[B, T, H, W, 3]."""
    ...

  @property
  def valid(self) -> np.ndarray:
    """bool[B, T], false for frames that are padding or could not be read."""
    ...

  @property
  def tracklets(self) -> np.ndarray:
    """int32[B], the tracklet of each clip; -1 marks clips that only fill the batch."""
    ...


def embed_tracklets(
  forward: Callable[[chex.Array, chex.Array], chex.Array],
  batches: Iterable[ClipBatch],
  num_tracklets: int,
  *,
  names: Sequence[str] | np.ndarray | None = None,
  keep: Callable[[np.ndarray, np.ndarray], None] | None = None,
  num_clips: int | None = None,
  progress: bool | None = None,
) -> np.ndarray:
  """The mean of each tracklet's clip vectors, not normalised, as in the published code.

  Clips of one tracklet may come in any batches. Their vectors are added in the order in which they
  come, in double precision, so that the packing of batches does not affect the result. While the
  device works on a batch, the host makes the next one.

  Args:
    forward: a jitted (clips float32[B, T, H, W, 3], valid bool[B, T]) -> float[B, D].
    batches: see `ClipBatch`. A clip without a valid frame does not count.
    num_tracklets: n.
    names: tracklet names, for messages.
    keep: called with (tracklets int32[b], vectors float64[b, D]) of the clips that count, as they
      come.
    num_clips: the number of clips to come, for the time left.
    progress: whether to show a progress bar; None: if standard error is a terminal.

  Returns:
    float32[n, D].

  Raises:
    InputError: a vector holds NaN or infinity, or a tracklet has no valid frame; the error names
      the tracklet.
  """
  sums: np.ndarray | None = None
  counts = np.zeros(num_tracklets, np.int64)
  pending: tuple[jax.Array, np.ndarray, np.ndarray] | None = None
  hidden = not (sys.stderr.isatty() if progress is None else progress)

  with tqdm.tqdm(total=num_clips, desc="embed", unit="clip", disable=hidden) as bar:

    def collect(features: jax.Array, tracklets: np.ndarray, counted: np.ndarray) -> None:
      nonlocal sums
      vectors = np.asarray(features, np.float64)[counted]
      owners = tracklets[counted]
      if sums is None:
        sums = np.zeros((num_tracklets, features.shape[1]), np.float64)
      finite = np.isfinite(vectors).all(axis=1)
      if not finite.all():
        raise InputError(
          f"A clip of tracklet {_name(owners[np.argmin(finite)], names)} gave a vector with NaN or "
          "infinity; look at its frames and at the weights of the network."
        )
      np.add.at(sums, owners, vectors)
      np.add.at(counts, owners, 1)
      if keep is not None:
        keep(owners, vectors)
      bar.update(int((tracklets >= 0).sum()))

    for batch in batches:
      tracklets, valid = np.asarray(batch.tracklets), np.asarray(batch.valid)
      if tracklets.size and tracklets.max() >= num_tracklets:
        raise ValueError(f"a clip of tracklet {tracklets.max()} among {num_tracklets} tracklets")
      features = forward(batch.clips, batch.valid)  # Returns at once, while the device works.
      if pending is not None:
        collect(*pending)
      pending = features, tracklets, (tracklets >= 0) & valid.any(axis=1)
    if pending is not None:
      collect(*pending)

  missing = np.flatnonzero(counts == 0)
  if len(missing) or sums is None:
    first = _name(missing[0], names) if len(missing) else "?"
    raise InputError(
      f"Tracklet {first} has no readable frame ({len(missing)} such tracklets), so it has no "
      "vector; repair its files or leave it out of the data set."
    )
  return (sums / counts[:, None]).astype(np.float32)


def _name(tracklet: int, names: Sequence[str] | np.ndarray | None) -> str:
  return str(tracklet) if names is None else repr(str(names[tracklet]))
