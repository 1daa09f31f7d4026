"""Numbers of masks against slow loops; the clips that are shown; the frames that do not count."""

import io
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from cosam_jax.data.batches import EvaluationPlan
from cosam_jax.data.identities import numbering_of
from cosam_jax.data.tracklets import TrackletTable
from cosam_jax.evaluation.mask_numbers import (
  MaskStatistics,
  cell_fractions,
  choose_clips,
  figure_shares,
  measure_masks,
  sample_rows,
)

T = 4


def slow_fractions(figure, grid):
  """Cuts every pixel into h x w parts; each part belongs to one cell."""
  (height, width), (h, w) = figure.shape, grid
  covered = np.zeros(grid)
  for y in range(height * h):
    for x in range(width * w):
      covered[y // height, x // width] += bool(figure[y // h, x // w])
  return covered / (height * width)


@pytest.mark.parametrize(
  ("shape", "grid"), [((8, 4), (4, 2)), ((8, 4), (8, 4)), ((7, 5), (3, 2)), ((5, 3), (4, 7))]
)
def test_cells_against_a_slow_loop(shape, grid):
  figure = np.random.default_rng(0).random(shape) < 0.4
  found = cell_fractions(np.uint8(255) * figure, grid)
  np.testing.assert_allclose(found, slow_fractions(figure, grid), atol=1e-12)
  assert found.mean() == pytest.approx(figure.mean(), abs=1e-12)


def slow_share(mask, fractions):
  on = total = 0.0
  for i in range(mask.shape[0]):
    for j in range(mask.shape[1]):
      on += mask[i, j] * fractions[i, j]
      total += mask[i, j]
  return on / total


def test_shares_against_a_slow_loop():
  rng = np.random.default_rng(1)
  masks, fractions = rng.random((5, 6, 3)).astype(np.float32), rng.random((5, 6, 3))
  expected = [slow_share(*pair) for pair in zip(masks.astype(float), fractions)]
  np.testing.assert_allclose(figure_shares(masks, fractions), expected, rtol=1e-12)


@pytest.mark.parametrize("weight", [1e-6, 0.37, 1.0])
def test_a_uniform_mask_gets_the_figures_share_of_the_area(weight):
  figure = np.zeros((128, 64), bool)
  figure[20:101, 17:44] = True
  fractions = cell_fractions(figure, (8, 4))[None]
  share = figure_shares(np.full((1, 8, 4), weight), fractions)
  assert share[0] == pytest.approx(81 * 27 / (128 * 64), rel=1e-12)


def test_a_mask_that_is_the_figure_gets_everything():
  figure = np.zeros((128, 64), bool)
  figure[16:112, 16:48] = True  # On the borders of cells.
  exact = cell_fractions(figure, (8, 4))[None]
  assert figure_shares(exact, exact)[0] == 1.0
  figure[16:112, 15:49] = True
  outline = cell_fractions(figure, (64, 32))[None]
  assert figure_shares(outline, outline)[0] > 0.97
  assert figure_shares(1 - exact, exact)[0] == 0.0


def test_a_mask_without_weight_has_no_share():
  shares = figure_shares(np.zeros((1, 2, 2)), np.ones((1, 2, 2)))
  assert np.isnan(shares).all()
  statistics = MaskStatistics()
  statistics.add(np.stack([np.zeros((2, 2)), np.eye(2)]), np.stack([np.ones((2, 2)), np.eye(2)]))
  record = statistics.record()
  assert record["frames"] == 2
  assert record["mean"] == 0.25
  assert (record["share_on_figure"], record["uniform_share"]) == (1.0, 0.5)
  statistics = MaskStatistics()
  statistics.add(np.zeros((1, 2, 2)), np.ones((1, 2, 2)))
  assert "share_on_figure" not in statistics.record()


def slow_record(masks, fractions):
  masks = [[[float(x) for x in row] for row in mask] for mask in masks]
  flat = [[x for row in mask for x in row] for mask in masks]
  means = [sum(mask) / len(mask) for mask in flat]
  spreads = [
    (sum((x - mean) ** 2 for x in mask) / len(mask)) ** 0.5 for mask, mean in zip(flat, means)
  ]
  average = np.mean(np.array(masks), axis=0)
  return {
    "frames": len(masks),
    "mean": sum(means) / len(means),
    "min": min(map(min, flat)),
    "max": max(map(max, flat)),
    "spread": sum(spreads) / len(spreads),
    "share_on_figure": np.mean([slow_share(np.array(m), f) for m, f in zip(masks, fractions)]),
    "uniform_share": np.mean([slow_share(np.ones_like(f), f) for f in fractions]),
    "fixed_mask_share": np.mean([slow_share(average, f) for f in fractions]),
  }


def test_statistics_against_a_slow_loop():
  rng = np.random.default_rng(2)
  masks, fractions = rng.random((9, 4, 2)).astype(np.float32), rng.random((9, 4, 2))
  statistics = MaskStatistics()
  for part in (slice(0, 4), slice(4, 4), slice(4, 9)):
    statistics.add(masks[part], fractions[part])
  expected = slow_record(masks, fractions)
  assert statistics.record() == pytest.approx(expected, rel=1e-6)


def test_statistics_without_figures_or_frames():
  statistics = MaskStatistics()
  assert statistics.record() == {"frames": 0}
  statistics.add(np.full((2, 3, 3), 0.5))
  assert statistics.record() == {"frames": 2, "mean": 0.5, "min": 0.5, "max": 0.5, "spread": 0.0}


class Frames:
  """Frame i is a picture of one colour, whose red is i."""

  def __init__(self, count):
    self.count = count

  def __len__(self):
    return self.count

  def name(self, frame):
    return str(frame)

  def read(self, frame):
    file = io.BytesIO()
    Image.new("RGB", (4, 8), (int(frame), 0, 0)).save(file, "PNG")
    return file.getvalue()


def table_of(lengths, identities, cameras):
  starts = np.cumsum(lengths) - lengths
  names = [f"t{i}" for i in range(len(lengths))]
  frames, distractors = Frames(int(sum(lengths))), numbering_of("mars")
  return TrackletTable(frames, starts, lengths, identities, cameras, names, distractors)


class Batch(NamedTuple):
  clips: np.ndarray
  valid: np.ndarray
  tracklets: np.ndarray


def batches_of(plan, unreadable=()):
  for number in range(plan.num_batches):
    batch = plan.batch(number)
    clips = np.broadcast_to(batch.frames[..., None, None, None], (*batch.frames.shape, 8, 4, 3))
    valid = (batch.frames >= 0) & ~np.isin(batch.frames, unreadable)
    yield Batch(clips.astype(np.float32), valid, batch.tracklets)


def mask_of(frame, grid):
  """The made-up network's mask of a frame: a slope that the frame's number tilts."""
  y, x = np.mgrid[: grid[0], : grid[1]]
  return (1 + y * (frame % 5) + x * (frame % 3)) / 50


@jax.jit
def forward(clips, valid):
  del valid
  number = clips[:, :, 0, 0, 0][..., None, None]
  masks = {}
  for stage, (h, w) in {4: (4, 2), 5: (4, 2), 2: (3, 3)}.items():
    y, x = jnp.mgrid[:h, :w]
    masks[stage] = (1 + y * (number % 5) + x * (number % 3)) / 50
  return masks


def figure_of(frame):
  return np.arange(32).reshape(8, 4) % 7 < frame % 7


def test_every_frame_of_a_plan_counts_once():
  table = table_of([3, 4, 9, 1], [1, 2, 3, 0], [1, 2, 1, 1])
  plan = EvaluationPlan(table, T, batch_clips=4)
  assert plan.padding > 0
  found, kept = measure_masks(
    forward, batches_of(plan, unreadable=(5, 16)), plan, figure=figure_of, progress=False
  )
  assert kept == []
  assert list(found) == [2, 4, 5]
  frames = [frame for frame in range(17) if frame not in (5, 16)]
  for stage, grid in {4: (4, 2), 5: (4, 2), 2: (3, 3)}.items():
    expected = slow_record(
      [mask_of(frame, grid) for frame in frames],
      [slow_fractions(figure_of(frame), grid) for frame in frames],
    )
    assert found[stage] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("batch_clips", [1, 4, 100])
def test_kept_clips(batch_clips):
  table = table_of([3, 4, 9, 1], [1, 2, 3, 0], [1, 2, 1, 1])
  plan = EvaluationPlan(table, T, batch_clips)
  _, (short, middle) = measure_masks(forward, batches_of(plan), plan, keep=[0, 3], progress=False)
  assert (short.tracklet, short.clip, short.clips, short.numbers) == ("t0", 1, 1, (1, 2, 3, 1))
  assert (middle.tracklet, middle.clip, middle.clips, middle.length) == ("t2", 2, 3, 9)
  assert (middle.identity, middle.camera, middle.numbers) == (3, 1, (5, 6, 7, 8))
  assert sorted(middle.masks) == [2, 4, 5]
  for i, number in enumerate(middle.numbers):
    frame = 7 + number - 1
    np.testing.assert_array_equal(middle.images[i][0, 0], [frame, 0, 0])
    np.testing.assert_allclose(middle.masks[4][i], mask_of(frame, (4, 2)), rtol=1e-6)


def test_a_frame_that_cannot_be_read_has_no_image(monkeypatch):
  table = table_of([4], [1], [1])
  monkeypatch.setattr(Frames, "read", lambda self, frame: b"no image")
  plan = EvaluationPlan(table, T, 1)
  _, (clip,) = measure_masks(forward, batches_of(plan), plan, keep=[0], progress=False)
  assert clip.images == (None,) * 4


def test_clips_of_different_people_and_cameras():
  identities = [0, 1, 1, 1, 2, 2, 3, 3]
  cameras = [1, 1, 2, 2, 1, 2, 1, 3]
  lengths = [8, 8, 8, 3, 13, 16, 4, 5]  # Clips: 2, 2, 2, 1, 4, 4, 1, 2.
  table = table_of(lengths, identities, cameras)
  # Person 1 on camera 1, person 2 on camera 2, person 3 on camera 3.
  assert choose_clips(table, 3, T) == [2, 12, 16]
  everything = choose_clips(table, 100, T)
  assert everything == sorted(everything) == [0, 2, 4, 6, 8, 12, 15, 16]
  assert 0 not in choose_clips(table, 7, T)  # The distractor is the last one taken.
  assert choose_clips(table, 0, T) == []


def test_samples_are_spread_and_leave_junk_out():
  table = table_of([5] * 40, [-1] * 4 + list(range(1, 37)), [1] * 40)
  np.testing.assert_array_equal(sample_rows(table, 180), np.arange(4, 40))
  some = sample_rows(table, 60)
  assert len(some) == 12
  assert set(np.diff(some)) == {3}
  assert len(sample_rows(table, 1)) == 1
