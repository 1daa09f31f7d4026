"""The pure functions of training: forward -> loss -> step; and the embedding of clips."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from jax.sharding import Mesh

from cosam_jax.models import Outputs, ReidNet
from cosam_jax.training.frame_bytes import Clips, normalised
from cosam_jax.training.mesh import replicated, split_batch
from cosam_jax.training.objective import Metrics, judged_outputs, loss_of_outputs
from cosam_jax.training.objective import Objective as Objective
from cosam_jax.training.parameter_groups import EVERY_PARAMETER, Groups
from cosam_jax.training.state import AveragedState, TrainState, moved_average

# Numbers that a stage 2 writes: those of a clip of 4 in a ResNet-50 at 256x128.
_VALUES_AT_ONCE = 4 * (256 // 4) * (128 // 4) * 256


@dataclasses.dataclass(frozen=True)
class Learning:
  """The choices of a step besides objective and optimiser.

  Attributes:
    groups: see `parameter_groups.Groups`; the optimiser must have the same.
    average_decay: see `state.moved_average`; used only for an `AveragedState`.
  """

  groups: Groups = EVERY_PARAMETER
  average_decay: float = 0.0


def forward_with_loss(
  model: nn.Module,
  objective: Objective,
  variables: dict[str, Any],
  clips: Clips,
  labels: jax.Array,
  valid: jax.Array | None = None,
) -> tuple[jax.Array, tuple[Metrics, Any, Outputs]]:
  """Training-mode forward pass and the objective.

  Args:
    model, objective: the network and the loss; any network will do that is called as `ReidNet` is
      and returns `Outputs`.
    variables: `params` and `batch_stats`.
    clips: float32[B, T, H, W, 3], or bytes, which are normalised here.
    labels: int32[B].
    valid: bool[B, T] or None.

  Returns:
    The loss, and (its parts, the new batch_stats, the network's outputs).
  """
  values = normalised(clips)
  outputs, updated = model.apply(variables, values, valid, train=True, mutable=["batch_stats"])
  loss, metrics = loss_of_outputs(objective, judged_outputs(objective, outputs), labels, valid)
  return loss, (metrics, updated["batch_stats"], outputs)


def train_step(
  model: nn.Module,
  objective: Objective,
  optimizer: optax.GradientTransformation,
  state: TrainState,
  clips: Clips,
  labels: jax.Array,
  valid: jax.Array | None = None,
  *,
  learning: Learning = Learning(),
) -> tuple[TrainState, Metrics]:
  """One optimisation step; pure. Metrics also hold the gradient's global norm."""

  def loss_of(params):
    variables = {"params": learning.groups.held(params), "batch_stats": state.batch_stats}
    return forward_with_loss(model, objective, variables, clips, labels, valid)

  gradients, (metrics, batch_stats, _) = jax.grad(loss_of, has_aux=True)(state.params)
  return apply_gradients(optimizer, state, gradients, batch_stats, metrics, learning)


def apply_gradients(
  optimizer: optax.GradientTransformation,
  state: TrainState,
  gradients: Any,
  batch_stats: Any,
  metrics: Metrics,
  learning: Learning = Learning(),
) -> tuple[TrainState, Metrics]:
  """The end of a step: the optimiser's update; adds the gradient's global norm to the metrics."""
  updates, opt_state = optimizer.update(gradients, state.opt_state, state.params)
  params = optax.apply_updates(state.params, updates)
  metrics = {**metrics, "gradient_norm": optax.tree.norm(gradients)}
  after = dataclasses.replace(
    state, step=state.step + 1, params=params, batch_stats=batch_stats, opt_state=opt_state
  )
  if isinstance(after, AveragedState):
    decay = learning.average_decay
    average = moved_average(after.average, after.variables, decay, state.step)
    after = dataclasses.replace(after, average=average)
  return after, metrics


def accumulated_step(
  model: nn.Module,
  objective: Objective,
  optimizer: optax.GradientTransformation,
  parts: int,
  state: TrainState,
  clips: Clips,
  labels: jax.Array,
  valid: jax.Array | None = None,
  *,
  learning: Learning = Learning(),
  split: Callable[[jax.Array], jax.Array] = lambda part: part,
) -> tuple[TrainState, Metrics]:
  """`train_step` of the same batch, part by part, with the memory that one part needs; pure.

  The triplet loss is mined over the whole batch, so it cannot be added up over parts. Instead the
  network runs twice (Gao et al., Scaling Deep Contrastive Learning Batch Size under Memory Limited
  Setup, 2021): first part by part, only for the outputs that the loss takes. From these follow the
  loss of the whole batch and its gradient with respect to them. Then the network runs part by part
  again, with gradients, and each part continues from its rows of that gradient. The sum is exactly
  the whole batch's gradient.

  One thing differs from `train_step`: each part is normalised by its own statistics, as on each
  device in the published code; the running statistics move towards the mean over the parts.
  Statistics of the whole batch would need a pass over all parts for every norm of the network.

  Args:
    model, objective, optimizer, state, clips, labels, valid, learning: as in `train_step`.
    parts: the number of parts; part i is the i-th run of B / parts clips, whatever the devices.
    split: the sharding of a part over the devices.
  """

  def cut(array):
    return array.reshape(parts, -1, *array.shape[1:])

  pieces = jax.tree.map(cut, (clips, valid))

  def outputs_of(params, piece):
    part, part_valid = jax.tree.map(split, piece)
    part = normalised(part)
    variables = {"params": learning.groups.held(params), "batch_stats": state.batch_stats}
    outputs, updated = model.apply(variables, part, part_valid, train=True, mutable=["batch_stats"])
    return judged_outputs(objective, outputs), updated["batch_stats"]

  whole, statistics = jax.lax.map(lambda piece: outputs_of(state.params, piece), pieces)
  batch_stats = jax.tree.map(lambda leaf: leaf.mean(0), statistics)

  def loss_of(outputs):
    joined = jax.tree.map(lambda one: one.reshape(-1, *one.shape[2:]), outputs)
    return loss_of_outputs(objective, joined, labels, valid)

  cotangents, metrics = jax.grad(loss_of, has_aux=True)(whole)

  def add(gradients, inputs):
    piece, cotangent = inputs
    _, pull_back, _ = jax.vjp(lambda params: outputs_of(params, piece), state.params, has_aux=True)
    return jax.tree.map(jnp.add, gradients, pull_back(cotangent)[0]), None

  nothing = jax.tree.map(jnp.zeros_like, state.params)
  gradients, _ = jax.lax.scan(add, nothing, (pieces, cotangents))
  return apply_gradients(optimizer, state, gradients, batch_stats, metrics, learning)


def jit_train_step(
  model: nn.Module,
  objective: Objective,
  optimizer: optax.GradientTransformation,
  mesh: Mesh,
  accumulate: int = 1,
  learning: Learning = Learning(),
) -> Callable[..., tuple[TrainState, Metrics]]:
  """`train_step` compiled over the mesh: (state, clips, labels, valid) -> (state, metrics).

  The state is donated: its buffers are reused, so the old state must not be used again. With
  `accumulate` above 1 it is `accumulated_step` in that many parts.
  """

  def split_part(part):
    return jax.lax.with_sharding_constraint(part, split_batch(mesh))

  def step(state, clips, labels, valid):
    if accumulate > 1:
      return accumulated_step(
        model, objective, optimizer, accumulate, state, clips, labels, valid,
        learning=learning, split=split_part,
      )  # fmt: skip
    return train_step(model, objective, optimizer, state, clips, labels, valid, learning=learning)

  whole, split = replicated(mesh), split_batch(mesh)
  return jax.jit(
    step,
    in_shardings=(whole, split, split, split),
    out_shardings=whole,
    donate_argnums=0,
    compiler_options=_compiler_options(model, mesh),
  )


def _channels(model: nn.Module) -> int:
  return model.settings.channels(2) if isinstance(model, ReidNet) else 256


def _compiler_options(model: nn.Module, mesh: Mesh) -> dict[str, str] | None:
  """Options for XLA.

  On CPUs, XLA removes the barriers of `remat` before it merges equal computations. Without these
  options it would therefore keep the values that should be computed again.
  """
  if getattr(model, "remat", False) and mesh.devices.flat[0].platform == "cpu":
    return {"xla_disable_hlo_passes": "cse_barrier_expander"}
  return None


def jit_forward(
  model: nn.Module, mesh: Mesh, *, flip: bool = False, at_once: bool = False
) -> Callable[..., Outputs]:
  """Inference compiled over the mesh: (variables, clips, valid) -> `Outputs`.

  With `flip`, the features are the mean of those of each clip and of its mirror image, of which
  neither is brought to unit length; all other outputs are the clip's own.

  A CPU takes few clips at a time, so that what a layer writes is still in its cache when the next
  one reads it, and the working memory does not grow with the batch; with `at_once` it takes all.
  """

  def forward(variables, clips, valid):
    clips = normalised(clips)
    outputs = model.apply(variables, clips, valid, train=False)
    if not flip:
      return outputs
    mirrored = model.apply(variables, clips[:, :, :, ::-1], valid, train=False)
    return outputs._replace(features=(outputs.features + mirrored.features) / 2)

  def in_turn(variables, clips, valid):
    shape = jax.tree.leaves(clips)[0].shape
    group = clips_at_once(shape, _channels(model))
    if group == shape[0]:
      return forward(variables, clips, valid)
    groups = jax.tree.map(lambda x: x.reshape(-1, group, *x.shape[1:]), (clips, valid))
    outputs = jax.lax.map(lambda part: forward(variables, *part), groups)
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), outputs)

  whole, split = replicated(mesh), split_batch(mesh)
  alone = mesh.size == 1 and mesh.devices.flat[0].platform == "cpu" and not at_once
  return jax.jit(in_turn if alone else forward, in_shardings=(whole, split, split))


def clips_at_once(shape: tuple[int, ...], channels: int) -> int:
  """How many clips of a batch a CPU takes through the network together; divides the batch evenly.

  Args:
    shape: (B, T, H, W, 3).
    channels: C of stage 2, whose grid has a sixteenth of the pixels.
  """
  clips, frames, height, width, _ = shape
  most = max(1, 16 * _VALUES_AT_ONCE // (frames * height * width * channels))
  return max(n for n in range(1, min(most, clips) + 1) if clips % n == 0)
