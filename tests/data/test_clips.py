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


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_short_tracklets_repeat_cyclically_from_the_start(selection, length):
  rng = np.random.default_rng(1)
  clip = train_clip(length, 4, selection, rng)
  assert clip.tolist() == cyclic_loop(range(length), 4)
  assert clip.dtype == np.int64


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 60), st.integers(1, 12), st.sampled_from(SELECTIONS), st.integers(0, 99))
def test_long_tracklets_give_different_frames_in_the_order_of_time(length, t, selection, seed):
  clip = train_clip(length, t, selection, np.random.default_rng(seed), "all")
  assert clip.shape == (t,)
  assert clip.min() >= 0
  assert clip.max() < length
  if length >= t:
    assert (np.diff(clip) > 0).all()


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
