"""Measures whether COSAM's spatial masks do anything and find the person; chooses clips to look at.

If the figure is known pixel by pixel (drawn data), a mask is judged by the share of its weight that
falls on the figure: `sum(mask * figure) / sum(mask)` over the grid, where `figure` is the part of
each cell's area that the figure covers. A mask that is the same everywhere gets exactly the
figure's share of the area, so that is the first number to beat. A mask can beat it just because
people stand in the middle. So the second number to beat is the share of the stage's mean mask, put
on every frame; only an excess over that comes from the frame itself.

Notation: `B` clips in a batch, `T` frames in a clip, `H W` image, `h w` grid.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tqdm

from cosam_jax.data.batches import EvaluationPlan
from cosam_jax.data.clips import even_positions, num_dense_clips
from cosam_jax.data.identities import JUNK
from cosam_jax.data.tracklets import TrackletTable
from cosam_jax.evaluation.clip_masks import ClipMasks, clip_masks
from cosam_jax.evaluation.embed import ClipBatch


def cell_fractions(figure: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
  """The part of each grid cell's area that a figure covers.

  A cell is its nominal rectangle, `H/h x W/w` pixels; pixels on a border count by their area on
  either side. So any image size goes with any grid, and the mean of the result is the figure's
  share of the image.

  Args:
    figure: [H, W], 0 or False off the figure.
    grid: (h, w).

  Returns:
    float64[h, w] in 0 .. 1.
  """
  rows, columns = (_overlaps(size, cells) for size, cells in zip(figure.shape, grid))
  return rows @ (np.asarray(figure) > 0).astype(np.float64) @ columns.T


def _overlaps(size: int, cells: int) -> np.ndarray:
  """float64[cells, size]: the share of each cell that lies in each pixel, along one axis."""
  edges = np.arange(cells + 1) * size / cells
  pixels = np.arange(size)
  low = np.maximum(edges[:-1, None], pixels)
  high = np.minimum(edges[1:, None], pixels + 1)
  return np.maximum(high - low, 0) * cells / size


def figure_shares(masks: np.ndarray, fractions: np.ndarray) -> np.ndarray:
  """The share of each mask's weight on the figure.

  Args:
    masks: [n, h, w], at least 0.
    fractions: [n, h, w] from `cell_fractions`.

  Returns:
    float64[n] in 0 .. 1; NaN if a mask is zero everywhere.
  """
  masks = np.asarray(masks, np.float64)
  weight = masks.sum((1, 2))
  on_figure = (masks * fractions).sum((1, 2))
  return np.where(weight > 0, on_figure / np.where(weight > 0, weight, 1), np.nan)


class MaskStatistics:
  """Statistics of a stage's masks over many frames; holds sums, not frames."""

  def __init__(self) -> None:
    self._frames = self._weighed = 0
    self._mean = self._spread = self._share = self._uniform = 0.0
    self._low, self._high = np.inf, -np.inf
    self._total: Any = 0.0
    self._figures: Any = 0.0

  def add(self, masks: np.ndarray, fractions: np.ndarray | None = None) -> None:
    """Adds frames: masks [n, h, w] in 0 .. 1, and `cell_fractions` [n, h, w] if known."""
    masks = np.asarray(masks, np.float64)
    if not len(masks):
      return
    self._frames += len(masks)
    self._mean += masks.mean((1, 2)).sum()
    self._spread += masks.std((1, 2)).sum()
    self._low, self._high = min(self._low, masks.min()), max(self._high, masks.max())
    if fractions is not None:
      shares = figure_shares(masks, fractions)
      weighed = ~np.isnan(shares)
      self._weighed += int(weighed.sum())
      self._share += shares[weighed].sum()
      self._uniform += fractions[weighed].mean((1, 2)).sum()
      self._total = self._total + masks[weighed].sum(0)
      self._figures = self._figures + fractions[weighed].sum(0)

  def record(self) -> dict[str, float | int]:
    """Plain numbers; means are over frames, every frame with the same weight.

    `mean`, `min` and `max` of the mask, all within 0 .. 1; `spread`, the standard deviation over
    the grid within a frame; `frames`. With figures also three shares in 0 .. 1: `share_on_figure`,
    `uniform_share` (that of a uniform mask) and `fixed_mask_share` (that of the mean mask, put on
    every frame). Frames whose mask is zero everywhere are left out of the three.
    """
    if not self._frames:
      return {"frames": 0}
    record: dict[str, float | int] = {
      "frames": self._frames,
      "mean": float(self._mean / self._frames),
      "min": float(self._low),
      "max": float(self._high),
      "spread": float(self._spread / self._frames),
    }
    if self._weighed:
      fixed = (self._total * self._figures).sum() / self._total.sum() / self._weighed
      record["share_on_figure"] = float(self._share / self._weighed)
      record["uniform_share"] = float(self._uniform / self._weighed)
      record["fixed_mask_share"] = float(fixed)
    return record


def sample_rows(table: TrackletTable, most_frames: int) -> np.ndarray:
  """Rows of a table, evenly spread, with about `most_frames` frames together; without junk.

  The same table gives the same rows; if it has at most `most_frames` frames, it gives all rows.
  """
  rows = np.flatnonzero(table.identities != JUNK)
  total = int(table.lengths[rows].sum(dtype=np.int64))
  if total <= most_frames:
    return rows
  return rows[even_positions(len(rows), max(1, len(rows) * most_frames // total))]


def choose_clips(table: TrackletTable, count: int, num_frames: int) -> list[int]:
  """Picks clips to look at: the middle one of tracklets of different people and cameras.

  Tracklets are taken one by one. People taken least often come first, then cameras taken least
  often, then the table's order; distractors come last.

  Returns:
    Numbers of at most `count` clips, ascending; clips are numbered as in an `EvaluationPlan` with
    all frames of the table and `num_frames`.
  """
  clips = num_dense_clips(table.lengths, num_frames)
  first = np.cumsum(clips) - clips
  people: Counter[int] = Counter()
  cameras: Counter[int] = Counter()
  somebody = table.numbering.people(table.identities).tolist()
  left = list(range(len(table)))
  chosen: list[int] = []
  while left and len(chosen) < count:

    def eagerness(row: int) -> tuple:
      person = int(table.identities[row])
      return not somebody[row], people[person], cameras[int(table.cameras[row])], row

    row = min(left, key=eagerness)
    left.remove(row)
    people[int(table.identities[row])] += 1
    cameras[int(table.cameras[row])] += 1
    chosen.append(int(first[row] + (clips[row] - 1) // 2))
  return sorted(chosen)


def measure_masks(
  forward: Callable[[np.ndarray, np.ndarray], Mapping[int, Any]],
  batches: Iterable[ClipBatch],
  plan: EvaluationPlan,
  *,
  figure: Callable[[int], np.ndarray] | None = None,
  keep: Sequence[int] = (),
  progress: bool | None = None,
) -> tuple[dict[int, dict[str, float | int]], list[ClipMasks]]:
  """Collects the masks of every frame of a plan, each frame once.

  Repeated frames that fill a batch or a tracklet's last clip do not count, nor do unreadable ones.

  Args:
    forward: a jitted (clips float32[B, T, H, W, 3], valid bool[B, T]) -> spatial masks, stage ->
      float[B, T, h, w].
    batches: the plan's batches, from `evaluation_batches` with the plan's numbers.
    plan: says which frames they hold.
    figure: frame of the table's store -> its figure [H, W], 0 off the figure.
    keep: numbers of the clips to return, see `choose_clips`.
    progress: whether to show a progress bar; None: if standard error is a terminal.

  Returns:
    stage -> `MaskStatistics.record`, and the kept clips.
  """
  statistics: dict[int, MaskStatistics] = {}
  kept: list[ClipMasks] = []
  wanted = set(keep)
  hidden = not (sys.stderr.isatty() if progress is None else progress)
  with tqdm.tqdm(total=plan.num_clips, desc="masks", unit="clip", disable=hidden) as bar:
    for number, batch in enumerate(batches):
      frames = plan.batch(number).frames
      counted = (frames >= 0) & np.asarray(batch.valid) & ~repeated(frames)
      masks = {
        stage: np.asarray(mask, np.float32)
        for stage, mask in forward(batch.clips, batch.valid).items()
      }
      figures = [figure(int(frame)) for frame in frames[counted]] if figure else []
      fractions: dict[tuple[int, int], np.ndarray] = {}  # Stages often share a grid.
      for stage, mask in masks.items():
        grid = mask.shape[2:]
        if figures and grid not in fractions:
          fractions[grid] = np.stack([cell_fractions(one, grid) for one in figures])
        statistics.setdefault(stage, MaskStatistics()).add(mask[counted], fractions.get(grid))
      for i, row in enumerate(np.asarray(batch.tracklets)):
        if row >= 0 and number * plan.batch_clips + i in wanted:
          one = {stage: mask[i] for stage, mask in masks.items()}
          kept.append(clip_masks(plan, int(row), frames[i], one))
      bar.update(int((np.asarray(batch.tracklets) >= 0).sum()))
  return {stage: statistics[stage].record() for stage in sorted(statistics)}, kept


def repeated(frames: np.ndarray) -> np.ndarray:
  """bool[B, T], which frames of int64[B, T] occur earlier in their clip."""
  same = frames[:, :, None] == frames[:, None, :]
  return np.tril(same, -1).any(-1)
