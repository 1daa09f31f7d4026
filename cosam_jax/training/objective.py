"""The objective of a training step: its weights, the outputs that it judges, its parts.

Notation: `B` clips of a batch, `T` frames, `h w` grid, `D` embedding size.
"""

import dataclasses
from typing import NamedTuple

import jax

from cosam_jax.models import Outputs
from cosam_jax.training.losses import batch_hard_triplet, cross_entropy, mask_mean

Metrics = dict[str, jax.Array]


@dataclasses.dataclass(frozen=True)
class Objective:
  """The poster's L = L_CE + lambda * L_triplet, and, if asked for, the masks' mean (ours).

  Attributes:
    label_smoothing: 0 for plain cross-entropy.
    triplet_margin: the poster's m.
    triplet_weight: the poster's lambda.
    triplet_distance: see `losses.batch_hard_triplet`.
    mask_sparsity: weight of `losses.mask_mean`, at least 0; 0 leaves it out.
  """

  label_smoothing: float = 0.1
  triplet_margin: float = 0.3
  triplet_weight: float = 1.0
  triplet_distance: str = "euclidean"
  mask_sparsity: float = 0.0


class Judged(NamedTuple):
  """The outputs that the objective judges.

  Attributes:
    features: float[B, D], the features whose distances the triplet loss compares.
    logits: float[B, classes].
    masks: stage -> float[B, T, h, w], spatial masks; empty if their mean has no weight.
  """

  features: jax.Array
  logits: jax.Array
  masks: dict[int, jax.Array]


def judged_outputs(objective: Objective, outputs: Outputs) -> Judged:
  """Those outputs of a network that the objective judges."""
  masks = {}
  if objective.mask_sparsity:
    masks = {stage: mask.spatial for stage, mask in outputs.masks.items()}
  return Judged(compared_features(outputs), outputs.logits, masks)


def compared_features(outputs: Outputs) -> jax.Array:
  """float[B, D], the features whose distances the triplet loss compares."""
  return outputs.features if outputs.compared is None else outputs.compared


def loss_of_outputs(
  objective: Objective, outputs: Judged, labels: jax.Array, valid: jax.Array | None = None
) -> tuple[jax.Array, Metrics]:
  """The objective for a whole batch, and its parts.

  Args:
    objective: the loss.
    outputs: of all B clips.
    labels: int32[B].
    valid: bool[B, T] or None.

  Returns:
    The loss, and it with its parts by name, which have no weights.
  """
  entropy = cross_entropy(outputs.logits, labels, objective.label_smoothing)
  triplet = batch_hard_triplet(
    outputs.features, labels, objective.triplet_margin, objective.triplet_distance
  )
  loss = entropy + objective.triplet_weight * triplet
  parts = {"cross_entropy": entropy, "triplet": triplet}
  if objective.mask_sparsity:
    parts["mask_mean"] = mask_mean(outputs.masks, valid)
    loss = loss + objective.mask_sparsity * parts["mask_mean"]
  return loss, {"loss": loss, **parts}
