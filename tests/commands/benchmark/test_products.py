"""A bottleneck's products alone: their sizes, both ways' numbers, and why they are left out."""

import jax
import numpy as np
import pytest
import tiny

from cosam_jax.commands.benchmark import products
from cosam_jax.commands.benchmark.options import Options
from cosam_jax.experiment import config as config_rules
from cosam_jax.models.backbones.registry import NORMS

pytestmark = pytest.mark.usefixtures("hasty_compilation")


def config(**fields):
  return config_rules.resolve(tiny.config("nowhere", data__name="mars", **fields))


@pytest.mark.parametrize(("normed", "channels"), [(False, [256, 64]), (True, [64, 256])])
def test_a_product_of_a_tiny_network(normed, channels):
  """The kernels are interpreted here, so the ratio says nothing but its own division."""
  record = products.product(config(model__backbone="resnet50"), 5, normed, repeats=2)
  assert record["grid"] == [4, 2]
  assert record["frames"] == 2 * 2 * 2
  assert record["channels"] == channels
  weights = channels[0] * channels[1] + 2 * channels[1] + 2 * channels[0] * normed
  for norms in NORMS:
    # Weights, what comes in, and the gradient that comes back.
    assert record[norms]["memory_bytes"]["arguments"] == 4 * (weights + 64 * sum(channels))
  times = [record[norms]["median_seconds"] for norms in NORMS]
  assert record["ratio"] == times[0] / times[1]


@pytest.mark.parametrize("normed", [False, True])
def test_both_ways_compute_the_same(normed):
  x = np.random.default_rng(0).normal(1, 1, (2, 4, 4, 32)).astype(np.float32)
  layers = [products.Product(16, normed, norms, np.float32) for norms in NORMS]
  variables = layers[0].init(jax.random.key(0), x)
  wanted, found = (
    jax.tree.leaves(layer.apply(variables, x, mutable=["batch_stats"])) for layer in layers
  )
  for mine, theirs in zip(found, wanted, strict=True):
    np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(jax.default_backend() == "gpu", reason="a GPU measures them")
@pytest.mark.parametrize(
  ("backbone", "reason"),
  [
    ("resnet18", "backbone resnet18 has none that are fused"),
    ("resnet50", "the fused kernels are for one NVIDIA GPU"),
  ],
)
def test_products_that_cannot_be_measured_are_left_out(backbone, reason):
  found = products.products(config(model__backbone=backbone), Options())
  assert found["left_out"].startswith(reason)
