"""The pools over the grid against slow loops."""

import jax
import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.models.spatial_pool import SpatialPool

FEATURES = np.maximum(np.random.default_rng(0).standard_normal((2, 3, 4, 2, 5)), 0).astype(
  np.float32
)


def loop(function):
  made = np.empty((2, 3, 5))
  for clip in range(2):
    for frame in range(3):
      for channel in range(5):
        made[clip, frame, channel] = function(FEATURES[clip, frame, ..., channel].ravel())
  return made


@pytest.mark.parametrize(("kind", "function"), [("average", np.mean), ("max", np.max)])
def test_average_and_max(kind, function):
  found = SpatialPool(kind).apply({}, FEATURES)
  np.testing.assert_allclose(found, loop(function), rtol=1e-6)


@pytest.mark.parametrize("power", [1.0, 3.0, 6.5])
def test_generalised_mean(power):
  pool = SpatialPool("generalised_mean")
  found = pool.apply({"params": {"exponent": np.float32([power])}}, FEATURES)
  wanted = loop(lambda values: (np.maximum(values, 1e-6) ** power).mean() ** (1 / power))
  np.testing.assert_allclose(found, wanted, rtol=1e-4)


@pytest.mark.parametrize("power", [0.5, 6.5, 30.0])
def test_channels_without_activity_have_values_and_gradients(power):
  """Powers of 1e-6 are below what float32 holds; of 20, above it."""
  features = np.zeros((1, 1, 4, 2, 2), np.float32)
  features[..., 1] = 20
  pool = SpatialPool("generalised_mean")

  def total(power, features):
    return pool.apply({"params": {"exponent": power}}, features).sum()

  found = pool.apply({"params": {"exponent": np.float32([power])}}, features)
  np.testing.assert_allclose(found[0, 0], [1e-6, 20], rtol=1e-3)
  for gradient in jax.grad(total, (0, 1))(np.float32([power]), features):
    assert np.isfinite(gradient).all()


def test_the_power_starts_at_three_and_learns():
  pool = SpatialPool("generalised_mean")
  variables = pool.init(jax.random.key(0), FEATURES)
  assert variables["params"]["exponent"].tolist() == [3.0]

  def total(power):
    return pool.apply({"params": {"exponent": power}}, FEATURES).sum()

  here = np.float32([3.0])
  slope = (total(here + 1e-2) - total(here - 1e-2)) / 2e-2
  np.testing.assert_allclose(jax.grad(total)(here)[0], slope, rtol=1e-2)


def test_an_unknown_pool_is_refused():
  with pytest.raises(InputError, match="spatial_pool is 'sum': choose one of average, max, gener"):
    SpatialPool("sum").apply({}, FEATURES)
