"""The cost volume and its summary against loops over frames and positions, by the poster."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import parameterized

from cosam_jax.models.cost_volume import (
  ncc_cost_volume,
  normalise_descriptors,
  summarise_explicit,
  summarise_factored,
)


def loop_ncc(p, q, ncc):
  if ncc == "unbiased":
    return (
      ((p - p.mean()) / (p.std(ddof=1) + 1e-4)) * ((q - q.mean()) / (q.std(ddof=1) + 1e-4))
    ).mean()
  return ((p - p.mean()) * (q - q.mean())).mean() / (p.std() * q.std())


def loop_cost_volume(descriptors, ncc):
  clips, frames, height, width, _ = descriptors.shape
  positions = height * width
  volume = np.zeros((clips, frames, positions, frames - 1, positions))
  for b in range(clips):
    for n in range(frames):
      for i in range(positions):
        for slot, m in enumerate(m for m in range(frames) if m != n):
          for j in range(positions):
            p = descriptors[b, n, i // width, i % width].astype(np.float64)
            q = descriptors[b, m, j // width, j % width].astype(np.float64)
            volume[b, n, i, slot, j] = loop_ncc(p, q, ncc)
  return volume


def loop_summary(volume, kernel, valid):
  """The 1x1 convolution on the volume, one output at a time."""
  clips, frames, positions = volume.shape[:3]
  out = np.zeros((clips, frames, positions, kernel.shape[1]))
  for b in range(clips):
    for n in range(frames):
      for slot, m in enumerate(m for m in range(frames) if m != n):
        if valid[b, m]:
          block = kernel[slot * positions : (slot + 1) * positions]
          out[b, n] += volume[b, n, :, slot] @ block
  return out


def random_descriptors(shape, seed=0):
  return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


class CostVolume(chex.TestCase):
  @chex.variants(with_jit=True, without_jit=True)
  @parameterized.product(ncc=["unbiased", "population"], frames=[2, 3])
  def test_equals_loops_over_frames_and_positions(self, ncc, frames):
    descriptors = random_descriptors((2, frames, 3, 2, 5))
    volume = self.variant(ncc_cost_volume, static_argnums=1)(descriptors, ncc)
    chex.assert_shape(volume, (2, frames, 6, frames - 1, 6))
    np.testing.assert_allclose(volume, loop_cost_volume(descriptors, ncc), atol=1e-5)

  @chex.variants(with_jit=True, without_jit=True)
  @parameterized.product(frames=[2, 3, 5], all_valid=[True, False])
  def test_factored_summary_equals_a_loop_over_the_volume(self, frames, all_valid):
    descriptors = random_descriptors((2, frames, 2, 3, 7))
    kernel = random_descriptors(((frames - 1) * 6, 4), seed=1)
    valid = np.ones((2, frames), bool)
    valid[1, frames - 1] = all_valid
    expected = loop_summary(loop_cost_volume(descriptors, "unbiased"), kernel, valid)
    normal = normalise_descriptors(descriptors).reshape(2, frames, 6, 7)
    found = self.variant(summarise_factored)(normal, kernel, valid)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_constant_descriptors_have_zero_correlation_and_finite_gradients():
  constant = jnp.ones((1, 2, 2, 2, 6))
  assert not ncc_cost_volume(constant).any()
  gradient = jax.grad(lambda d: ncc_cost_volume(d).sum())(constant)
  assert np.isfinite(gradient).all()


def loop_shared_summary(volume, kernel, valid):
  """One kernel for every other frame; the mean over those that count."""
  clips, frames, positions = volume.shape[:3]
  out = np.zeros((clips, frames, positions, kernel.shape[1]))
  for b in range(clips):
    for n in range(frames):
      others = [m for m in range(frames) if m != n]
      counted = [slot for slot, m in enumerate(others) if valid[b, m]]
      for slot in counted:
        out[b, n] += volume[b, n, :, slot] @ kernel / len(counted)
  return out


@pytest.mark.parametrize("shared", [False, True])
def test_both_summaries_are_the_loops(shared):
  descriptors = random_descriptors((2, 3, 2, 2, 5))
  kernel = random_descriptors((4 if shared else 8, 3), seed=1)
  valid = np.array([[1, 1, 1], [1, 0, 1]], bool)
  volume = loop_cost_volume(descriptors, "population")
  wanted = (loop_shared_summary if shared else loop_summary)(volume, kernel, valid)
  found = summarise_explicit(jnp.asarray(volume, jnp.float32), jnp.asarray(kernel), valid)
  np.testing.assert_allclose(found, wanted, atol=1e-5)
  normal = normalise_descriptors(descriptors, "population").reshape(2, 3, 4, 5)
  found = summarise_factored(normal, jnp.asarray(kernel), jnp.asarray(valid))
  np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_the_gradient_of_the_factored_summary_by_differences():
  """It is written by hand; its slope along a direction is that of its values."""
  normal = normalise_descriptors(random_descriptors((1, 3, 2, 2, 5))).reshape(1, 3, 4, 5)
  kernel, cotangent = random_descriptors((8, 3), 1), random_descriptors((1, 3, 4, 3), 2)
  valid = np.array([[True, True, False]])

  def value(normal, kernel):
    return float((np.asarray(summarise_factored(normal, kernel, valid)) * cotangent).sum())

  _, backward = jax.vjp(
    lambda normal, kernel: summarise_factored(normal, kernel, jnp.asarray(valid)),
    normal, jnp.asarray(kernel),
  )  # fmt: skip
  slopes = backward(jnp.asarray(cotangent))
  given = [np.asarray(normal), kernel]
  for which, slope in enumerate(slopes):
    step = 0.05 * random_descriptors(given[which].shape, 3)
    ahead, behind = [*given], [*given]
    ahead[which], behind[which] = given[which] + step, given[which] - step
    found = (np.asarray(slope) * step).sum()
    np.testing.assert_allclose(found, (value(*ahead) - value(*behind)) / 2, rtol=1e-2, atol=1e-3)
    assert abs(found) > 0.01
