"""Settings of residual networks: channels, grids, and names in every kind of weights file."""

import jax
import jax.numpy as jnp
import numpy as np
import published
import pytest
from drawn_networks import drawn
from scipy.special import expit

from cosam_jax.models import ReidNet
from cosam_jax.models.backbones.registry import backbone_of
from cosam_jax.models.backbones.resnet import Block, ResNet
from cosam_jax.models.interop import to_torch, variable_shapes


def _torchvision_resnet18_names() -> list[str]:
  names = []

  def add(conv, norm):
    names.append(f"{conv}.weight")
    leaves = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    names.extend(f"{norm}.{leaf}" for leaf in leaves)

  add("conv1", "bn1")
  for layer in (1, 2, 3, 4):
    for block in (0, 1):
      add(f"layer{layer}.{block}.conv1", f"layer{layer}.{block}.bn1")
      add(f"layer{layer}.{block}.conv2", f"layer{layer}.{block}.bn2")
      if layer > 1 and block == 0:
        add(f"layer{layer}.0.downsample.0", f"layer{layer}.0.downsample.1")
  return names


def test_backbone_names_are_torchvisions_and_cadenes():
  model = ReidNet("resnet18", (), image_size=(64, 32))
  state = to_torch(drawn(model), model, layout="torchvision")
  assert list(state) == _torchvision_resnet18_names()
  for family in ("resnet50", "se_resnet50"):
    model = ReidNet(family, (), image_size=(64, 32))
    found = to_torch(jax.tree.map(lambda x: np.zeros(x.shape), variable_shapes(model)), model,
                     layout="torchvision")  # fmt: skip
    base = published.SHAPES["base"][family]
    wanted = {name.removeprefix("base."): tuple(shape) for name, shape in base.items()}
    if family == "resnet50":
      assert set(map(np.prod, wanted.values())) == {value.size for value in found.values()}
      assert found["layer2.0.downsample.0.weight"].shape == (512, 256, 1, 1)
    else:
      assert {name: value.shape for name, value in found.items()} == wanted


def test_channels_widen_from_stage_to_stage():
  def channels(name, width=1.0):
    return [backbone_of(name, width=width).channels(stage) for stage in (2, 3, 4, 5)]

  assert channels("resnet18") == channels("resnet34") == [64, 128, 256, 512]
  assert channels("resnet50") == channels("se_resnet101") == [256, 512, 1024, 2048]
  assert channels("resnet50", 0.125) == [32, 64, 128, 256]
  assert backbone_of("resnet18", width=0.001).channels(2) == 1


@pytest.mark.parametrize("name", ["resnet18", "se_resnet50"])
@pytest.mark.parametrize("size", [(64, 32), (67, 33), (50, 21)])
@pytest.mark.parametrize("last_stride", [1, 2])
def test_grids_are_those_of_the_stages_outputs(name, size, last_stride):
  backbone = backbone_of(name, width=0.125)
  x = jax.ShapeDtypeStruct((1, *size, 3), jnp.float32)
  modules = [backbone.make_stem(jnp.float32)]
  strides = {2: 1, 3: 2, 4: 2, 5: last_stride}
  modules += [backbone.make_stage(stage, stride, jnp.float32) for stage, stride in strides.items()]
  for stage, module in enumerate(modules, start=1):
    x, _ = jax.eval_shape(
      lambda x, module=module: module.init_with_output(jax.random.key(0), x, train=False), x
    )
    if stage > 1:
      assert x.shape[1:3] == backbone.grid_size(size, stage, last_stride)
      assert x.shape[3] == backbone.channels(stage)


def loop_conv(x, kernel, stride):
  """A convolution with as many zeros around as keep the grid, one place at a time."""
  pad = kernel.shape[0] // 2
  padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
  rows, columns = (-(-side // stride) for side in x.shape[1:3])
  out = np.zeros((len(x), rows, columns, kernel.shape[3]))
  for i in range(rows):
    for j in range(columns):
      top, left = i * stride, j * stride
      window = padded[:, top : top + kernel.shape[0], left : left + kernel.shape[1]]
      out[:, i, j] = np.einsum("fhwc,hwco->fo", window, kernel)
  return out


@pytest.mark.parametrize(
  ("name", "strides"),
  [("resnet18", (2, 1)), ("resnet50", (1, 2, 1)), ("se_resnet50", (2, 1, 1))],
)
def test_a_block_is_convolutions_norms_a_gate_and_a_shortcut(name, strides):
  """The strides: torchvision's stand in the 3x3, Cadene's in the first 1x1."""
  rng = np.random.default_rng(0)
  x = rng.standard_normal((2, 6, 4, 8)).astype(np.float32)
  block = Block(backbone_of(name, width=0.25), stage=3, stride=2)
  shapes = jax.eval_shape(lambda: block.init(jax.random.key(0), x, train=False))
  draw = rng.standard_normal
  params = jax.tree.map(lambda leaf: draw(leaf.shape, np.float32), shapes["params"])
  statistics = jax.tree.map(
    lambda leaf: rng.uniform(0.2, 2.0, leaf.shape).astype(np.float32), shapes["batch_stats"]
  )
  found = block.apply({"params": params, "batch_stats": statistics}, x, train=False)

  def norm(which, y):
    mean, var = statistics[which]["mean"], statistics[which]["var"]
    return (y - mean) / np.sqrt(var + 1e-5) * params[which]["scale"] + params[which]["bias"]

  y = x.astype(np.float64)
  for i, stride in enumerate(strides, start=1):
    y = norm(f"norm{i}", loop_conv(y, params[f"conv{i}"]["kernel"], stride))
    y = np.maximum(y, 0) if i < len(strides) else y
  if name == "se_resnet50":
    reduce, expand = params["se_reduce"], params["se_expand"]
    squeezed = np.maximum(y.mean((1, 2)) @ reduce["kernel"][0, 0] + reduce["bias"], 0)
    gate = expit(squeezed @ expand["kernel"][0, 0] + expand["bias"])
    y = y * gate[:, None, None]
  shortcut = norm("shortcut_norm", loop_conv(x, params["shortcut_conv"]["kernel"], 2))
  wanted = np.maximum(y + shortcut, 0)
  assert 0.05 < (wanted > 0).mean() < 1
  np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3 * np.abs(wanted).max())


@pytest.mark.parametrize("name", ["resnet34", "resnet50", "se_resnet50", "resnet101"])
def test_a_network_is_recognised_by_its_names_and_shapes(name):
  model = ReidNet(name, (), image_size=(64, 32), width=0.5)
  state = to_torch(
    jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), variable_shapes(model)),
    model, layout="torchvision",
  )  # fmt: skip
  shapes = {ResNet.of_file(key): value.shape for key, value in state.items()}
  assert ResNet.recognise(shapes) == {"backbone": name, "width": "0.5"}
  fewer = {key: shape for key, shape in shapes.items() if not key.startswith("layer3.1.")}
  assert ResNet.recognise(fewer)["backbone"].startswith("unknown (blocks 3-4-")
  assert ResNet.recognise({}) == {}
