"""Losses against the published code's outputs, and against loops over anchors."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import parameterized

from cosam_jax.errors import InputError
from cosam_jax.training.losses import batch_hard_triplet, cross_entropy, mask_mean


def loop_triplet(features, labels, margin):
  total = 0.0
  for a in range(len(labels)):
    distances = [float(np.sqrt(max(((features[a] - f) ** 2).sum(), 1e-12))) for f in features]
    positive = max(d for d, label in zip(distances, labels) if label == labels[a])
    negative = min(d for d, label in zip(distances, labels) if label != labels[a])
    total += max(positive - negative + margin, 0.0)
  return total / len(labels)


def loop_cosine_triplet(features, labels, margin):
  """As in the code of AP3D: the distance is minus the cosine, and an anchor its own positive."""
  rows = [row / float((row**2).sum()) ** 0.5 for row in np.asarray(features, np.float64)]
  total = 0.0
  for a in range(len(labels)):
    distances = [-float((rows[a] * row).sum()) for row in rows]
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
  @parameterized.parameters((8, 2, 4, 0.3), (4, 4, 7, 0.0), (6, 3, 1, 2.0))
  def test_cosine_triplet_equals_a_loop_over_anchors(self, clips, identities, size, margin):
    rng = np.random.default_rng(clips)
    # Of many lengths, which must not matter.
    features = rng.standard_normal((clips, size)) * 10.0 ** rng.integers(-3, 4, (clips, 1))
    features, labels = features.astype(np.float32), np.arange(clips) % identities
    triplet = self.variant(batch_hard_triplet, static_argnums=(2, 3))
    loss = triplet(features, labels, margin, "cosine")
    np.testing.assert_allclose(
      loss, loop_cosine_triplet(features, labels, margin), rtol=1e-4, atol=1e-6
    )

  @chex.variants(with_jit=True, without_jit=True)
  @parameterized.parameters(0.0, 0.1, 1.0)
  def test_cross_entropy_equals_a_loop_over_clips(self, smoothing):
    rng = np.random.default_rng(0)
    logits = 3 * rng.standard_normal((5, 9)).astype(np.float32)
    labels = rng.integers(9, size=5)
    loss = self.variant(cross_entropy, static_argnums=2)(logits, labels, smoothing)
    np.testing.assert_allclose(loss, loop_cross_entropy(logits, labels, smoothing), rtol=1e-5)


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_identical_features_have_finite_gradients(distance, value):
  triplet = functools.partial(batch_hard_triplet, distance=distance)
  gradient = jax.grad(triplet)(jnp.full((4, 3), value), jnp.array([0, 0, 1, 1]))
  assert np.isfinite(gradient).all()


def test_the_gradient_of_the_cosine_is_pytorchs(torch):
  rng = np.random.default_rng(3)
  features, labels = rng.standard_normal((12, 5)).astype(np.float32), np.arange(12) % 4
  rows = torch.tensor(features, requires_grad=True)
  cosines = torch.nn.functional.cosine_similarity(rows[:, None], rows[None], dim=2)
  same = torch.tensor(labels[:, None] == labels[None])
  positive = torch.where(same, 1 - cosines, -9.0).max(1).values
  negative = torch.where(same, 9.0, 1 - cosines).min(1).values
  loss = torch.nn.functional.margin_ranking_loss(
    negative, positive, torch.ones(len(labels)), margin=0.4
  )
  loss.backward()
  found, gradient = jax.value_and_grad(batch_hard_triplet)(
    jnp.asarray(features), jnp.asarray(labels), 0.4, "cosine"
  )
  np.testing.assert_allclose(found, loss.item(), rtol=1e-5)
  np.testing.assert_allclose(gradient, rows.grad.numpy(), atol=1e-6)


def test_an_unknown_distance_is_refused():
  with pytest.raises(InputError, match=r"distance is 'cosin': use one of .*did you mean 'cosine'"):
    batch_hard_triplet(jnp.ones((2, 2)), jnp.array([0, 1]), distance="cosin")


def loop_mask_mean(masks, valid):
  of_stages = []
  for mask in masks.values():
    counted = []
    for b in range(len(mask)):
      for t in range(mask.shape[1]):
        counted += [float(value) for value in mask[b, t].flat] if valid[b, t] else []
    of_stages.append(sum(counted) / len(counted))
  return sum(of_stages) / len(of_stages)


@pytest.mark.parametrize("skip", [False, True])
def test_the_mean_of_masks_equals_a_loop_over_positions(skip):
  rng = np.random.default_rng(0)
  masks = {
    stage: rng.uniform(size=(2, 3, *grid)).astype(np.float32)
    for stage, grid in ((4, (4, 2)), (5, (2, 1)))
  }
  valid = np.array([[1, 1, 1], [1, 0, not skip]], bool)
  wanted = loop_mask_mean(masks, valid)
  np.testing.assert_allclose(jax.jit(mask_mean)(masks, valid), wanted, rtol=1e-5)
  every = np.ones((2, 3), bool)
  np.testing.assert_allclose(mask_mean(masks), loop_mask_mean(masks, every), rtol=1e-5)
  assert mask_mean(masks, np.zeros((2, 3), bool)) == 0


def test_a_network_without_masks_has_no_mean_of_them():
  with pytest.raises(InputError, match="the network has no spatial masks: use 0, or"):
    mask_mean({})
