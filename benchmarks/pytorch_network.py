"""The network, its losses and its training step in PyTorch, for comparison of speed.

Weights carry over, since they have the same shapes as ours and the published names. Both networks
compute the same numbers, which `against_pytorch.py` checks before it times anything. Included are
ResNet-50, SE-ResNet-50 and OSNet, COSAM with its cost volume, and temporal pooling. The package
does not use this file.

Notation: B clips, T frames, h w grid, N = h*w, C channels, D descriptor size.
"""

import collections
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pytorch_osnet
import torch
import torch.nn.functional as F
from pytorch_backbones import OSNETS, RESNETS
from torch import nn

SUMMARY_CHANNELS, SE_REDUCTION, MARGIN, SMOOTHING = 64, 16, 0.3, 0.1


class Gate(nn.Module):
  """Squeeze and excitation."""

  def __init__(self, channels: int):
    super().__init__()
    self.fc1 = nn.Conv2d(channels, channels // SE_REDUCTION, 1)
    self.fc2 = nn.Conv2d(channels // SE_REDUCTION, channels, 1)

  def forward(self, x):
    """[F, C, h, w] -> the same, gated by channel."""
    return x * torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True)))))


class Bottleneck(nn.Module):
  """1x1, 3x3, 1x1; the SE family strides the first, torchvision the second."""

  def __init__(self, channels: int, inner: int, stride: int, se: bool):
    super().__init__()
    outer = 4 * inner
    first, second = (stride, 1) if se else (1, stride)
    self.conv1 = nn.Conv2d(channels, inner, 1, first, bias=False)
    self.bn1 = nn.BatchNorm2d(inner)
    self.conv2 = nn.Conv2d(inner, inner, 3, second, 1, bias=False)
    self.bn2 = nn.BatchNorm2d(inner)
    self.conv3 = nn.Conv2d(inner, outer, 1, bias=False)
    self.bn3 = nn.BatchNorm2d(outer)
    if se:
      self.se_module = Gate(outer)
    self.se = se
    self.downsample = None
    if stride > 1 or channels != outer:
      self.downsample = nn.Sequential(
        nn.Conv2d(channels, outer, 1, stride, bias=False), nn.BatchNorm2d(outer)
      )

  def forward(self, x):
    """[F, C, h, w] -> [F, 4 inner, h / stride, w / stride]."""
    y = F.relu(self.bn1(self.conv1(x)), inplace=True)
    y = F.relu(self.bn2(self.conv2(y)), inplace=True)
    y = self.bn3(self.conv3(y))
    y = self.se_module(y) if self.se else y
    return F.relu(y + (x if self.downsample is None else self.downsample(x)), inplace=True)


class Cosam(nn.Module):
  """The module with its cost volume, as published."""

  def __init__(self, channels: int, frames: int, positions: int):
    super().__init__()
    size = 64 if channels <= 256 else 256
    self.dim_reduction = nn.Sequential(
      nn.Conv2d(channels, size, 1), nn.BatchNorm2d(size), nn.ReLU(inplace=True)
    )
    self.spatial_mask_summary = nn.Sequential(
      nn.Conv2d((frames - 1) * positions, SUMMARY_CHANNELS, 1),
      nn.BatchNorm2d(SUMMARY_CHANNELS),
      nn.ReLU(inplace=True),
      nn.Conv2d(SUMMARY_CHANNELS, 1, 1),
      nn.Sigmoid(),
    )
    self.channelwise_attention = nn.Sequential(
      nn.Linear(channels, size), nn.Tanh(), nn.Linear(size, channels), nn.Sigmoid()
    )
    self.frames = frames
    others = [[m for m in range(frames) if m != n] for n in range(frames)]
    self.register_buffer("others", torch.tensor(others), persistent=False)

  def forward(self, x):
    """[B*T, C, h, w] -> the same, attended."""
    frames, (height, width) = self.frames, x.shape[2:]
    d = self.dim_reduction(x).float()
    d = (d - d.mean(1, keepdim=True)) / (d.std(1, keepdim=True) + 1e-4)
    d = d.reshape(-1, frames, d.shape[1], height * width)
    # [B, T, N, D] x [B, T, D, (T-1)*N]: each position with the positions of the other frames.
    other = d[:, self.others].transpose(2, 3).flatten(3)
    volume = d.transpose(2, 3) @ other / d.shape[2]
    volume = volume.transpose(2, 3).reshape(x.shape[0], -1, height, width)
    x = x * self.spatial_mask_summary(volume)
    gate = self.channelwise_attention(x.mean((2, 3)))
    gate = gate.reshape(-1, frames, gate.shape[1]).mean(1).repeat_interleave(frames, 0)
    return x + x * gate[:, :, None, None]


class Network(nn.Module):
  """Backbone, COSAM after some of its stages, mean over grid and frames, classifier."""

  def __init__(
    self,
    backbone: str,
    cosam_stages: Iterable[int],
    frames: int,
    image_size: tuple[int, int],
    classes: int,
    width: float = 1.0,
  ):
    super().__init__()
    if backbone in OSNETS:
      self._make_osnet(backbone, tuple(cosam_stages), frames, image_size, classes, width)
      return
    se = backbone.startswith("se_")
    pool = nn.MaxPool2d(3, 2, ceil_mode=True) if se else nn.MaxPool2d(3, 2, 1)
    stem = (("conv1", nn.Conv2d(3, 64, 7, 2, 3, bias=False)), ("bn1", nn.BatchNorm2d(64)),
            ("relu1", nn.ReLU(inplace=True)), ("pool", pool))  # fmt: skip
    stages, channels = [], 64
    for i, count in enumerate(RESNETS[backbone]):
      inner, blocks = round(64 * 2**i * width), []
      for block in range(count):
        stride = 2 if block == 0 and i in (1, 2) else 1
        blocks.append(Bottleneck(channels, inner, stride, se))
        channels = 4 * inner
      stages.append((f"layer{i + 1}", nn.Sequential(*blocks)))
    if se:
      named = [("layer0", nn.Sequential(collections.OrderedDict(stem))), *stages]
      self.base = nn.Sequential(collections.OrderedDict(named))
    else:
      self.base = nn.Sequential(*(module for _, module in (*stem, *stages)))
    first = 1 if se else 2  # The published lists of attentions begin at the stem, or after it.
    attentions = {}
    for stage in cosam_stages:
      scale = 4 * 2 ** min(stage - 2, 2)
      positions = (image_size[0] // scale) * (image_size[1] // scale)
      inner = round(64 * 2 ** (stage - 2) * width)
      attentions[str(stage - first)] = Cosam(4 * inner, frames, positions)
    self.attention_modules = nn.ModuleDict({"attention_modules": nn.ModuleDict(attentions)})
    self.classifier = nn.Linear(channels, classes)
    self.frames, self.first, self.before_vectors = frames, first, list(self.base)

  def _make_osnet(self, backbone, cosam_stages, frames, image_size, classes, width):
    modules = pytorch_osnet.parts(backbone, width)
    self.before_vectors = list(modules.values())
    channels = {}
    for stage in cosam_stages:
      last = self.before_vectors[stage]
      norms = [m for m in last.modules() if isinstance(m, nn.BatchNorm2d)]
      channels[stage] = norms[-1].num_features
    last_channels = self.before_vectors[-1].bn.num_features
    modules["fc"] = pytorch_osnet.vector_layers(last_channels)
    self.base = nn.Sequential(modules)
    attentions = {}
    for stage in cosam_stages:
      scale = 4 * 2 ** (min(stage, 3) - 1)
      positions = (image_size[0] // scale) * (image_size[1] // scale)
      attentions[str(stage - 2)] = Cosam(channels[stage], frames, positions)
    self.attention_modules = nn.ModuleDict({"attention_modules": nn.ModuleDict(attentions)})
    self.classifier = nn.Linear(pytorch_osnet.VECTOR, classes)
    self.frames, self.first = frames, 2

  def forward(self, clips):
    """[B*T, 3, H, W] -> features [B, C] and logits [B, classes]."""
    attentions = self.attention_modules["attention_modules"]
    modules = self.before_vectors
    x = clips
    for module in modules[:-4]:
      x = module(x)
    for stage, module in enumerate(modules[-4:], start=2):
      x = module(x)
      name = str(stage - self.first)
      x = attentions[name](x) if name in attentions else x
    vectors = x.float().mean((2, 3))
    if len(self.base) > len(modules):
      vectors = self.base.fc(vectors)
    features = vectors.reshape(-1, self.frames, vectors.shape[1]).mean(1)
    return features, self.classifier(features)


def loss_of(features, logits, labels):
  """Smoothed cross-entropy plus the batch-hard triplet loss."""
  features = features.float()
  squares = features.square().sum(1)
  squared = squares[:, None] + squares[None] - 2 * features @ features.T
  distance = squared.clamp(min=1e-12).sqrt()
  same = labels[:, None] == labels[None]
  positive = distance.masked_fill(~same, -torch.inf).amax(1)
  negative = distance.masked_fill(same, torch.inf).amin(1)
  triplet = F.relu(positive - negative + MARGIN).mean()
  return F.cross_entropy(logits.float(), labels, label_smoothing=SMOOTHING) + triplet


class Runner:
  """The network on a device, ready to be timed.

  On a GPU it runs as fast as PyTorch can: channels last, autocast to bfloat16, `torch.compile`. On
  a CPU it runs in float32, in the layout asked for.

  Args:
    network: the network; `state`: its weights by published names.
    clips: float32[B, T, H, W, 3]. labels: int[B].
    bfloat16: autocast. compiled: `torch.compile`. channels_last: the layout in memory.
    learning_rate, weight_decay: Adam's.
  """

  def __init__(
    self,
    network: Network,
    state: Mapping[str, np.ndarray],
    clips: np.ndarray,
    labels: np.ndarray,
    *,
    bfloat16: bool,
    compiled: bool,
    channels_last: bool,
    learning_rate: float,
    weight_decay: float,
  ):
    self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    layout = torch.channels_last if channels_last else torch.contiguous_format
    network.load_state_dict({name: torch.as_tensor(value) for name, value in state.items()})
    self.network = network.to(self.device, memory_format=layout)
    frames = torch.as_tensor(clips).flatten(0, 1).permute(0, 3, 1, 2)
    self.clips = frames.to(self.device).contiguous(memory_format=layout)
    self.labels = torch.as_tensor(labels).long().to(self.device)
    self.optimizer = torch.optim.Adam(
      network.parameters(), learning_rate, weight_decay=weight_decay, fused=True
    )
    self._forward: Callable[..., Any] = self._loss
    self._embed: Callable[..., Any] = self._features
    if compiled:
      self._forward, self._embed = torch.compile(self._loss), torch.compile(self._features)
    self._autocast = {"device_type": self.device.type, "dtype": torch.bfloat16, "enabled": bfloat16}

  def _loss(self):
    with torch.autocast(**self._autocast):
      features, logits = self.network(self.clips)
    return loss_of(features, logits, self.labels)

  def _features(self):
    with torch.autocast(**self._autocast):
      return self.network(self.clips)[0]

  def step(self):
    """One training step; returns its loss, float32[]."""
    self.network.train()
    self.optimizer.zero_grad(set_to_none=True)
    loss = self._forward()
    loss.backward()
    self.optimizer.step()
    return loss.detach().float().cpu().numpy()

  def embed(self):
    """The clips' features at inference, float32[B, D]."""
    self.network.eval()
    with torch.inference_mode():
      return self._embed().float().cpu().numpy()

  def wait(self) -> None:
    """Waits until the device has done everything."""
    if self.device.type == "cuda":
      torch.cuda.synchronize()


def runner(
  network: tuple[Any, ...], arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> Runner:
  """The runner of a network, of arguments that a process can be sent."""
  return Runner(Network(*network), *arguments, **keywords)
