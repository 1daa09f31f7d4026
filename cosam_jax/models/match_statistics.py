"""How well each position is matched in the clip's other frames, wherever the matches are.

The published summary of the cost volume has a weight for each position of the other frames, so a
mask can learn positions in the box alone. These statistics cannot: a position's correlations with
another frame become three numbers that do not depend on their order. They are ours; neither paper
nor published code has them. `Cosam.summary="position_free"` makes the mask of them.

For a position and one other frame with N positions:

- `highest`: the highest correlation, in -1..1;
- `mean`: the mean correlation, in -1..1;
- `entropy`: of the softmax of the correlations, over ln N: 0 if one position alone is alike, 1 if
  all are alike to the same degree.

Each is averaged over the other frames. Like the summary's first layer in `cost_volume`, they exist
twice: of a cost volume in memory, which is easy to read, and without it.

Notation: `B` clips, `T` frames, `N` positions of a grid, `D` descriptor size.
"""

import math

import jax
import jax.numpy as jnp

from cosam_jax.models.cost_volume import weights_of_others

MATCH_STATISTICS = 3
"""Number of statistics of a position."""
TEMPERATURE = 0.1
"""Divides correlations before the softmax.

They lie in -1..1, in which a softmax is nearly even, whatever they are. Over 0.1, a position that
correlates by 0.5 more than the rest weighs e^5 = 148 times as much as one of them: about as much as
all others together on the 16x8 grid of stages 4 and 5 at 256x128.
"""


def match_statistics_explicit(volume: jax.Array, valid: jax.Array | None = None) -> jax.Array:
  """The statistics of a cost volume in memory.

  Args:
    volume: float32[B, T, N, T-1, N] from `cost_volume.ncc_cost_volume`.
    valid: bool[B, T]; frames marked False are not used as other frames.

  Returns:
    float32[B, T, N, 3]; zero for a frame without valid other frames.
  """
  weight = weights_of_others(volume, valid)  # [B, T, T-1]
  total = jnp.einsum("btnms,btm->btns", _statistics(volume), weight)
  return total / jnp.maximum(weight.sum(-1), 1.0)[..., None, None]


def match_statistics_factored(normal: jax.Array, valid: jax.Array | None = None) -> jax.Array:
  """The same as `match_statistics_explicit` of the cost volume, without the cost volume.

  One other frame after the other is compared with all frames. So B * T * N * N correlations are in
  memory at once, also for the gradient, which computes them again.

  Args:
    normal: float32[B, T, N, D] from `cost_volume.normalise_descriptors`.
    valid: bool[B, T].

  Returns:
    float32[B, T, N, 3].
  """
  clips, frames, positions, size = normal.shape
  weight = jnp.ones((clips, frames)) if valid is None else valid.astype(jnp.float32)

  def against(normal: jax.Array, other: jax.Array) -> jax.Array:
    return _statistics(jnp.einsum("btnd,bpd->btnp", normal, other) / size)

  # In a scan nothing merges the second computation with the first, so no barriers are needed.
  again = jax.checkpoint(against, prevent_cse=False)

  def add(total: jax.Array, other: tuple[jax.Array, ...]) -> tuple[jax.Array, None]:
    descriptors, offered = other  # [B, N, D], and [B, T]: 0 for the frame itself.
    return total + again(normal, descriptors) * offered[..., None, None], None

  offered = weight.T[:, :, None] * (1.0 - jnp.eye(frames))[:, None]  # [T, B, T]
  nothing = jnp.zeros((clips, frames, positions, MATCH_STATISTICS))
  total, _ = jax.lax.scan(add, nothing, (normal.swapaxes(0, 1), offered))
  return total / jnp.maximum(offered.sum(0), 1.0)[..., None, None]


def _statistics(correlations: jax.Array) -> jax.Array:
  """float32[..., N] -> float32[..., 3]: those of each position with one other frame."""
  log_share = jax.nn.log_softmax(correlations / TEMPERATURE)
  entropy = -(jnp.exp(log_share) * log_share).sum(-1)
  # The grid of one position has entropy 0, and ln 1 would divide it by 0.
  scale = math.log(max(correlations.shape[-1], 2))
  return jnp.stack([correlations.max(-1), correlations.mean(-1), entropy / scale], -1)
