"""The cost volume: each position of each frame against each position of the clip's other frames.

Here are the normalised cross-correlation (NCC) and the summary's first layer over it. That layer
exists twice: in a readable form with the volume in memory, and without the volume, at linear cost.
Source: "COSAM components" on the poster of the paper (Subramaniam et al., ICCV 2019). Each function
says where the published code differs.

Notation: `B` clips, `T` frames, `h w` grid, `N = h*w`, `D` descriptor size, `K` summary channels.
"""

from typing import Literal

import jax
import jax.numpy as jnp

Ncc = Literal["unbiased", "population"]


def normalise_descriptors(descriptors: jax.Array, ncc: Ncc = "unbiased") -> jax.Array:
  """Centres and scales each descriptor, so that NCC is a dot product divided by D.

  Args:
    descriptors: float[..., D].
    ncc: `"unbiased"` divides by the unbiased standard deviation plus 1e-4 (published code);
      `"population"` by the population standard deviation (poster, equation of NCC).

  Returns:
    float32[..., D]; a constant descriptor becomes zero.
  """
  descriptors = descriptors.astype(jnp.float32)
  size = descriptors.shape[-1]
  centred = descriptors - descriptors.mean(-1, keepdims=True)
  degrees = size - 1 if ncc == "unbiased" else size
  variance = jnp.square(centred).sum(-1, keepdims=True) / degrees
  # The root's slope at zero is infinite; a constant descriptor must still have a gradient.
  positive = variance > 0
  deviation = jnp.where(positive, jnp.sqrt(jnp.where(positive, variance, 1.0)), 0.0)
  return centred / (deviation + 1e-4 if ncc == "unbiased" else jnp.maximum(deviation, 1e-12))


def ncc_cost_volume(descriptors: jax.Array, ncc: Ncc = "unbiased") -> jax.Array:
  """Correlates every position of every frame with every position of the clip's other frames.

  Args:
    descriptors: float[B, T, h, w, D], not yet normalised.
    ncc: see `normalise_descriptors`.

  Returns:
    float32[B, T, h*w, T-1, h*w]. The axes are: clip, frame, its position (row-major), other frame
    (in order, without the frame itself), that frame's position. Values lie in -1..1.
  """
  clips, frames, height, width, size = descriptors.shape
  normal = normalise_descriptors(descriptors, ncc).reshape(clips, frames, height * width, size)

  def one_frame(frame: jax.Array, index: jax.Array, clip: jax.Array) -> jax.Array:
    slots = jnp.arange(frames - 1)
    others = clip[slots + (slots >= index)]
    return jnp.einsum("nd,mpd->nmp", frame, others) / size

  one_clip = jax.vmap(one_frame, in_axes=(0, 0, None))
  return jax.vmap(lambda clip: one_clip(clip, jnp.arange(frames), clip))(normal)


def summarise_explicit(
  volume: jax.Array, kernel: jax.Array, valid: jax.Array | None = None
) -> jax.Array:
  """Applies the summary's first 1x1 convolution to a cost volume in memory.

  Args:
    volume: float[B, T, N, T-1, N] from `ncc_cost_volume`.
    kernel: float[(T-1)*N, K], inputs ordered by other frame, then by its position; or float[N, K],
      one kernel shared by the other frames, whose results are averaged (order-free).
    valid: bool[B, T]; frames marked False are not used as other frames.

  Returns:
    float32[B, T, N, K].
  """
  frames, positions = volume.shape[1], volume.shape[2]
  weight = weights_of_others(volume, valid)
  volume = volume * weight[:, :, None, :, None]
  if kernel.shape[0] == positions:
    total = jnp.einsum("btnmp,pk->btnk", volume, kernel)
    return total / jnp.maximum(weight.sum(-1), 1.0)[..., None, None]
  return jnp.einsum("btnmp,mpk->btnk", volume, kernel.reshape(frames - 1, positions, -1))


def weights_of_others(volume: jax.Array, valid: jax.Array | None) -> jax.Array:
  """The weight of each frame in its slot of another frame: 1, or 0 if it is not valid.

  Args:
    volume: float[B, T, N, T-1, N] from `ncc_cost_volume`.
    valid: bool[B, T]; None: all are valid.

  Returns:
    float32[B, T, T-1].
  """
  frames = volume.shape[1]
  index = jnp.arange(frames)[:, None]
  slots = jnp.arange(frames - 1)[None]
  other = slots + (slots >= index)  # [T, T-1]: the frame in each slot of each frame
  weight = jnp.ones(volume.shape[:2]) if valid is None else jnp.asarray(valid, jnp.float32)
  return weight[:, other]


def summarise_factored(
  normal: jax.Array, kernel: jax.Array, valid: jax.Array | None = None
) -> jax.Array:
  """The same as `summarise_explicit` of the cost volume, without the cost volume.

  The convolution acts on correlations linearly, so it commutes with them:
  `sum_p W[p] (q . d_p) = q . (sum_p d_p W[p])`. So each frame j has two D x K operators: one for
  the frames before it, which list it in slot j-1, and one for the frames after it, which list it in
  slot j. Frame i's operator is a suffix sum of the first kind plus a prefix sum of the second, so
  time and memory grow linearly in T and in N.

  Args:
    normal: float32[B, T, N, D] from `normalise_descriptors`.
    kernel: float[(T-1)*N, K] or float[N, K]; see `summarise_explicit`.
    valid: bool[B, T].

  Returns:
    float32[B, T, N, K].
  """
  _, frames, positions, size = normal.shape
  if kernel.shape[0] == positions:
    offered = normal if valid is None else normal * valid.astype(normal.dtype)[..., None, None]
    operator = jnp.einsum("btpd,pk->btdk", offered, kernel)
    others = operator.sum(1, keepdims=True) - operator
    if valid is None:
      count = jnp.float32(frames - 1)
    else:
      total = valid.sum(1, keepdims=True) - valid
      count = jnp.maximum(total, 1).astype(jnp.float32)[..., None, None]
    return jnp.einsum("btnd,btdk->btnk", normal, others / (count * size))
  weight = jnp.ones(normal.shape[:2]) if valid is None else valid.astype(jnp.float32)
  kernel = kernel.reshape(frames - 1, positions, -1)
  nothing = jnp.zeros_like(kernel[:1])
  # [T, N, 2K]: for frame j, the kernel of slot j (for the frames after it) and that of slot j-1.
  kernels = jnp.concatenate([kernel, nothing], 0), jnp.concatenate([nothing, kernel], 0)
  return _correlate(normal, jnp.concatenate(kernels, -1), weight)


@jax.custom_vjp
def _correlate(normal: jax.Array, kernels: jax.Array, weight: jax.Array) -> jax.Array:
  """`summarise_factored` with two kernels for each frame, and an explicit gradient.

  XLA's own gradient multiplies with transposed copies, and takes twice the time on CPUs.

  Args:
    normal: float32[B, T, N, D].
    kernels: float32[T, N, 2K].
    weight: float32[B, T], the weight of each frame as another frame's partner; has no gradient.

  Returns:
    float32[B, T, N, K].
  """
  return jnp.einsum("btnd,btkd->btnk", normal, _operators(normal, kernels, weight))


def _operators(normal: jax.Array, kernels: jax.Array, weight: jax.Array) -> jax.Array:
  """float32[B, T, K, D]: the operator on each frame's descriptors."""
  offered = jnp.einsum("btpd,tpk->btkd", normal, kernels) * weight[..., None, None]
  earlier, later = jnp.split(offered, 2, axis=2)
  return (_sum_before(earlier) + _sum_after(later)) / normal.shape[-1]


def _sum_before(x: jax.Array) -> jax.Array:
  """Entry i of axis 1 becomes the sum of the entries before it."""
  return jnp.cumsum(jnp.pad(x[:, :-1], ((0, 0), (1, 0), (0, 0), (0, 0))), axis=1)


def _sum_after(x: jax.Array) -> jax.Array:
  """Entry i of axis 1 becomes the sum of the entries after it."""
  return jax.lax.cumsum(jnp.pad(x[:, 1:], ((0, 0), (0, 1), (0, 0), (0, 0))), axis=1, reverse=True)


def _correlate_forward(normal, kernels, weight):
  operators = _operators(normal, kernels, weight)
  found = jnp.einsum("btnd,btkd->btnk", normal, operators)
  return found, (normal, kernels, weight, operators)


def _correlate_backward(saved, gradient):
  normal, kernels, weight, operators = saved
  to_operators = jnp.einsum("btnk,btnd->btkd", gradient, normal) / normal.shape[-1]
  # The gradient of a sum over earlier entries is a sum over later ones.
  to_offered = jnp.concatenate([_sum_after(to_operators), _sum_before(to_operators)], axis=2)
  to_offered = to_offered * weight[..., None, None]
  to_kernels = jnp.einsum("btpd,btkd->tpk", normal, to_offered)
  each = jnp.broadcast_to(kernels, (normal.shape[0], *kernels.shape))
  to_normal = jnp.einsum("btnk,btkd->btnd", gradient, operators)
  to_normal = to_normal + jnp.einsum("btpk,btkd->btpd", each, to_offered)
  return to_normal, to_kernels, None


_correlate.defvjp(_correlate_forward, _correlate_backward)
