"""Carries weights that belong to one clip length and image size over to others.

COSAM's summary weighs each correlation of a position with the other frames' positions, so it has a
weight for each slot (another frame, in order) and grid position; the TA head has one for each grid
position. Both are sums over positions of weight times value. Imagine that the values on the new
slots and grid are brought to the old ones by linear interpolation D (if there are more new places
than old ones, it averages). The interpolation can then be moved into the weights:

  sum_p w[p] (D x)[p] = sum_q (D^T w)[q] x[q]

Rows of D sum to one, so the sum of the weights stays the same. So do the result of a constant
correlation and the statistics of the norm behind it; a field that is linear in position and slot
gives exactly the same result. This is ours; neither poster nor published code has it.

Notation: T frames, h w grid, N = h*w, K outputs.
"""

from collections.abc import Mapping
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from cosam_jax.errors import InputError
from cosam_jax.models.reid import ReidNet

Grid = tuple[int, int]


def resample_summary(
  kernel: chex.Array, *, frames: tuple[int, int] | None, grids: tuple[Grid, Grid]
) -> np.ndarray:
  """The summary's first kernel for another clip length and grid.

  Args:
    kernel: float[(T-1)*N, K], slot by slot, each grid row by row; or [N, K], if the slots share one
      kernel (`summary="order_free"`).
    frames: the old and the new T, each at least 2; None for a kernel that the slots share.
    grids: the old and the new (h, w).

  Returns:
    float32[(T'-1)*N', K] (or [N', K]); the same numbers if nothing changes. The sum over all slots
    and positions is kept for each output.

  Raises:
    InputError: the kernel does not have these slots and positions, or a T is below 2.
  """
  kernel = np.asarray(kernel, np.float32)
  old, new = (1, 1) if frames is None else (frames[0] - 1, frames[1] - 1)
  if min(old, new) < 1:
    raise InputError(f"frames is {frames}: COSAM compares frames, so both must be at least 2")
  (height, width), _ = grids
  places = old * height * width
  if kernel.ndim != 2 or len(kernel) != places:
    raise InputError(
      f"the summary kernel has shape {kernel.shape}, but {old} slots on a {height}x{width} grid "
      f"have {places} weights for each output: give the T and grid it was trained with"
    )
  by_place = kernel.reshape(old, height, width, -1)
  return _carry(by_place, (new, *grids[1])).reshape(-1, kernel.shape[1])


def resample_variables(variables: Mapping[str, Any], old: ReidNet, new: ReidNet) -> dict[str, Any]:
  """Variables of one network for the same one with another clip length or image size.

  COSAM's summaries and the TA head's grid kernel are resampled; all else is taken as it is, also a
  summary of match statistics, which has weights for neither slots nor positions.

  Args:
    variables: `params` and `batch_stats` of `old`.
    old, new: networks that differ in `num_frames` and `image_size` only.

  Raises:
    InputError: the networks differ otherwise.
  """
  if old.clone(num_frames=new.num_frames, image_size=new.image_size) != new:
    raise InputError(
      "weights can be resampled to another num_frames and image_size only, and these two networks "
      "differ in more: build both with the same settings"
    )
  leaves = traverse_util.flatten_dict(dict(variables))
  for stage in () if new.summary == "position_free" else new.cosam_stages:
    path = ("params", f"cosam{stage}", "summary", "kernel")
    frames = None if new.summary == "order_free" else (old.num_frames, new.num_frames)
    grids = (old.grid_size(stage), new.grid_size(stage))
    kernel = resample_summary(np.asarray(leaves[path])[0, 0], frames=frames, grids=grids)
    leaves[path] = jnp.asarray(kernel)[None, None]
  if new.temporal == "ta":
    path = ("params", "head", "conv", "kernel")
    leaves[path] = jnp.asarray(_carry(np.asarray(leaves[path]), new.grid_size(5)))
  return traverse_util.unflatten_dict(leaves)


def _carry(weights: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
  """Applies D^T along each of the leading axes, from their lengths to `sizes`."""
  for axis, size in enumerate(sizes):
    if weights.shape[axis] != size:
      moved = np.tensordot(_linear(size, weights.shape[axis]), weights, (0, axis))
      weights = np.moveaxis(moved, 0, axis)
  return weights


def _linear(new: int, old: int) -> np.ndarray:
  """D, float32[old, new]: linear interpolation from `new` to `old` places; rows sum to one."""
  return np.asarray(jax.image.resize(jnp.eye(new), (old, new), "linear", antialias=True))
