"""ResNet-IBN-a: names and values of IBN-Net, written out in PyTorch."""

import jax
import numpy as np
import pytest
from spread_weights import spread_weights as drawn

from cosam_jax.errors import InputError
from cosam_jax.models import ReidNet, from_torch, to_torch
from cosam_jax.models.folded import fold

pytestmark = pytest.mark.usefixtures("hasty_compilation")


def net(name, **options):
  settings = {"num_frames": 1, "image_size": (64, 32), "num_classes": 3, "cosam_stages": ()}
  return ReidNet(name, **{**settings, "width": 0.25, **options})


def wanted_vectors(torch, state, frames, blocks):
  f = torch.nn.functional
  state = {name: torch.from_numpy(np.asarray(value)) for name, value in state.items()}

  def batch_norm(x, name):
    leaves = ("running_mean", "running_var", "weight", "bias")
    return f.batch_norm(x, *(state[f"{name}.{leaf}"] for leaf in leaves))

  def norm(x, name):
    if f"{name}.IN.weight" not in state:
      return batch_norm(x, name)
    weight, bias = state[f"{name}.IN.weight"], state[f"{name}.IN.bias"]
    half = f.instance_norm(x[:, : len(weight)], weight=weight, bias=bias)
    return torch.cat((half, batch_norm(x[:, len(weight) :], f"{name}.BN")), 1)

  def block(x, name, stride):
    y = norm(f.conv2d(x, state[f"{name}.conv1.weight"]), f"{name}.bn1").relu()
    y = f.conv2d(y, state[f"{name}.conv2.weight"], stride=stride, padding=1)
    y = norm(y, f"{name}.bn2").relu()
    y = norm(f.conv2d(y, state[f"{name}.conv3.weight"]), f"{name}.bn3")
    if f"{name}.se.fc.0.weight" in state:
      gate = f.linear(y.mean((2, 3)), state[f"{name}.se.fc.0.weight"]).relu()
      y = y * f.linear(gate, state[f"{name}.se.fc.2.weight"]).sigmoid()[..., None, None]
    if f"{name}.downsample.0.weight" in state:
      x = f.conv2d(x, state[f"{name}.downsample.0.weight"], stride=stride)
      x = norm(x, f"{name}.downsample.1")
    return (y + x).relu()

  x = torch.from_numpy(frames.transpose(0, 3, 1, 2).copy())
  x = norm(f.conv2d(x, state["conv1.weight"], stride=2, padding=3), "bn1").relu()
  x = f.max_pool2d(x, 3, 2, 1)
  for layer, count in enumerate(blocks, start=1):
    for i in range(count):
      stride = 2 if i == 0 and layer in (2, 3) else 1
      x = block(x, f"layer{layer}.{i}", stride)
  return x.mean((2, 3)).numpy()


@pytest.mark.parametrize(
  "name", [pytest.param("resnet50_ibn_a", marks=pytest.mark.slow), "se_resnet50_ibn_a"]
)
def test_a_frames_vector_is_ibn_nets(torch, name):
  model = net(name)
  variables = drawn(model)
  clips = np.random.default_rng(1).standard_normal((3, 1, 64, 32, 3)).astype(np.float32)
  state = to_torch(variables, model, layout="torchvision")
  wanted = wanted_vectors(torch, state, clips[:, 0], (3, 4, 6, 3))
  assert wanted.std() > 1e-2
  forward = jax.jit(lambda v: model.apply(v, clips).features)
  np.testing.assert_allclose(forward(variables), wanted, rtol=1e-3, atol=1e-4 * wanted.max())
  folded = forward(fold(variables, model.settings))
  np.testing.assert_allclose(folded, wanted, rtol=1e-3, atol=1e-4 * wanted.max())


def test_names_are_ibn_nets():
  state = to_torch(drawn(net("se_resnet50_ibn_a")), net("se_resnet50_ibn_a"), layout="torchvision")
  assert {name for name in state if name.startswith("layer1.0.bn1.") and "num" not in name} == {
    "layer1.0.bn1.IN.weight", "layer1.0.bn1.IN.bias", "layer1.0.bn1.BN.weight",
    "layer1.0.bn1.BN.bias", "layer1.0.bn1.BN.running_mean", "layer1.0.bn1.BN.running_var",
  }  # fmt: skip
  assert "layer4.0.bn1.weight" in state
  assert state["layer1.0.se.fc.0.weight"].shape == (4, 64)
  assert "layer1.0.se.fc.0.bias" not in state


@pytest.mark.slow
def test_files_go_in_and_the_plain_network_refuses_them():
  model = net("resnet50_ibn_a", cosam_stages=(4,), num_frames=2)
  variables = drawn(net("resnet50_ibn_a"))
  state = to_torch(variables, net("resnet50_ibn_a"), layout="torchvision")
  state["fc.weight"] = np.zeros((1000, 512), np.float32)  # ImageNet's classes.
  state["fc.bias"] = np.zeros(1000, np.float32)
  found = from_torch(state, model)
  for part in ("stem", "stage2", "stage5"):
    jax.tree.map(np.testing.assert_array_equal, found["params"][part], variables["params"][part])
  with pytest.raises(InputError, match="they look like backbone=resnet50_ibn_a, but the model has"):
    from_torch(state, net("resnet50"))
  whole = net("se_resnet50_ibn_a", cosam_stages=(2, 5), num_frames=2)
  variables = drawn(whole)
  back = from_torch(to_torch(variables, whole), whole)
  jax.tree.map(np.testing.assert_array_equal, back, variables)
