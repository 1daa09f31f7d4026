"""The statistics of a position's matches against loops over frames and positions."""

import math

import jax
import numpy as np
import pytest

from cosam_jax.models.cost_volume import ncc_cost_volume, normalise_descriptors
from cosam_jax.models.match_statistics import (
  match_statistics_explicit,
  match_statistics_factored,
)

pytestmark = pytest.mark.usefixtures("hasty_compilation")


def loop_statistics(descriptors, valid):
  """One number at a time, in float64."""
  clips, frames, height, width, _ = descriptors.shape
  flat = descriptors.reshape(clips, frames, height * width, -1).astype(np.float64)
  out = np.zeros((clips, frames, height * width, 3))
  for b in range(clips):
    for t in range(frames):
      others = [m for m in range(frames) if m != t and valid[b, m]]
      for n in range(height * width):
        for m in others:
          found = []
          for q in flat[b, m]:
            p = flat[b, t, n]
            p_scaled = (p - p.mean()) / (p.std(ddof=1) + 1e-4)
            q_scaled = (q - q.mean()) / (q.std(ddof=1) + 1e-4)
            found.append(float((p_scaled * q_scaled).mean()))
          weights = [math.exp(value / 0.1) for value in found]
          shares = [weight / sum(weights) for weight in weights]
          entropy = -sum(share * math.log(share) for share in shares) / math.log(len(found))
          out[b, t, n] += np.array([max(found), sum(found) / len(found), entropy]) / len(others)
  return out


def random_descriptors(shape, seed=0):
  return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def explicit(descriptors, valid=None, ncc="unbiased"):
  return match_statistics_explicit(ncc_cost_volume(descriptors, ncc), valid)


def factored(descriptors, valid=None, ncc="unbiased"):
  clips, frames, height, width, size = descriptors.shape
  normal = normalise_descriptors(descriptors, ncc).reshape(clips, frames, height * width, size)
  return match_statistics_factored(normal, valid)


DESCRIPTORS = random_descriptors((3, 3, 3, 2, 5))
VALID = np.array([[1, 1, 1], [0, 1, 1], [1, 0, 0]], bool)


@pytest.mark.parametrize("way", [factored, jax.jit(explicit)])
def test_both_ways_are_the_loops(way):
  """A frame whose other frames are all invalid has zeros."""
  found = way(DESCRIPTORS, VALID)
  np.testing.assert_allclose(found, loop_statistics(DESCRIPTORS, VALID), atol=1e-5)
  assert not np.asarray(found[2, 0]).any()


def test_they_tell_one_match_from_many():
  """Frame 0 shows one thing at one place; in frame 1 it is at one place, in frame 2 everywhere."""
  descriptors = random_descriptors((1, 3, 4, 4, 64))
  descriptors[0, 1, 3, 3] = descriptors[0, 0, 0, 0]
  descriptors[0, 2] = descriptors[0, 0, 0, 0]
  twice = np.concatenate([descriptors, descriptors])
  found = jax.jit(factored)(twice, np.array([[True, True, False], [True, False, True]]))
  highest, mean, entropy = np.moveaxis(np.asarray(found)[:, 0, 0], 1, 0)
  assert (highest > 0.9).all()
  assert mean[0] < 0.2
  assert mean[1] > 0.9
  assert entropy[0] < 0.1
  assert entropy[1] == pytest.approx(1)


def slope(way, descriptors):
  """The statistics, and the gradient of a weighted sum of them."""
  clips, frames, height, width, _ = descriptors.shape
  cotangent = random_descriptors((clips, frames, height * width, 3), 1)

  @jax.jit
  def found(descriptors):
    values, backward = jax.vjp(lambda x: way(x, None, "population"), descriptors)
    return values, backward(cotangent)[0]

  return found(descriptors)


def test_gradients_are_finite_where_descriptors_are_constant():
  """All correlations of those are zero, so all positions are alike to the same degree."""
  descriptors = np.zeros((2, 3, 2, 2, 6), np.float32)
  descriptors[1] = 1
  descriptors[:, 1, 0, 0] = np.arange(6)
  found, gradient = slope(factored, descriptors)
  np.testing.assert_allclose(found[:, 0, 0], [[0, 0, 1]] * 2, atol=1e-6)
  assert np.isfinite(gradient).all()
  assert np.asarray(gradient).any()


@pytest.mark.slow
def test_gradients_of_both_ways_agree():
  (_, wanted), (_, found) = (slope(way, DESCRIPTORS) for way in (explicit, factored))
  assert np.abs(wanted).min() > 0
  np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_a_grid_of_one_position_has_no_entropy():
  found = jax.jit(factored)(random_descriptors((1, 2, 1, 1, 6)))
  assert np.isfinite(found).all()
  np.testing.assert_array_equal(found[..., 2], 0)


def sizes(jaxpr):
  """The number of elements of every value in a program, also in its loops."""
  for equation in jaxpr.eqns:
    yield from (variable.aval.size for variable in equation.outvars)
    inner = jax.tree.leaves(
      list(equation.params.values()), is_leaf=lambda x: hasattr(x, "eqns") or hasattr(x, "jaxpr")
    )
    for one in inner:
      program = getattr(one, "jaxpr", one)
      if hasattr(program, "eqns"):
        yield from sizes(program)


def test_the_factored_way_has_no_cost_volume_in_its_gradient_either():
  descriptors = random_descriptors((1, 8, 5, 4, 3))
  volume, slice_of_it = 8 * 7 * 20 * 20, 8 * 20 * 20
  most = {
    way: max(sizes(jax.make_jaxpr(jax.grad(lambda d, way=way: way(d).sum()))(descriptors).jaxpr))
    for way in (explicit, factored)
  }
  assert most[explicit] >= volume
  assert most[factored] == slice_of_it
