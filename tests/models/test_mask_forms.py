"""COSAM's masks in forms that are ours: free of positions, and made of other features."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from drawn_networks import small
from spread_weights import spread_weights

from cosam_jax.errors import InputError
from cosam_jax.models import Cosam
from cosam_jax.models.cosam import descriptor_size
from cosam_jax.models.interop import variable_shapes

pytestmark = pytest.mark.usefixtures("hasty_compilation")

FREE = Cosam(summary="position_free")


def random_features(shape, seed=0):
  return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def shapes_of(module, features, **given):
  return jax.eval_shape(lambda: module.init(jax.random.key(0), features, train=False, **given))


def variables_of(module, features, **given):
  """Drawn variables; scales and variances around one."""
  rng = np.random.default_rng(1)

  def draw(path, leaf):
    around = 1 if path[-1].key in ("scale", "var") else 0
    return (around + 0.3 * rng.uniform(-1, 1, leaf.shape)).astype(np.float32)

  return jax.tree_util.tree_map_with_path(draw, shapes_of(module, features, **given))


@pytest.mark.slow
def test_explicit_and_factored_agree_and_gradients_are_finite():
  """In the last clip all features but one are zero."""
  features, cotangent = random_features((3, 3, 4, 2, 8)), random_features((3, 3, 4, 2, 8), 5)
  features[2] = 0
  features[2, 0, 0, 0] = 1
  valid = np.array([[1, 1, 1], [1, 1, 0], [1, 1, 1]], bool)
  variables = variables_of(FREE, features)

  def forward(module, params, features):
    given = {**variables, "params": params}
    return module.apply(given, features, valid, train=True, mutable=["batch_stats"])[0]

  @jax.jit
  def explicit(params, features):
    return forward(FREE.clone(cost_volume="explicit"), params, features)

  @jax.jit
  def factored(params, features):
    out, masks = forward(FREE, params, features)
    return (out * cotangent).sum() + masks.spatial.sum(), (out, masks)

  given = variables["params"], features
  gradients, found = jax.grad(factored, argnums=(0, 1), has_aux=True)(*given)
  chex.assert_trees_all_close(found, explicit(*given), rtol=1e-4, atol=1e-5)
  assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients))
  moved = np.abs(gradients[0]["summary"]["kernel"]).max((0, 1, 3))
  assert (moved > 1e-4).all(), "each of the three numbers has a say"


@pytest.fixture(scope="module")
def free(hasty_compilation):
  """While training: (features [2, 3, 4, 2, 8], valid) -> the layer's outputs, its statistics."""
  del hasty_compilation
  variables = variables_of(FREE, jnp.zeros((2, 3, 4, 2, 8)))
  return jax.jit(lambda x, valid: FREE.apply(
    variables, x, valid, train=True, mutable=["batch_stats"]
  ))  # fmt: skip


def test_neither_the_order_of_frames_nor_that_of_positions_matters(free):
  features, valid = random_features((2, 3, 4, 2, 8)), np.ones((2, 3), bool)
  order, places = np.array([2, 0, 1]), np.random.default_rng(3).permutation(8)

  def moved(x):
    x = np.asarray(x)
    return x.reshape(2, 3, 8, -1)[:, order][:, :, places].reshape(x.shape)

  (out, masks), _ = free(features, valid)
  assert np.abs(moved(masks.spatial) - masks.spatial).max() > 1e-2
  (found, other), _ = free(moved(features), valid)
  np.testing.assert_allclose(other.spatial, moved(masks.spatial), atol=1e-5)
  np.testing.assert_allclose(found, moved(out), atol=1e-4)


def test_padded_frames_change_nothing(free):
  features = random_features((2, 3, 4, 2, 8))
  valid, outputs = np.array([[1, 1, 1], [1, 1, 0]], bool), []
  for filler in (0.0, 50.0):
    filled = features.copy()
    filled[1, 2] = filler
    (out, masks), stats = free(filled, valid)
    outputs.append((out[0], out[1, :2], masks.spatial[1, :2], masks.channel, stats))
  chex.assert_trees_all_close(*outputs, atol=1e-6)


def test_the_same_weights_fit_any_number_of_frames_and_grid():
  shapes = shapes_of(FREE, jnp.zeros((1, 3, 4, 2, 8)))
  assert shapes["params"]["summary"]["kernel"].shape == (1, 1, 3, 64)

  def masks_with(variables, frames, grid):
    features = jax.ShapeDtypeStruct((1, frames, *grid, 8), jnp.float32)
    found = jax.eval_shape(lambda v, x: FREE.apply(v, x, train=False)[1], variables, features)
    return found.spatial

  for frames, grid in ((2, (4, 2)), (5, (3, 5))):
    assert masks_with(shapes, frames, grid).shape == (1, frames, *grid)
  published = shapes_of(Cosam(), jnp.zeros((1, 3, 4, 2, 8)))
  with pytest.raises(InputError, match=r"have 16 inputs, but summary='position_free' needs 3: use"):
    masks_with(published, 3, (4, 2))


def test_masks_are_made_of_the_features_that_are_described():
  """They follow those and no others, and what is masked stays the stage's own."""
  features, below = random_features((1, 2, 2, 2, 16)), random_features((1, 2, 4, 4, 12), 1)
  module, cotangent = Cosam(), random_features((1, 2, 2, 2), 2)
  variables = variables_of(module, features, described=below)
  assert variables["params"]["reduce"]["kernel"].shape == (1, 1, 12, 64)

  def weighted(features, below):
    out, masks = module.apply(variables, features, train=False, described=below)
    return (masks.spatial * cotangent).sum(), (out, masks)

  slope = jax.jit(jax.grad(weighted, argnums=(0, 1), has_aux=True))
  (to_features, to_below), (attended, masks) = slope(features, below)
  assert not np.asarray(to_features).any()
  assert (np.abs(to_below).max((0, 1, 4)) > 0).all()
  spatial, channel = np.asarray(masks.spatial)[..., None], np.asarray(masks.channel)
  wanted = features * spatial * (1 + channel[:, None, None, None])
  np.testing.assert_allclose(attended, wanted, atol=1e-6)
  # Means over cells are all that is seen of the finer grid.
  pooled = below.reshape(1, 2, 2, 2, 2, 2, 12).mean((3, 5))
  as_fine = jnp.repeat(jnp.repeat(pooled, 2, 2), 2, 3)
  _, (_, same) = slope(features, as_fine)
  chex.assert_trees_all_close(same, masks, atol=1e-6)


@pytest.mark.parametrize(
  ("backbone", "image_size"),
  [
    ("resnet18", (67, 45)),
    pytest.param("resnet50", (64, 32), marks=pytest.mark.slow),
    pytest.param("osnet_x0_25", (64, 32), marks=pytest.mark.slow),
    pytest.param("osnet_x0_25", (67, 45), marks=pytest.mark.slow),
  ],
)
def test_descriptors_of_the_stage_below_have_its_channels(backbone, image_size):
  """At every position of COSAM; all other shapes are those of the published form."""
  options = {"cosam_stages": (2, 3, 4, 5), "image_size": image_size}
  model = small(backbone, **options, descriptors="below")
  clips = jax.ShapeDtypeStruct((1, 3, *image_size, 3), jnp.float32)
  out, found = jax.eval_shape(lambda x: model.init_with_output(jax.random.key(0), x), clips)
  published = variable_shapes(small(backbone, **options))
  channels = {s: model.settings.channels(s) for s in (2, 3, 4, 5)}
  channels[1] = found["params"]["stem"]["conv"]["kernel"].shape[-1]
  for stage in model.cosam_stages:
    assert out.masks[stage].spatial.shape == (1, 3, *model.grid_size(stage))
    kernel = found["params"][f"cosam{stage}"]["reduce"]["kernel"]
    inputs = channels[stage - 1]
    assert kernel.shape == (1, 1, inputs, descriptor_size(inputs))
    for tree in (found, published):
      tree["params"][f"cosam{stage}"].pop("reduce")
      for kind in ("params", "batch_stats"):
        tree[kind][f"cosam{stage}"].pop("reduce_norm")
  assert found == published


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["resnet18", "osnet_x0_25"])
def test_at_every_position_masks_have_gradients_to_the_stage_below_alone(backbone):
  stages, clips = (2, 3, 4, 5), random_features((2, 2, 32, 16, 3))
  published = small(backbone, cosam_stages=stages, image_size=(32, 16), num_frames=2)
  model = published.clone(descriptors="below")
  variables = spread_weights(model)

  def weighted(params, weights):
    out = model.apply({**variables, "params": params}, clips)
    sums = [
      (mask.spatial * jnp.arange(mask.spatial.size).reshape(mask.spatial.shape)).sum()
      for mask in out.masks.values()
    ]
    return (jnp.stack(sums) * weights).sum(), out

  slope = jax.jit(jax.grad(weighted, has_aux=True))
  for i, stage in enumerate(stages):
    gradients, out = slope(variables["params"], np.eye(4, dtype=np.float32)[i])
    parts = ("stem", *(f"stage{number}" for number in stages))
    reached = [
      part for part in parts
      if any(np.asarray(leaf).any() for leaf in jax.tree.leaves(gradients[part]))
    ]  # fmt: skip
    assert reached == list(parts[: stage - 1])
  other = jax.jit(lambda v: published.apply(v, clips))(spread_weights(published))
  chex.assert_trees_all_equal_shapes(out, other)
  assert np.abs(out.features - other.features).max() > 1e-3
  for stage in stages:
    assert np.abs(out.masks[stage].spatial - other.masks[stage].spatial).max() > 1e-3


@pytest.mark.parametrize(("field", "value"), [("summary", "statistics"), ("descriptors", "stem")])
def test_forms_that_do_not_exist_are_refused(field, value):
  with pytest.raises(InputError, match=f"{field} is '{value}': choose one of"):
    variable_shapes(small(**{field: value}))
