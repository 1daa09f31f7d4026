"""Clip vectors to tracklet vectors, whatever the packing."""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.evaluation.embed import embed_tracklets


class Batch(NamedTuple):
  clips: np.ndarray
  valid: np.ndarray
  tracklets: np.ndarray


@jax.jit
def forward(clips, valid):
  """The mean colour of a clip's valid frames; nan if there are none."""
  weights = valid[:, :, None]
  return jnp.sum(clips.mean(axis=(2, 3)) * weights, axis=1) / jnp.sum(weights, axis=1)


def clips_of(counts, seed=0):
  """Clips of tracklets in order, with random frames marked invalid (never all of a clip)."""
  rng = np.random.default_rng(seed)
  owners = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
  clips = rng.standard_normal((len(owners), 3, 2, 2, 3)).astype(np.float32)
  valid = rng.random((len(owners), 3)) < 0.7
  valid[:, 1] = True
  return clips, valid, owners


def packed(clips, valid, owners, size):
  for start in range(0, len(owners), size):
    part = [array[start : start + size] for array in (clips, valid, owners)]
    empty = size - len(part[0])
    yield Batch(
      np.concatenate([part[0], np.full((empty, *clips.shape[1:]), np.nan, np.float32)]),
      np.concatenate([part[1], np.zeros((empty, 3), bool)]),
      np.concatenate([part[2], np.full(empty, -1, np.int32)]),
    )


def slow_means(clips, valid, owners, count):
  result = []
  for tracklet in range(count):
    means = [
      np.mean([frame.mean(axis=(0, 1)) for frame, good in zip(clips[i], valid[i]) if good], axis=0)
      for i in np.flatnonzero(owners == tracklet)
      if valid[i].any()
    ]
    result.append(np.mean(means, axis=0))
  return np.array(result)


@pytest.mark.parametrize("size", [1, 4, 7, 100])
def test_equals_a_slow_loop(size):
  data = clips_of([3, 1, 8, 2, 5])
  found = embed_tracklets(forward, packed(*data, size), 5)
  assert found.dtype == np.float32
  np.testing.assert_allclose(found, slow_means(*data, 5), rtol=1e-5, atol=1e-6)


def test_packing_does_not_show():
  data = clips_of([3, 1, 8, 2, 5])
  one, other = (embed_tracklets(forward, packed(*data, size), 5) for size in (3, 19))
  np.testing.assert_allclose(one, other, rtol=1e-6)
  again = embed_tracklets(forward, packed(*data, 3), 5)
  np.testing.assert_array_equal(one, again)


def test_one_compilation():
  chex.clear_trace_counter()
  once = jax.jit(chex.assert_max_traces(forward.__wrapped__, n=1))
  embed_tracklets(once, packed(*clips_of([5, 6]), 4), 2)


def test_clips_without_a_valid_frame_do_not_count():
  clips, valid, owners = clips_of([3, 2])
  valid[1] = False
  found = embed_tracklets(forward, packed(clips, valid, owners, 2), 2)
  np.testing.assert_allclose(found, slow_means(clips, valid, owners, 2), rtol=1e-5, atol=1e-6)


def test_the_host_makes_the_next_batch_before_it_waits_for_the_last():
  events = []

  class Output:
    shape = (1, 3)

    def __init__(self, number):
      self.number = number

    def __array__(self, dtype=None, copy=None):
      events.append(f"wait {self.number}")
      return np.zeros((1, 3), dtype)

  def batches():
    for number in range(3):
      events.append(f"make {number}")
      yield Batch(np.full((1, 1, 1, 1, 3), number), np.ones((1, 1), bool), np.zeros(1, np.int32))

  embed_tracklets(lambda clips, valid: Output(int(clips.flat[0])), batches(), 1)
  assert events == ["make 0", "make 1", "wait 0", "make 2", "wait 1", "wait 2"]


def test_a_tracklet_without_valid_frames_is_named():
  clips, valid, owners = clips_of([2, 2, 1])
  valid[owners == 1] = False
  batches = list(packed(clips, valid, owners, 2))
  with pytest.raises(InputError, match=r"Tracklet 'b' has no readable frame \(1 such"):
    embed_tracklets(forward, batches, 3, names=["a", "b", "c"])
  with pytest.raises(InputError, match=r"Tracklet 1 has no readable frame \(3 such"):
    embed_tracklets(forward, batches, 5)
  with pytest.raises(InputError, match="Tracklet 0 has no readable frame"):
    embed_tracklets(forward, [], 2)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_vectors_that_are_not_finite_are_named(value):
  clips, valid, owners = clips_of([2, 2])
  clips[3, 1, 0, 0, 0] = value
  with pytest.raises(InputError, match="A clip of tracklet 'b' gave a vector with NaN or infinity"):
    embed_tracklets(forward, packed(clips, valid, owners, 3), 2, names=["a", "b"])


def test_progress_counts_clips_only_where_somebody_looks(capsys):
  data = clips_of([3, 2])
  embed_tracklets(forward, packed(*data, 4), 2, num_clips=5)
  assert capsys.readouterr().err == ""
  embed_tracklets(forward, packed(*data, 4), 2, num_clips=5, progress=True)
  assert "5/5" in capsys.readouterr().err
