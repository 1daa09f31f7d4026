"""The objective of the poster (ICCV 2019): cross-entropy plus lambda times the triplet loss.

The mean of COSAM's masks, which the objective may have as well, is ours.

Notation: `B` clips of a batch, `T` frames, `h w` grid, `D` embedding size.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from cosam_jax.errors import InputError, suggestion


def cross_entropy(logits: jax.Array, labels: jax.Array, label_smoothing: float = 0.1) -> jax.Array:
  """Cross-entropy against smoothed labels, mean over the batch (poster: L_CE).

  Args:
    logits: float[B, classes].
    labels: int[B], 0..classes-1.
    label_smoothing: share of the target spread evenly over all classes (published code: 0.1).

  Returns:
    float32 scalar.
  """
  log_probabilities = jax.nn.log_softmax(logits.astype(jnp.float32))
  right = jnp.take_along_axis(log_probabilities, labels[:, None], axis=1)[:, 0]
  spread = log_probabilities.mean(axis=1)
  return -((1 - label_smoothing) * right + label_smoothing * spread).mean()


def batch_hard_triplet(
  features: jax.Array, labels: jax.Array, margin: float = 0.3, distance: str = "euclidean"
) -> jax.Array:
  """max(D(a, hardest positive) - D(a, hardest negative) + margin, 0), mean over anchors.

  D is one of two distances. `"euclidean"`, in the published code: the root of max(squared distance,
  1e-12). `"cosine"`, in the code of AP3D, TCLNet and SINet: 1 - cosine, from 0 to 2; theirs lacks
  the 1, which cancels in the difference. The anchor itself counts among its positives, so an
  identity with one clip has distance 1e-6, or 0.

  Args:
    features: float[B, D]; for the cosine of any length, and a vector of zeros stays one.
    labels: int[B]; at least two identities, else there is no negative and the loss is zero.
    margin: the poster's m.
    distance: `"euclidean"` or `"cosine"`.

  Returns:
    float32 scalar.

  Raises:
    InputError: there is no such distance.
  """
  if distance not in _DISTANCES:
    raise InputError(
      f"distance is {distance!r}: use one of {', '.join(_DISTANCES)}"
      f"{suggestion(distance, _DISTANCES)}"
    )
  between = _DISTANCES[distance](features.astype(jnp.float32))
  same = labels[:, None] == labels[None]
  hardest_positive = jnp.where(same, between, -jnp.inf).max(1)
  hardest_negative = jnp.where(same, jnp.inf, between).min(1)
  return jax.nn.relu(hardest_positive - hardest_negative + margin).mean()


def mask_mean(masks: Mapping[int, jax.Array], valid: jax.Array | None = None) -> jax.Array:
  """Mean of spatial masks: over positions and valid frames of each stage, then over stages.

  Args:
    masks: stage -> float[B, T, h, w], in 0..1; at least one stage.
    valid: bool[B, T]; frames marked False do not count. None: all are valid.

  Returns:
    float32 scalar in 0..1; zero if no frame is valid.

  Raises:
    InputError: there are no masks.
  """
  if not masks:
    raise InputError(
      "mask_sparsity is greater than 0, but the network has no spatial masks: use 0, or a network "
      "with COSAM"
    )
  means = []
  for mask in masks.values():
    by_frame = mask.astype(jnp.float32).mean((2, 3))
    weight = jnp.ones_like(by_frame) if valid is None else valid.astype(jnp.float32)
    means.append((by_frame * weight).sum() / jnp.maximum(weight.sum(), 1))
  return jnp.stack(means).mean()


def _euclidean(features: jax.Array) -> jax.Array:
  """float32[B, B]."""
  squares, products = jnp.square(features).sum(1), _products(features)
  return jnp.sqrt(jnp.maximum(squares[:, None] + squares[None] - 2 * products, _LEAST_SQUARE))


def _one_less_cosine(features: jax.Array) -> jax.Array:
  """float32[B, B]."""
  squares = jnp.square(features).sum(1, keepdims=True)
  # The root's gradient is not finite at 0.
  return 1 - _products(features / jnp.sqrt(jnp.maximum(squares, _LEAST_SQUARE**2)))


def _products(features: jax.Array) -> jax.Array:
  # HIGHEST, since distances of near vectors cancel, and an accelerator's default would lose them.
  return jnp.matmul(features, features.T, precision=jax.lax.Precision.HIGHEST)


_LEAST_SQUARE = 1e-12
_DISTANCES = {"euclidean": _euclidean, "cosine": _one_less_cosine}
