"""Tests whether the attention does anything: the shape of masks, and the effect of hiding cells.

A mask that is nearly the same everywhere only scales its features. Its shape is measured over the
grid and between a clip's frames. A deletion test asks the network itself: half of each frame's
grid cells, chosen by their weight, take the frame's mean colour, and vectors and ranks are compared
before and after.

Notation: `B` clips, `T` frames, `H W` image, `h w` grid, `Q` queries, `G` gallery, `D` dimensions.
"""

import numpy as np

DELETIONS = ("lowest", "highest", "random")
"""The half of the cells that is replaced: masked out, masked in, or a random one (the control)."""


def mask_shape(masks: np.ndarray, counted: np.ndarray) -> dict[str, np.ndarray]:
  """How uneven masks are, one number for each counted frame (`between_frames`: each clip).

  Args:
    masks: float[B, T, h, w] in 0 .. 1.
    counted: bool[B, T], frames that are real and occur in their clip for the first time.

  Returns:
    `std`, over the grid; `peak`, the largest weight over the mean (1 for an even mask); `entropy`
    of the weights as shares, over that of an even mask (1 for an even one, 0 for a single cell);
    `between_frames`, the standard deviation over a clip's frames, averaged over the grid, for clips
    with at least two counted frames.
  """
  masks = np.asarray(masks, np.float64)
  flat = masks[counted].reshape(int(counted.sum()), -1)
  total = np.maximum(flat.sum(1, keepdims=True), 1e-300)
  share = flat / total
  logs = np.log(np.where(share > 0, share, 1.0))
  entropy = -(share * logs).sum(1) / np.log(max(flat.shape[1], 2))
  between = [mask[some].std(0).mean() for mask, some in zip(masks, counted) if some.sum() > 1]
  return {
    "std": flat.std(1),
    "peak": flat.max(1) / np.maximum(flat.mean(1), 1e-300),
    "entropy": entropy,
    "between_frames": np.array(between),
  }


def all_equal(weights: np.ndarray, tolerance: float = 1e-6) -> np.ndarray:
  """bool[B]: whether a clip's TA weights float[B, T] are all the same."""
  return np.ptp(np.asarray(weights, np.float64), axis=1) <= tolerance


def without_half(
  clips: np.ndarray, masks: np.ndarray, which: str, rng: np.random.Generator
) -> np.ndarray:
  """Clips in which half of every frame's grid cells have the frame's own mean colour.

  Args:
    clips: float32[B, T, H, W, 3].
    masks: float[B, T, h, w]; a pixel belongs to the cell that its centre lies in.
    which: one of `DELETIONS`; of an odd number of cells, the smaller half is replaced.
    rng: for `"random"`.
  """
  height, width = clips.shape[2:4]
  rows, columns = masks.shape[2:]
  order = rng.random(masks.shape) if which == "random" else np.asarray(masks, np.float64)
  flat = order.reshape(*order.shape[:2], -1) * (-1 if which == "highest" else 1)
  rank = flat.argsort(-1, kind="stable").argsort(-1, kind="stable")
  hidden = (rank < flat.shape[-1] // 2).reshape(masks.shape)
  y = (2 * np.arange(height) + 1) * rows // (2 * height)
  x = (2 * np.arange(width) + 1) * columns // (2 * width)
  pixels = hidden[:, :, y][:, :, :, x, None]
  return np.where(pixels, clips.mean((2, 3), keepdims=True), clips).astype(np.float32)


def cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
  """float64[Q], the cosine of each pair of rows of float[Q, D]."""
  first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
  norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
  return (first * second).sum(1) / np.maximum(norms, 1e-300)
