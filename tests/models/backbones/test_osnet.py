"""OSNet beside torchreid's formulas written out in PyTorch, and with its real weights."""

import jax
import numpy as np
import pytest
from PIL import Image
from spread_weights import spread_weights as drawn

from cosam_jax.data.pixel_numbers import IMAGENET_MEAN, IMAGENET_STD
from cosam_jax.errors import InputError
from cosam_jax.models import ReidNet, from_torch, to_torch
from cosam_jax.models.backbones.family import STAGES
from cosam_jax.models.folded import fold
from cosam_jax.models.interop import variable_shapes
from cosam_jax.models.weight_files import read_weights

pytestmark = pytest.mark.usefixtures("hasty_compilation")


def net(name="osnet_x0_25", **options) -> ReidNet:
  settings = {"num_frames": 2, "image_size": (64, 32), "num_classes": 3, "cosam_stages": ()}
  return ReidNet(name, **{**settings, **options})


class Torch:
  """The network of a state dict, layer by layer, with PyTorch's functions."""

  def __init__(self, state):
    import torch

    self.f = torch.nn.functional
    self.state = {name: torch.from_numpy(np.asarray(value)) for name, value in state.items()}

  def conv(self, x, name, **options):
    return self.f.conv2d(x, self.state[f"{name}.weight"], **options)

  def norm(self, x, name):
    weight, bias = (self.state[f"{name}.{leaf}"] for leaf in ("weight", "bias"))
    if f"{name}.running_mean" not in self.state:
      return self.f.instance_norm(x, weight=weight, bias=bias)
    mean, var = (self.state[f"{name}.running_{leaf}"] for leaf in ("mean", "var"))
    return self.f.batch_norm(x, mean, var, weight, bias)

  def conv_norm(self, x, name, **options):
    return self.norm(self.conv(x, f"{name}.conv", **options), f"{name}.bn")

  def light(self, x, name):
    x = self.conv(x, f"{name}.conv1")
    x = self.conv(x, f"{name}.conv2", padding=1, groups=x.shape[1])
    return self.norm(x, f"{name}.bn").relu()

  def gated(self, x, name):
    y = x.mean((2, 3), keepdim=True)
    y = self.conv(y, f"{name}.fc1", bias=self.state[f"{name}.fc1.bias"]).relu()
    y = self.conv(y, f"{name}.fc2", bias=self.state[f"{name}.fc2.bias"])
    return x * y.sigmoid()

  def block(self, x, name):
    start, total = self.conv_norm(x, f"{name}.conv1").relu(), 0
    for count, stream in enumerate("abcd", start=1):
      y = start
      for i in range(count):
        y = self.light(y, f"{name}.conv2{stream}" + (f".{i}" if count > 1 else ""))
      total = total + self.gated(y, f"{name}.gate")
    y = self.conv_norm(total, f"{name}.conv3")
    if f"{name}.downsample.conv.weight" in self.state:
      x = self.conv_norm(x, f"{name}.downsample")
    y = y + x
    return (self.norm(y, f"{name}.IN") if f"{name}.IN.weight" in self.state else y).relu()

  def __call__(self, x):
    x = self.conv_norm(x, "conv1", stride=2, padding=3).relu()
    x = self.f.max_pool2d(x, 3, 2, 1)
    for stage in (2, 3, 4):
      x = self.block(self.block(x, f"conv{stage}.0"), f"conv{stage}.1")
      if stage < 4:
        x = self.f.avg_pool2d(self.conv_norm(x, f"conv{stage}.2.0").relu(), 2)
    x = self.conv_norm(x, "conv5").relu().mean((2, 3))
    x = self.f.linear(x, self.state["fc.0.weight"], self.state["fc.0.bias"])
    return self.norm(x, "fc.1").relu().numpy()


@pytest.mark.parametrize(
  ("name", "image_size"),
  [
    ("osnet_x0_25", (70, 44)),
    ("osnet_ibn_x1_0", (64, 32)),
    pytest.param("osnet_x0_25", (64, 32), marks=pytest.mark.slow),
    pytest.param("osnet_ibn_x1_0", (70, 44), marks=pytest.mark.slow),
  ],
)
def test_a_frames_vector_is_torchreids(torch, name, image_size):
  model = net(name, image_size=image_size, width=1.0 if name == "osnet_x0_25" else 0.25)
  variables = drawn(model)
  clips = np.random.default_rng(1).standard_normal((2, 2, *image_size, 3)).astype(np.float32)
  found = jax.jit(lambda v: model.apply(v, clips, train=False))(variables)
  state = to_torch(variables, model, layout="torchvision")
  frames = torch.from_numpy(clips.reshape(-1, *clips.shape[2:]).transpose(0, 3, 1, 2).copy())
  wanted = Torch(state)(frames).reshape(2, 2, -1).mean(1)
  assert wanted.std() > 1e-2
  np.testing.assert_allclose(found.features, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())
  folded = jax.jit(lambda v: model.apply(v, clips, train=False))(fold(variables, model.settings))
  np.testing.assert_allclose(folded.features, found.features, rtol=1e-4, atol=1e-5)


def test_grids_are_those_of_its_outputs():
  for size in ((64, 32), (70, 44), (33, 17)):
    model = net(image_size=size)
    clips = np.zeros((1, 2, *size, 3), np.float32)
    outputs = jax.eval_shape(
      lambda v, c, model=model: model.apply(v, c, method="stage_outputs"),
      variable_shapes(model),
      clips,
    )
    for stage in STAGES:
      wanted = (*model.grid_size(stage), model.settings.channels(stage))
      assert outputs[stage].shape[2:] == wanted
  with pytest.raises(InputError, match=r"image_size is \(8, 8\), of which OSNet leaves nothing"):
    net(image_size=(8, 8)).grid_size(5)
  with pytest.raises(InputError, match="last_stride is 2, but backbone osnet_x0_25 has no such"):
    variable_shapes(net(last_stride=2))


@pytest.mark.slow
@pytest.mark.parametrize(
  "stage", [4, *(pytest.param(stage, marks=pytest.mark.slow) for stage in (2, 3, 5))]
)
def test_cosam_may_follow_any_stage_and_names_come_back(stage):
  model = net(cosam_stages=(stage,))
  variables = drawn(model)
  state = to_torch(variables, model)
  back = from_torch(state, model)
  jax.tree.map(np.testing.assert_array_equal, back, variables)
  clips = np.random.default_rng(1).standard_normal((2, 2, 64, 32, 3)).astype(np.float32)
  outputs = jax.jit(lambda v: model.apply(v, clips, train=False))(variables)
  assert outputs.masks[stage].spatial.shape == (2, 2, *model.grid_size(stage))
  assert np.isfinite(outputs.features).all()


@pytest.mark.slow
def test_a_file_of_torchreid_has_a_classifier_of_other_people():
  model = net(cosam_stages=(4,))
  state = to_torch(drawn(net(num_classes=7)), net(num_classes=7), layout="torchvision")
  state |= {"classifier.weight": np.zeros((7, 512), np.float32), "classifier.bias": np.zeros(7)}
  variables = from_torch({f"module.{name}": value for name, value in state.items()}, model)
  found = variables["params"]["stage2"]["block0"]["stream_b_1"]["pointwise"]["kernel"]
  np.testing.assert_array_equal(found[0, 0].T, state["conv2.0.conv2b.1.conv1.weight"][..., 0, 0])
  with pytest.raises(InputError, match="they look like backbone=osnet_x0_25, num_classes=7, but"):
    from_torch(state, net("osnet_x0_5"))


def test_real_weights_give_the_published_vectors(shared):
  """OSNet x0.25 of torchreid's model zoo, trained on MSMT17; frames resized by PIL."""
  golden = np.load(shared / "golden" / "weights_osnet_x0_25.npz")
  frames = []
  for name in golden["files"]:
    with Image.open(shared / "data" / "mars8" / "bbox_train" / str(name)) as image:
      pixels = np.asarray(image.convert("RGB").resize((128, 256), Image.Resampling.BILINEAR))
    frames.append((pixels / 255 - IMAGENET_MEAN) / IMAGENET_STD)
  model = net(num_frames=1, image_size=(256, 128))
  variables = from_torch(read_weights(shared / "weights" / "osnet_x0_25_msmt17.npz"), model)
  clips = np.asarray(frames, np.float32)[:, None]
  for weights in (variables, fold(variables, model.settings)):
    found = jax.jit(lambda v: model.apply(v, clips, train=False))(weights).features
    np.testing.assert_allclose(found, golden["embeddings"], atol=1e-4)
