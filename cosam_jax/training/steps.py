"""The pure functions of training: forward -> loss -> step; and the embedding of clips."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import optax
from jax.sharding import Mesh

from cosam_jax.models import Outputs, ReidNet
from cosam_jax.training.losses import batch_hard_triplet, cross_entropy
from cosam_jax.training.mesh import replicated, split_batch
from cosam_jax.training.state import TrainState

Metrics = dict[str, jax.Array]


@dataclasses.dataclass(frozen=True)
class Objective:
  """The poster's L = L_CE + lambda * L_triplet.

  Attributes:
    label_smoothing: 0 for plain cross-entropy.
    triplet_margin: the poster's m.
    triplet_weight: the poster's lambda.
  """

  label_smoothing: float = 0.1
  triplet_margin: float = 0.3
  triplet_weight: float = 1.0


def forward_with_loss(
  model: ReidNet,
  objective: Objective,
  variables: dict[str, Any],
  clips: jax.Array,
  labels: jax.Array,
  valid: jax.Array | None = None,
) -> tuple[jax.Array, tuple[Metrics, Any, Outputs]]:
  """Training-mode forward pass and the objective.

  Args:
    model, objective: what is computed.
    variables: `params` and `batch_stats`.
    clips: float32[B, T, H, W, 3].
    labels: int32[B].
    valid: bool[B, T] or None.

  Returns:
    The loss, and (its parts, the new batch_stats, the network's outputs).
  """
  outputs, updated = model.apply(variables, clips, valid, train=True, mutable=["batch_stats"])
  entropy = cross_entropy(outputs.logits, labels, objective.label_smoothing)
  triplet = batch_hard_triplet(outputs.features, labels, objective.triplet_margin)
  loss = entropy + objective.triplet_weight * triplet
  metrics = {"loss": loss, "cross_entropy": entropy, "triplet": triplet}
  return loss, (metrics, updated["batch_stats"], outputs)


def train_step(
  model: ReidNet,
  objective: Objective,
  optimizer: optax.GradientTransformation,
  state: TrainState,
  clips: jax.Array,
  labels: jax.Array,
  valid: jax.Array | None = None,
) -> tuple[TrainState, Metrics]:
  """One optimisation step; pure. Metrics also hold the gradient's global norm."""

  def loss_of(params):
    variables = {"params": params, "batch_stats": state.batch_stats}
    return forward_with_loss(model, objective, variables, clips, labels, valid)

  gradients, (metrics, batch_stats, _) = jax.grad(loss_of, has_aux=True)(state.params)
  updates, opt_state = optimizer.update(gradients, state.opt_state, state.params)
  params = optax.apply_updates(state.params, updates)
  metrics["gradient_norm"] = optax.tree.norm(gradients)
  return TrainState(state.step + 1, params, batch_stats, opt_state), metrics


def jit_train_step(
  model: ReidNet, objective: Objective, optimizer: optax.GradientTransformation, mesh: Mesh
) -> Callable[..., tuple[TrainState, Metrics]]:
  """`train_step` compiled over the mesh: (state, clips, labels, valid) -> (state, metrics).

  The state is donated: its buffers are reused, and the old one must not be touched again.
  """

  def step(state, clips, labels, valid):
    return train_step(model, objective, optimizer, state, clips, labels, valid)

  whole, split = replicated(mesh), split_batch(mesh)
  return jax.jit(
    step, in_shardings=(whole, split, split, split), out_shardings=whole, donate_argnums=0
  )


def jit_forward(model: ReidNet, mesh: Mesh) -> Callable[..., Outputs]:
  """Inference compiled over the mesh: (variables, clips, valid) -> `Outputs`."""

  def forward(variables, clips, valid):
    return model.apply(variables, clips, valid, train=False)

  whole, split = replicated(mesh), split_batch(mesh)
  return jax.jit(forward, in_shardings=(whole, split, split))
