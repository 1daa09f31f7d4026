"""Blocks with fused kernels, interpreted, against the same blocks by the compiler."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.models import ReidNet, fused_product
from cosam_jax.models.backbones.registry import NORMS, backbone_of
from cosam_jax.models.backbones.resnet import Block

# The kernels are for GPUs, and slow where a CPU pretends to be one.
pytestmark = [pytest.mark.usefixtures("hasty_compilation"), pytest.mark.slow]
FRAMES, GRID = 4, (4, 2)
VALID = np.array([True, False, True, True])
# Backbone, stage, stride, input channels, and the 1x1 convolutions that are fused.
BLOCKS = {
  "wider, without stride": ("resnet50", 2, 1, 32, 3),
  "torchvision's stride": ("resnet50", 3, 2, 64, 3),
  "of equal channels": ("resnet50", 3, 1, 128, 2),
  "Cadene's stride and a gate": ("se_resnet50", 3, 2, 64, 3),
  "half an instance norm": ("resnet50_ibn_a", 3, 2, 64, 2),
}


def block_of(name, stage, stride, norms, dtype=jnp.float32):
  return Block(backbone_of(name, width=0.25, norms=norms), stage, stride, dtype)


def weights_and_frames(block, channels, seed=0):
  rng = np.random.default_rng(seed)
  x = rng.normal(0.5, 1, (FRAMES, *GRID, channels)).astype(np.float32)
  shapes = jax.eval_shape(lambda: block.init(jax.random.key(0), x, train=True))

  def draw(path, leaf):
    fan_in = np.prod(leaf.shape[:-1]) if len(leaf.shape) > 1 else 4
    middle = 1 if "scale" in jax.tree_util.keystr(path) else 0
    return rng.normal(middle, 1 / np.sqrt(fan_in), leaf.shape).astype(np.float32)

  return jax.tree_util.tree_map_with_path(draw, shapes["params"]), shapes["batch_stats"], x


def results(block, params, statistics, x, valid):
  """Outputs, running statistics, and gradients to weights and frames."""
  statistics = jax.tree.map(lambda leaf: np.full(leaf.shape, 0.5, np.float32), statistics)

  @jax.jit
  def run(params, x):
    def loss(params, x):
      variables = {"params": params, "batch_stats": statistics}
      y, updated = block.apply(variables, x, train=True, valid=valid, mutable=["batch_stats"])
      ahead = jax.random.normal(jax.random.key(1), y.shape)
      return (y.astype(jnp.float32) * ahead).sum(), (y, updated)

    return jax.grad(loss, (0, 1), has_aux=True)(params, x)

  return jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), run(params, x))


@pytest.fixture
def counted(monkeypatch):
  """Appends to a list for each fused product that is traced: whether it has a norm before it."""
  products, genuine = [], fused_product.normed_product

  def counting(x, before, *others, **options):
    products.append(before is not None)
    return genuine(x, before, *others, **options)

  monkeypatch.setattr(fused_product, "normed_product", counting)
  return products


@pytest.mark.parametrize("valid", [None, VALID])
@pytest.mark.parametrize("case", BLOCKS)
def test_outputs_statistics_and_gradients_are_the_compilers(case, valid, counted):
  name, stage, stride, channels, fused = BLOCKS[case]
  blocks = [block_of(name, stage, stride, norms) for norms in NORMS]
  params, statistics, x = weights_and_frames(blocks[0], channels)
  shapes = [
    jax.eval_shape(lambda block=block: block.init(jax.random.key(0), x, train=True))
    for block in blocks
  ]
  chex.assert_trees_all_equal(*shapes)
  counted.clear()
  wanted = results(blocks[0], params, statistics, x, valid)
  assert not counted
  found = results(blocks[1], params, statistics, x, valid)
  assert (len(counted), sum(counted)) == (fused, 1)
  for mine, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
    np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5 * np.abs(theirs).max())


def test_bfloat16_is_no_further_from_float32_than_the_compilers():
  name, stage, stride, channels, _ = BLOCKS["torchvision's stride"]
  given = weights_and_frames(block_of(name, stage, stride, "compiler"), channels)
  truth = results(block_of(name, stage, stride, "compiler"), *given, VALID)
  compilers, ours = (
    results(block_of(name, stage, stride, norms, jnp.bfloat16), *given, VALID) for norms in NORMS
  )
  for wanted, theirs, mine in zip(*map(jax.tree.leaves, (truth, compilers, ours)), strict=True):
    rounding = 2**-8 * np.linalg.norm(wanted)
    assert np.linalg.norm(mine - wanted) < 1.25 * np.linalg.norm(theirs - wanted) + rounding


def test_inference_is_untouched(counted):
  name, stage, stride, channels, _ = BLOCKS["of equal channels"]
  blocks = [block_of(name, stage, stride, norms) for norms in NORMS]
  params, statistics, x = weights_and_frames(blocks[0], channels)
  statistics = jax.tree.map(lambda leaf: np.ones(leaf.shape, np.float32), statistics)
  variables = {"params": params, "batch_stats": statistics}
  programs = [
    jax.jit(lambda x, block=block: block.apply(variables, x, train=False)).lower(x).as_text()
    for block in blocks
  ]
  assert programs[0] == programs[1]
  assert not counted


@pytest.mark.parametrize(
  ("name", "width"), [("resnet18", 1.0), ("osnet_x1_0", 1.0), ("resnet50", 0.02)]
)
def test_a_backbone_without_layers_for_the_kernels_is_refused(name, width):
  with pytest.raises(InputError, match=f"norms is 'fused', but backbone {name} of width {width:g}"):
    _ = ReidNet(name, width=width, norms="fused").settings


def test_an_unknown_way_is_refused():
  with pytest.raises(InputError, match="norms is 'fast': choose one of compiler, fused"):
    backbone_of("resnet50", norms="fast")
