"""The objective: its parts, and the mean of the masks if it has a weight."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cosam_jax.models import CosamMasks, Outputs
from cosam_jax.training.losses import batch_hard_triplet, cross_entropy
from cosam_jax.training.objective import (
  Judged,
  Objective,
  compared_features,
  judged_outputs,
  loss_of_outputs,
)

RNG = np.random.default_rng(0)
FEATURES, LOGITS = RNG.standard_normal((2, 4, 3)).astype(np.float32)
LABELS = np.array([0, 0, 1, 1])
MASKS = {
  stage: RNG.uniform(0.1, 0.9, (4, 2, *grid)).astype(np.float32)
  for stage, grid in ((4, (2, 2)), (5, (2, 1)))
}
VALID = np.array([[1, 1], [1, 0], [1, 1], [1, 1]], bool)


def outputs(compared=None):
  masks = {stage: CosamMasks(mask, np.ones((4, 3))) for stage, mask in MASKS.items()}
  return Outputs(FEATURES, LOGITS, masks, None, compared)


def test_the_triplets_features_are_those_that_are_compared():
  assert compared_features(outputs()) is FEATURES
  assert compared_features(outputs(LOGITS)) is LOGITS


def test_masks_are_judged_only_if_their_mean_has_a_weight():
  assert judged_outputs(Objective(), outputs()).masks == {}
  chex.assert_trees_all_equal(judged_outputs(Objective(mask_sparsity=0.1), outputs()).masks, MASKS)
  assert set(loss_of_outputs(Objective(), judged_outputs(Objective(), outputs()), LABELS)[1]) == {
    "loss", "cross_entropy", "triplet"
  }  # fmt: skip


@pytest.mark.parametrize("weight", [0.25, 3.0])
def test_the_masks_mean_is_added_with_its_weight(weight):
  objective = Objective(0.1, 0.3, 2.0, mask_sparsity=weight)
  judged = judged_outputs(objective, outputs())
  loss, parts = loss_of_outputs(objective, judged, LABELS, VALID)
  entropy, triplet = cross_entropy(LOGITS, LABELS, 0.1), batch_hard_triplet(FEATURES, LABELS, 0.3)
  mean = sum(mask[VALID].mean() for mask in MASKS.values()) / 2
  np.testing.assert_allclose(parts["mask_mean"], mean, rtol=1e-5)
  np.testing.assert_allclose(loss, entropy + 2 * triplet + weight * mean, rtol=1e-5)
  assert parts["loss"] == loss


def test_the_gradient_lowers_every_mask_of_a_valid_frame_alike():
  objective = Objective(mask_sparsity=0.5)

  def loss_of(masks):
    judged = Judged(jnp.asarray(FEATURES), jnp.asarray(LOGITS), masks)
    return loss_of_outputs(objective, judged, LABELS, VALID)[0]

  gradients = jax.grad(loss_of)(MASKS)
  for stage, gradient in gradients.items():
    # Half the weight for each of two stages, spread over 7 valid frames and their positions.
    each = 0.5 / 2 / 7 / MASKS[stage][0, 0].size
    np.testing.assert_allclose(gradient[VALID], each, rtol=1e-5)
    assert not np.asarray(gradient[~VALID]).any()
