"""The whole network: sizes, presets, validity masks, and blocks against torch-like loops."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.models import ReidNet
from cosam_jax.models.layers import BatchNorm, Conv
from cosam_jax.models.pooling import max_pool
from cosam_jax.models.temporal_names import stage5_stride

# TA has most of its own; the others take as long again.
SOME_HEADS = [
  "ta", pytest.param("tp", marks=pytest.mark.slow), pytest.param("rnn", marks=pytest.mark.slow)
]  # fmt: skip


def small(**kwargs):
  settings = {
    "backbone": "resnet18", "width": 0.25, "num_frames": 3, "image_size": (64, 32), "num_classes": 5
  }  # fmt: skip
  return ReidNet(**{**settings, **kwargs})


def clips_for(model, batch=2, seed=0):
  shape = (batch, model.num_frames, *model.image_size, 3)
  return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(
  ("backbone", "temporal", "millions"),
  [
    ("resnet50", "tp", 25.942604),
    ("resnet50", "ta", 42.702413),
    ("resnet50", "rnn", 31.17422),
    ("se_resnet50", "tp", 28.473596),
    ("se_resnet50", "ta", 45.233405),
    ("se_resnet50", "rnn", 33.705212),
  ],
)
def test_parameter_counts_are_the_published_networks(backbone, temporal, millions):
  model = ReidNet(backbone=backbone, temporal=temporal, num_classes=10)
  shapes = jax.eval_shape(model.init, jax.random.key(0), clips_for(model, 1))
  count = sum(leaf.size for leaf in jax.tree.leaves(shapes["params"]))
  assert count == round(millions * 1e6)


@pytest.mark.parametrize("backbone", ["resnet18", "resnet34", "resnet101", "se_resnet101"])
def test_other_backbones_build(backbone):
  model = small(backbone=backbone)
  out = jax.eval_shape(
    lambda clips: model.init_with_output(jax.random.key(0), clips)[0], clips_for(model)
  )
  chex.assert_shape(out.logits, (2, 5))
  expansion = 1 if backbone in ("resnet18", "resnet34") else 4
  chex.assert_shape(out.features, (2, 128 * expansion))


@pytest.mark.parametrize("temporal", ["tp", "ta", "rnn"])
@pytest.mark.parametrize("stages", [(), (2,), (3, 5), (2, 3, 4, 5)])
@pytest.mark.parametrize("image_size", [(64, 32), (67, 33)])
def test_every_subset_of_stages_head_and_odd_sizes(temporal, stages, image_size):
  model = small(temporal=temporal, cosam_stages=stages, image_size=image_size, num_frames=2)
  out, variables = jax.eval_shape(
    lambda clips: model.init_with_output(jax.random.key(0), clips), clips_for(model)
  )
  assert tuple(out.masks) == stages
  for stage, masks in out.masks.items():
    chex.assert_shape(masks.spatial, (2, 2, *model.grid_size(stage)))
  assert {f"cosam{stage}" for stage in stages} <= set(variables["params"])


@pytest.mark.parametrize("temporal", SOME_HEADS)
@pytest.mark.parametrize("train", [True, False])
def test_padded_frames_change_nothing(temporal, train):
  model = small(temporal=temporal)
  clips = clips_for(model)
  variables = jax.jit(model.init)(jax.random.key(1), clips)
  valid = np.array([[1, 1, 1], [1, 0, 1]], bool)
  apply = jax.jit(lambda *args: model.apply(*args, train=train, mutable=["batch_stats"]))
  outputs = []
  for filler in (0.0, 9.0):
    filled = clips.copy()
    filled[1, 1] = filler
    out, stats = apply(variables, filled, valid)
    outputs.append((out.features, out.logits, stats))
  chex.assert_trees_all_close(*outputs, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_a_clip_of_valid_frames_needs_no_mask():
  model = small(temporal="ta")
  clips = clips_for(model)
  variables = jax.jit(model.init)(jax.random.key(1), clips)
  apply = jax.jit(lambda *args: model.apply(*args, train=True, mutable=["batch_stats"]))
  plain, _ = apply(variables, clips)
  masked, _ = apply(variables, clips, np.ones((2, 3), bool))
  chex.assert_trees_all_close(plain.features, masked.features, atol=1e-5)


@pytest.mark.parametrize("temporal", SOME_HEADS)
def test_bfloat16_stays_near_float32_and_keeps_float32_where_it_matters(temporal):
  model = small(temporal=temporal)
  clips = clips_for(model)
  variables = jax.jit(model.init)(jax.random.key(1), clips)
  apply = jax.jit(
    lambda half, v: small(temporal=temporal, dtype=jnp.bfloat16 if half else jnp.float32).apply(
      v, clips
    ),
    static_argnums=0,
  )
  full, half = apply(False, variables), apply(True, variables)
  assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(half))
  for name in ("features", "logits"):
    wanted, found = getattr(full, name), getattr(half, name)
    # bfloat16 has 8 bits of mantissa; the layers' roundings add up.
    assert np.linalg.norm(found - wanted) < 0.05 * np.linalg.norm(wanted)


def loop_conv(x, kernel, stride):
  """2-D convolution with padding k//2, one output position at a time."""
  size = kernel.shape[0]
  pad = size // 2
  padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
  rows = (padded.shape[1] - size) // stride + 1
  columns = (padded.shape[2] - size) // stride + 1
  out = np.zeros((len(x), rows, columns, kernel.shape[3]))
  for i in range(rows):
    for j in range(columns):
      window = padded[:, i * stride : i * stride + size, j * stride : j * stride + size]
      out[:, i, j] = np.einsum("fhwc,hwco->fo", window, kernel)
  return out


class Layers(chex.TestCase):
  @chex.variants(with_jit=True, without_jit=True)
  def test_convolution_equals_a_loop(self):
    for size, stride, side in ((1, 1, 5), (1, 2, 5), (1, 2, 6), (3, 1, 5), (3, 2, 6), (7, 2, 9)):
      x = np.random.default_rng(0).standard_normal((2, side, side + 1, 3)).astype(np.float32)
      module = Conv(4, size, stride)
      variables = module.init(jax.random.key(0), x)
      found = self.variant(module.apply)(variables, x)
      expected = loop_conv(x, np.asarray(variables["params"]["kernel"]), stride)
      np.testing.assert_allclose(found, expected, atol=1e-4)

  @chex.variants(with_jit=True, without_jit=True)
  def test_running_variance_is_unbiased(self):
    x = np.random.default_rng(0).standard_normal((6, 2, 2, 3)).astype(np.float32) * 2 + 1
    module = BatchNorm()
    variables = module.init(jax.random.key(0), x, train=True)
    apply = self.variant(lambda v, x: module.apply(v, x, train=True, mutable=["batch_stats"]))
    out, updated = apply(variables, x)
    flat = x.reshape(-1, 3).astype(np.float64)
    expected = (flat - flat.mean(0)) / np.sqrt(flat.var(0) + 1e-5)
    np.testing.assert_allclose(out.reshape(-1, 3), expected, atol=1e-4)
    stats = updated["batch_stats"]
    np.testing.assert_allclose(stats["mean"], 0.1 * flat.mean(0), atol=1e-6)
    np.testing.assert_allclose(stats["var"], 0.9 + 0.1 * flat.var(0, ddof=1), atol=1e-5)


@pytest.mark.parametrize("ceil_mode", [True, False])
@pytest.mark.parametrize("side", [4, 5, 7, 8])
def test_pool_equals_a_loop(ceil_mode, side):
  x = np.random.default_rng(0).standard_normal((1, side, side, 1)).astype(np.float32)
  left = 0 if ceil_mode else 1
  expected = []
  for i in range(100):
    start = i * 2 - left
    # PyTorch: in ceil mode a window starts inside the image; else it ends inside the padding.
    if start + 3 > side + (left if not ceil_mode else 1) or start >= side:
      break
    expected.append(start)
  windows = [
    [x[0, max(r, 0) : r + 3, max(c, 0) : c + 3, 0].max() for c in expected] for r in expected
  ]
  np.testing.assert_array_equal(max_pool(jnp.asarray(x), ceil_mode)[0, :, :, 0], windows)


@pytest.mark.parametrize(
  ("field", "value", "message"),
  [
    ("temporal", "lstm", "temporal is 'lstm': choose one of tp, ta, rnn"),
    ("backbone", "resnet52", "did you mean 'resnet50'"),
    ("cosam_stages", (1,), "choose among stages 2, 3, 4 and 5"),
    ("width", 0.0, "width is 0.0"),
    ("pool", "none", "pool is 'none': choose one of padded, ceil"),
  ],
)
def test_values_outside_their_sets_are_refused(field, value, message):
  model = small(**{field: value})
  with pytest.raises(InputError, match=message):
    jax.eval_shape(model.init, jax.random.key(0), clips_for(model))


def test_clips_of_another_shape_are_refused():
  model = small()
  with pytest.raises(InputError, match=r"built for \[B, 3, 64, 32, 3\]"):
    jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 2, 64, 32, 3)))


@pytest.mark.parametrize("ceil_mode", [True, False])
@pytest.mark.parametrize("size", [(4, 4), (5, 8), (7, 6), (9, 9)])
def test_pool_gradient_goes_to_each_windows_maximum(ceil_mode, size):
  rng = np.random.default_rng(0)
  x = rng.permutation(2 * size[0] * size[1] * 2).reshape(2, *size, 2).astype(np.float32)
  pooled, backward = jax.vjp(lambda x: max_pool(x, ceil_mode), x)
  gradient = rng.standard_normal(pooled.shape).astype(np.float32)
  expected = np.zeros_like(x)
  for at in np.ndindex(pooled.shape):
    # Every value is unique, so the place of the maximum is where the value stands.
    expected[x == pooled[at]] += gradient[at]
  np.testing.assert_allclose(backward(gradient)[0], expected, atol=1e-5)


@pytest.mark.slow
def test_the_portable_form_gives_the_same_features():
  """Converters get this form: it has no choice by platform, and it pools a padded tensor."""
  clips = np.random.default_rng(0).normal(size=(1, 2, 64, 32, 3)).astype(np.float32)
  for pool in ("padded", "ceil"):
    model = ReidNet("resnet18", num_frames=2, image_size=(64, 32), num_classes=3, width=0.25,
                    pool=pool)  # fmt: skip
    variables = model.init(jax.random.key(0), clips)
    program = jax.jit(lambda v, c, model=model: model.clone(portable=True).apply(v, c).features)
    wanted = jax.jit(lambda v, c, model=model: model.apply(v, c).features)(variables, clips)
    np.testing.assert_allclose(program(variables, clips), wanted, rtol=1e-5, atol=1e-6)
    usual = jax.make_jaxpr(lambda v, c, model=model: model.apply(v, c).features)
    assert "platform_index" in str(usual(variables, clips))
    assert "platform_index" not in str(jax.make_jaxpr(program)(variables, clips))


@pytest.mark.parametrize(
  ("temporal", "asked", "stride"),
  [("ta", None, 2), ("tp", None, 1), ("rnn", None, 1), ("ta", 0, 2), ("ta", 1, 1), ("tp", 2, 2)],
)
def test_the_stride_of_the_last_stage_is_the_heads_unless_it_is_asked_for(temporal, asked, stride):
  assert stage5_stride(temporal, asked) == stride
  assert small(temporal=temporal, last_stride=asked).stage5_stride == stride
