"""Losses against the published code's outputs, and against loops over anchors."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import parameterized

from cosam_jax.training.losses import batch_hard_triplet, cross_entropy


def loop_triplet(features, labels, margin):
  total = 0.0
  for a in range(len(labels)):
    distances = [float(np.sqrt(max(((features[a] - f) ** 2).sum(), 1e-12))) for f in features]
    positive = max(d for d, label in zip(distances, labels) if label == labels[a])
    negative = min(d for d, label in zip(distances, labels) if label != labels[a])
    total += max(positive - negative + margin, 0.0)
  return total / len(labels)


def loop_cross_entropy(logits, labels, smoothing):
  total = 0.0
  for row, label in zip(np.asarray(logits, np.float64), labels):
    log_probabilities = row - np.log(np.exp(row).sum())
    target = np.full(len(row), smoothing / len(row))
    target[label] += 1 - smoothing
    total -= (target * log_probabilities).sum()
  return total / len(labels)


@pytest.mark.parametrize("case", [0, 1])
def test_losses_and_gradients_equal_the_published_code(golden, case):
  given = np.load(golden / f"losses_{case}.npz")
  labels = jnp.asarray(given["labels"], jnp.int32)
  entropy, to_logits = jax.value_and_grad(cross_entropy)(jnp.asarray(given["logits"]), labels)
  triplet, to_features = jax.value_and_grad(batch_hard_triplet)(
    jnp.asarray(given["features"]), labels
  )
  np.testing.assert_allclose(entropy, given["xent"], rtol=1e-5)
  np.testing.assert_allclose(triplet, given["triplet"], rtol=1e-5)
  chex.assert_trees_all_close(to_logits, jnp.asarray(given["grad_logits"]), atol=1e-6)
  chex.assert_trees_all_close(to_features, jnp.asarray(given["grad_features"]), atol=1e-5)


class LossVariants(chex.TestCase):
  @chex.variants(with_jit=True, without_jit=True)
  @parameterized.parameters((8, 2, 4, 0.3), (4, 4, 7, 0.0), (6, 3, 1, 2.0))
  def test_triplet_equals_a_loop_over_anchors(self, clips, identities, size, margin):
    rng = np.random.default_rng(clips)
    features = rng.standard_normal((clips, size)).astype(np.float32)
    labels = np.arange(clips) % identities
    loss = self.variant(batch_hard_triplet, static_argnums=2)(features, labels, margin)
    np.testing.assert_allclose(loss, loop_triplet(features, labels, margin), rtol=1e-4)

  @chex.variants(with_jit=True, without_jit=True)
  @parameterized.parameters(0.0, 0.1, 1.0)
  def test_cross_entropy_equals_a_loop_over_clips(self, smoothing):
    rng = np.random.default_rng(0)
    logits = 3 * rng.standard_normal((5, 9)).astype(np.float32)
    labels = rng.integers(9, size=5)
    loss = self.variant(cross_entropy, static_argnums=2)(logits, labels, smoothing)
    np.testing.assert_allclose(loss, loop_cross_entropy(logits, labels, smoothing), rtol=1e-5)


def test_identical_features_have_finite_gradients():
  gradient = jax.grad(batch_hard_triplet)(jnp.ones((4, 3)), jnp.array([0, 0, 1, 1]))
  assert np.isfinite(gradient).all()
