"""The objective of the poster (ICCV 2019): cross-entropy plus lambda times the triplet loss.

Notation: `B` clips of a batch, `D` embedding size.
"""

import jax
import jax.numpy as jnp


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


def batch_hard_triplet(features: jax.Array, labels: jax.Array, margin: float = 0.3) -> jax.Array:
  """max(D(a, hardest positive) - D(a, hardest negative) + margin, 0), mean over anchors.

  D is the Euclidean distance, the root of max(squared distance, 1e-12) (published code). The
  anchor itself counts among its positives, so an identity with one clip has distance 1e-6.

  Args:
    features: float[B, D].
    labels: int[B]; at least two identities, else there is no negative and the loss is zero.
    margin: the poster's m.

  Returns:
    float32 scalar.
  """
  features = features.astype(jnp.float32)
  squares = jnp.square(features).sum(1)
  # HIGHEST, since distances of near vectors cancel, and an accelerator's default would lose them.
  products = jnp.matmul(features, features.T, precision=jax.lax.Precision.HIGHEST)
  distance = jnp.sqrt(jnp.maximum(squares[:, None] + squares[None] - 2 * products, 1e-12))
  same = labels[:, None] == labels[None]
  hardest_positive = jnp.where(same, distance, -jnp.inf).max(1)
  hardest_negative = jnp.where(same, jnp.inf, distance).min(1)
  return jax.nn.relu(hardest_positive - hardest_negative + margin).mean()
