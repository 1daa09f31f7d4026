"""Masks' shape and deletions against slow loops."""

import math

import numpy as np
import pytest

from cosam_jax.evaluation.attention import all_equal, cosines, mask_shape, without_half


def test_shape_of_even_and_single_masks():
  even = np.full((1, 2, 4, 2), 0.3)
  single = np.zeros((1, 2, 4, 2))
  single[:, :, 1, 1] = 0.9
  counted = np.ones((1, 2), bool)
  shape = {key: value.tolist() for key, value in mask_shape(even, counted).items()}
  np.testing.assert_allclose(shape["std"], [0, 0], atol=1e-12)
  np.testing.assert_allclose(shape["peak"] + shape["entropy"], [1, 1, 1, 1])
  shape = mask_shape(single, counted)
  np.testing.assert_allclose(shape["peak"], [8, 8])
  np.testing.assert_allclose(shape["entropy"], [0, 0], atol=1e-12)
  np.testing.assert_allclose(shape["between_frames"], [0])


def test_shape_agrees_with_loops_and_leaves_frames_out():
  masks = np.random.default_rng(0).random((2, 3, 4, 2))
  counted = np.array([[True, True, False], [False, True, False]])
  shape = mask_shape(masks, counted)
  frames = [masks[0, 0], masks[0, 1], masks[1, 1]]
  for i, frame in enumerate(frames):
    cells = frame.ravel().tolist()
    mean = sum(cells) / 8
    assert shape["std"][i] == pytest.approx(math.sqrt(sum((c - mean) ** 2 for c in cells) / 8))
    entropy = -sum(c / sum(cells) * math.log(c / sum(cells)) for c in cells) / math.log(8)
    assert shape["entropy"][i] == pytest.approx(entropy)
  between = [np.std([masks[0, 0, y, x], masks[0, 1, y, x]]) for y in range(4) for x in range(2)]
  np.testing.assert_allclose(shape["between_frames"], [np.mean(between)])


@pytest.mark.parametrize("which", ["lowest", "highest", "random"])
def test_half_of_the_cells_take_the_frames_mean(which):
  rng = np.random.default_rng(1)
  clips = rng.random((2, 2, 16, 8, 3), np.float32)
  masks = rng.random((2, 2, 4, 2))
  cut = without_half(clips, masks, which, np.random.default_rng(2))
  for b, t in np.ndindex(2, 2):
    hidden, weights = [], []
    for y, x in np.ndindex(4, 2):
      now, before = (a[b, t, 4 * y : 4 * y + 4, 4 * x : 4 * x + 4] for a in (cut, clips))
      changed = not np.array_equal(now, before)
      if changed:
        np.testing.assert_allclose(now - clips[b, t].mean((0, 1)), 0, atol=1e-6)
      (hidden if changed else weights).append(masks[b, t, y, x])
    assert len(hidden) == 4
    if which == "lowest":
      assert max(hidden) < min(weights)
    if which == "highest":
      assert min(hidden) > max(weights)


def test_an_even_mask_still_loses_half():
  clips = np.random.default_rng(0).random((1, 2, 8, 4, 3), np.float32)
  cut = without_half(clips, np.ones((1, 2, 2, 2)), "lowest", np.random.default_rng(0))
  assert (cut != clips).any(-1).mean() == pytest.approx(0.5)


def test_equal_weights_and_cosines():
  assert all_equal(np.array([[0.25] * 4, [0.1, 0.2, 0.3, 0.4]])).tolist() == [True, False]
  np.testing.assert_allclose(cosines([[1.0, 0], [1, 1]], [[2.0, 0], [0, 1]]), [1, 0.5**0.5])
