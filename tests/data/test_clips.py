"""Frames of clips against slow loops."""

import collections

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosam_jax.data.clips import (
  SELECTIONS,
  dense_clip_positions,
  dense_clips,
  even_positions,
  num_dense_clips,
  restricted,
  strided,
  train_clip,
)
from cosam_jax.errors import InputError


def cyclic_loop(frames, num_frames):
  """Appends the frames again and again until the clip is full, as the published code does."""
  clip = list(frames)
  for frame in clip:
    if len(clip) >= num_frames:
      break
    clip.append(frame)
  return clip[:num_frames]


def dense_loop(length, num_frames):
  """The published test loop: whole chunks, then the rest, which repeats itself until it is full."""
  frames, clips, start = list(range(length)), [], 0
  while length - start > num_frames:
    clips.append(frames[start : start + num_frames])
    start += num_frames
  clips.append(cyclic_loop(frames[start:], num_frames))
  return clips


def starts(length, num_frames, sequential_start, draws=2000):
  rng = np.random.default_rng(0)
  clips = [
    train_clip(length, num_frames, "sequential", rng, sequential_start) for _ in range(draws)
  ]
  for clip in clips:
    np.testing.assert_array_equal(clip, np.arange(clip[0], clip[0] + num_frames))
  return collections.Counter(int(clip[0]) for clip in clips)


@pytest.mark.parametrize("length", [5, 6, 10, 20])
def test_published_start_never_reaches_the_last_and_all_does(length):
  published, every = starts(length, 4, "published"), starts(length, 4, "all")
  assert sorted(published) == list(range(max(0, length - 4 - 1) + 1))
  assert sorted(every) == list(range(length - 4 + 1))
  for counts in (published, every):  # uniform: each within 5 standard deviations
    p = 1 / len(counts)
    assert all(abs(c - 2000 * p) <= 5 * np.sqrt(2000 * p * (1 - p)) for c in counts.values())


@pytest.mark.parametrize("selection", ["sequential", "random", "evenly"])
@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_short_tracklets_repeat_cyclically_from_the_start(selection, length):
  rng = np.random.default_rng(1)
  clip = train_clip(length, 4, selection, rng)
  assert clip.tolist() == cyclic_loop(range(length), 4)
  assert clip.dtype == np.int64


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 60), st.integers(1, 12), st.sampled_from(SELECTIONS), st.integers(0, 99))
def test_long_tracklets_give_different_frames_in_the_order_of_time(length, t, selection, seed):
  clip = train_clip(length, t, selection, np.random.default_rng(seed), "all")
  assert clip.shape == (t,)
  assert clip.min() >= 0
  assert clip.max() < length
  if length >= t:
    assert (np.diff(clip) > 0).all()


class Extreme:
  """A generator whose whole numbers are the lowest or the highest."""

  def __init__(self, highest):
    self.highest = highest

  def integers(self, low, high=None, endpoint=False):
    low, high = (np.zeros_like(low), low) if high is None else (low, high)
    return np.asarray(high if endpoint else high - 1) if self.highest else np.asarray(low)


def restricted_parts(length, num_frames):
  """The published loop: the last frame is repeated; T parts are cut, the last with the rest."""
  frames = list(range(length))
  while len(frames) < num_frames:
    frames.append(frames[-1])
  size = len(frames) // num_frames
  parts = [frames[i * size : (i + 1) * size] for i in range(num_frames - 1)]
  return [*parts, frames[(num_frames - 1) * size :]]


@pytest.mark.parametrize("num_frames", [1, 2, 4, 8, 15])
def test_restricted_takes_a_frame_of_each_part_for_all_lengths(num_frames):
  rng = np.random.default_rng(5)
  for length in range(1, 101):
    parts = restricted_parts(length, num_frames)
    assert restricted(length, num_frames, Extreme(False)).tolist() == [part[0] for part in parts]
    assert restricted(length, num_frames, Extreme(True)).tolist() == [part[-1] for part in parts]
    for _ in range(3):
      clip = train_clip(length, num_frames, "restricted", rng)
      assert clip.dtype == np.int64
      assert all(frame in part for frame, part in zip(clip.tolist(), parts, strict=True))


def test_restricted_draws_the_frames_of_a_part_equally_often():
  rng = np.random.default_rng(6)
  clips = np.array([restricted(14, 4, rng) for _ in range(3000)])
  for i, part in enumerate(restricted_parts(14, 4)):
    counts = collections.Counter(clips[:, i].tolist())
    p = 1 / len(part)
    assert sorted(counts) == part
    assert all(abs(c - 3000 * p) < 5 * np.sqrt(3000 * p * (1 - p)) for c in counts.values())


@pytest.mark.parametrize(("num_frames", "stride"), [(1, 8), (4, 1), (4, 8), (8, 4), (6, 3)])
def test_strided_takes_every_sth_frame_of_a_window_for_all_lengths(num_frames, stride):
  rng = np.random.default_rng(7)
  for length in range(1, 101):
    frames = list(range(length))
    drawn = [train_clip(length, num_frames, "strided", rng, stride=stride) for _ in range(3)]
    assert all(clip.dtype == np.int64 and len(clip) == num_frames for clip in drawn)
    if length >= num_frames * stride:
      windows = []
      for start in frames:
        window = frames[start::stride][:num_frames]
        if len(window) == num_frames:
          windows.append(window)
      assert strided(length, num_frames, stride, Extreme(False)).tolist() == windows[0]
      assert strided(length, num_frames, stride, Extreme(True)).tolist() == windows[-1]
      assert all(clip.tolist() in windows for clip in drawn)
      assert windows[-1][-1] == length - 1
      continue
    for clip in drawn:
      assert clip.tolist() == sorted(frames[i] for i in clip)
      if length >= num_frames:
        assert len(set(clip.tolist())) == num_frames


def test_strided_starts_and_short_draws_are_uniform():
  rng = np.random.default_rng(8)
  starts_of = collections.Counter(int(strided(35, 4, 8, rng)[0]) for _ in range(3000))
  assert sorted(starts_of) == list(range(11))  # 35 - 3 * 8 - 1 is the last.
  assert all(abs(c - 3000 / 11) < 5 * np.sqrt(3000 / 11) for c in starts_of.values())
  for length, wanted in ((9, 3000 * 4 / 9), (3, 3000 * 4 / 3)):
    counts = np.zeros(length)
    for _ in range(3000):
      np.add.at(counts, strided(length, 4, 8, rng), 1)
    assert abs(counts - wanted).max() < 5 * np.sqrt(wanted)
  assert {tuple(strided(2, 3, 8, rng).tolist()) for _ in range(200)} == {
    (0, 0, 0), (0, 0, 1), (0, 1, 1), (1, 1, 1)
  }  # fmt: skip


def test_random_draws_every_frame_equally_often():
  rng = np.random.default_rng(2)
  counts = np.zeros(9)
  for _ in range(3000):
    counts[train_clip(9, 3, "random", rng)] += 1
  assert abs(counts - 1000).max() < 5 * np.sqrt(3000 * (1 / 3) * (2 / 3))


def test_evenly_takes_the_middles_and_does_not_draw():
  rng = np.random.default_rng(3)
  before = rng.bit_generator.state
  assert train_clip(20, 4, "evenly", rng).tolist() == [2, 7, 12, 17]
  assert rng.bit_generator.state == before
  assert even_positions(3, 5).tolist() == [0, 1, 2]


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 100), st.integers(1, 9))
def test_even_positions_spread(length, count):
  picked = even_positions(length, count)
  assert len(picked) == min(length, count)
  gaps = np.diff(picked)
  assert (gaps > 0).all()
  assert len(gaps) == 0 or gaps.max() - gaps.min() <= 1


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 70), st.integers(1, 9))
def test_dense_clips_are_the_published_loop(length, num_frames):
  clips = dense_clips(length, num_frames)
  assert clips.tolist() == dense_loop(length, num_frames)
  assert len(clips) == num_dense_clips(length, num_frames)
  assert set(clips.ravel().tolist()) == set(range(length))


def test_dense_clips_of_many_tracklets_at_once():
  lengths, chunks = np.array([10, 10, 3]), np.array([0, 2, 0])
  expected = [[0, 1, 2, 3], [8, 9, 8, 9], [0, 1, 2, 0]]
  assert dense_clip_positions(lengths, chunks, 4).tolist() == expected


def test_unknown_choices_are_refused_with_a_suggestion():
  rng = np.random.default_rng(0)
  with pytest.raises(InputError, match=r"'sequental', not one of .*did you mean 'sequential'"):
    train_clip(9, 4, "sequental", rng)
  with pytest.raises(InputError, match="sequential_start is 'al', not one of published, all"):
    train_clip(9, 4, "random", rng, "al")
