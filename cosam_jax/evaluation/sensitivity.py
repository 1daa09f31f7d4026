"""The effect of choices after the network: distance, pooling of clips, number of frames.

Everything is computed from saved embeddings. The first N frames of a tracklet are its first N / T
clips, so N is a multiple of the clip length T. "Normalised" means that each clip's vector is scaled
to length 1 before the mean.

Notation: `n` tracklets, `m` clips, `D` embedding size, `T` frames in a clip.
"""

import dataclasses
import itertools
import sys
from collections.abc import Sequence

import jax
import numpy as np
import tqdm

from cosam_jax.errors import InputError
from cosam_jax.evaluation import distances
from cosam_jax.evaluation.cards import Result
from cosam_jax.evaluation.embeddings import Embeddings
from cosam_jax.evaluation.protocol import Settings, evaluate_tables

POOLINGS = ("mean", "normalised")
CLIP_COUNTS = (1, 4, 16)
"""Numbers of first clips that are tried by default."""
CLIPS_AT_A_TIME = 4096


def pool_clips(embeddings: Embeddings, pooling: str, first_frames: int | None = None) -> np.ndarray:
  """One vector for each tracklet from those of its clips.

  Args:
    embeddings: with clip vectors.
    pooling: one of `POOLINGS`.
    first_frames: N, a multiple of the clip length; None: all.

  Returns:
    float32[n, D].

  Raises:
    InputError: the embeddings have no clips, or do not allow this N.
  """
  owners, clips = embeddings.clip_owners, embeddings.clip_vectors
  if not len(owners):
    raise InputError("the embeddings have no clip vectors: make them with --mode=embed")
  starts = np.searchsorted(owners, np.arange(len(embeddings.vectors)))
  taken = np.ones(len(owners), bool)
  if first_frames is not None:
    number = np.arange(len(owners)) - starts[owners]  # The clip's number in its tracklet.
    taken = number < check_first_frames(embeddings, first_frames)
  sums = np.zeros((len(embeddings.vectors), clips.shape[1]))
  for start in range(0, len(owners), CLIPS_AT_A_TIME):
    part = np.flatnonzero(taken[start : start + CLIPS_AT_A_TIME]) + start
    vectors = clips[part]
    if pooling == "normalised":
      vectors = np.asarray(jax.device_get(distances.unit(vectors)))
    np.add.at(sums, owners[part], vectors)
  counts = np.bincount(owners[taken], minlength=len(sums))
  return (sums / counts[:, None]).astype(np.float32)


def check_first_frames(embeddings: Embeddings, first_frames: int) -> int:
  """The number of clips that hold the first N frames.

  Raises:
    InputError: N is not a multiple of the clip length, or not all frames were embedded.
  """
  length = embeddings.origin.num_frames
  if embeddings.evaluation().frames_per_tracklet is not None:
    raise InputError(
      f"the embeddings are of {embeddings.origin.protocol}, so a tracklet's first frames are not "
      "in them: embed all frames, or leave --first_frames out"
    )
  if length is None or first_frames < 1 or first_frames % length:
    raise InputError(
      f"--first_frames is {first_frames}: the clips hold {length} frames each, so it must be a "
      "multiple of that"
    )
  return first_frames // length


def default_first_frames(embeddings: Embeddings) -> list[int]:
  """Some numbers of frames that are less than the longest tracklet's; may be empty."""
  length = embeddings.origin.num_frames
  if length is None or embeddings.evaluation().frames_per_tracklet is not None:
    return []
  return [length * count for count in CLIP_COUNTS if length * count < embeddings.lengths.max()]


def sensitivity(embeddings: Embeddings, first_frames: Sequence[int] | None = None) -> list[Result]:
  """A result for every combination of frames, pooling and distance; all frames come first.

  Args:
    embeddings: with clip vectors, queries and a gallery.
    first_frames: numbers of frames to try besides all; None: see `default_first_frames`.
  """
  evaluation, origin = embeddings.evaluation(), embeddings.origin
  tried = default_first_frames(embeddings) if first_frames is None else first_frames
  lengths = embeddings.lengths.astype(np.int64)
  results = []
  choices = list(itertools.product((None, *dict.fromkeys(tried)), POOLINGS))
  for count, pooling in tqdm.tqdm(choices, desc="choices", disable=not sys.stderr.isatty()):
    vectors = pool_clips(embeddings, pooling, count)
    for distance in distances.DISTANCES:
      settings = Settings(protocol=origin.protocol, distance=distance)
      (result,) = evaluate_tables(vectors, evaluation, settings, **origin.of_card)
      card = dataclasses.replace(result.card, pooling=pooling)
      if count is not None:
        used = int(np.minimum(lengths, count).sum())
        card = dataclasses.replace(card, frames=f"first {count}", frames_used=used)
      label = f"{card.frames}, {pooling}, {distance}"
      results.append(dataclasses.replace(result, card=card, label=label))
  return results
