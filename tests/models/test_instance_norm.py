"""Instance norm, alone and in half of a norm, against slow loops."""

import numpy as np

from cosam_jax.models.instance_norm import HalfInstanceNorm, InstanceNorm


def draw(*shape, seed=0):
  return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def loop(x, scale, bias):
  y = np.empty_like(x)
  for frame in range(len(x)):
    for channel in range(x.shape[-1]):
      values = x[frame, ..., channel].astype(np.float64)
      normed = (values - values.mean()) / np.sqrt(values.var() + 1e-5)
      y[frame, ..., channel] = normed * scale[channel] + bias[channel]
  return y


def test_each_frame_and_channel_is_normalised_over_its_grid():
  x = 3 * draw(3, 5, 4, 2) + 7
  scale, bias = draw(2, seed=1), draw(2, seed=2)
  found = InstanceNorm().apply({"params": {"scale": scale, "bias": bias}}, x)
  np.testing.assert_allclose(found, loop(x, scale, bias), rtol=1e-4, atol=1e-5)


def test_half_of_the_channels_are_normalised_by_frame_the_others_by_batch():
  x = 3 * draw(4, 3, 2, 5) + 2
  params = {
    "instance": {"scale": draw(2, seed=1), "bias": draw(2, seed=2)},
    "batch": {"scale": draw(3, seed=3), "bias": draw(3, seed=4)},
  }
  statistics = {"batch": {"mean": np.zeros(3, np.float32), "var": np.ones(3, np.float32)}}
  found, updated = HalfInstanceNorm().apply(
    {"params": params, "batch_stats": statistics}, x, train=True, mutable=["batch_stats"]
  )
  first = loop(x[..., :2], **params["instance"])
  np.testing.assert_allclose(found[..., :2], first, rtol=1e-4, atol=1e-5)
  for channel in range(3):
    values = x[..., 2 + channel].astype(np.float64)
    normed = (values - values.mean()) / np.sqrt(values.var() + 1e-5)
    wanted = normed * params["batch"]["scale"][channel] + params["batch"]["bias"][channel]
    np.testing.assert_allclose(found[..., 2 + channel], wanted, rtol=1e-4, atol=1e-5)
    mean = updated["batch_stats"]["batch"]["mean"][channel]
    np.testing.assert_allclose(mean, 0.1 * values.mean(), rtol=1e-4)
