"""OSNet in PyTorch with torchreid's names, for comparison of speed; see `pytorch_network`.

Notation: F frames, C channels, h w grid.
"""

import collections

import torch
import torch.nn.functional as F
from pytorch_backbones import OSNETS
from torch import nn

CHANNELS, VECTOR = (64, 256, 384, 512), 512


class Normed(nn.Module):
  """A convolution and its norm; a ReLU if asked for."""

  def __init__(self, before: int, after: int, size: int = 1, stride: int = 1, relu: bool = True):
    super().__init__()
    self.conv = nn.Conv2d(before, after, size, stride, size // 2, bias=False)
    self.bn = nn.BatchNorm2d(after)
    self.relu = relu

  def forward(self, x):
    """[F, C, h, w] -> [F, C', h / stride, w / stride]."""
    x = self.bn(self.conv(x))
    return F.relu(x, inplace=True) if self.relu else x


class Light(nn.Module):
  """A 1x1 and a depthwise 3x3 convolution, a norm and a ReLU."""

  def __init__(self, channels: int):
    super().__init__()
    self.conv1 = nn.Conv2d(channels, channels, 1, bias=False)
    self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, groups=channels, bias=False)
    self.bn = nn.BatchNorm2d(channels)

  def forward(self, x):
    """[F, C, h, w] -> the same shape."""
    return F.relu(self.bn(self.conv2(self.conv1(x))), inplace=True)


class ChannelGate(nn.Module):
  """The gate that the four streams share."""

  def __init__(self, channels: int):
    super().__init__()
    self.fc1 = nn.Conv2d(channels, max(1, channels // 16), 1)
    self.fc2 = nn.Conv2d(max(1, channels // 16), channels, 1)

  def forward(self, x):
    """[F, C, h, w] -> the same, gated by channel."""
    return x * torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True)))))


class Block(nn.Module):
  """Streams of one to four light convolutions between two 1x1 ones, with a shortcut."""

  def __init__(self, before: int, after: int):
    super().__init__()
    inner = after // 4
    self.conv1 = Normed(before, inner)
    self.conv2a = Light(inner)
    for count, stream in enumerate("bcd", start=2):
      setattr(self, f"conv2{stream}", nn.Sequential(*(Light(inner) for _ in range(count))))
    self.gate = ChannelGate(inner)
    self.conv3 = Normed(inner, after, relu=False)
    self.downsample = Normed(before, after, relu=False) if before != after else None

  def forward(self, x):
    """[F, C, h, w] -> [F, C', h, w]."""
    start = self.conv1(x)
    streams = (self.conv2a, self.conv2b, self.conv2c, self.conv2d)
    y = self.conv3(sum(self.gate(stream(start)) for stream in streams))
    return F.relu(y + (x if self.downsample is None else self.downsample(x)), inplace=True)


def parts(backbone: str, width: float) -> "collections.OrderedDict[str, nn.Module]":
  """The modules before the pool over the grid; the last four are stages 2 to 5."""
  stem, *stages = (max(1, round(n * OSNETS[backbone] * width)) for n in CHANNELS)
  made: collections.OrderedDict[str, nn.Module] = collections.OrderedDict()
  made["conv1"], made["maxpool"] = Normed(3, stem, 7, 2), nn.MaxPool2d(3, 2, 1)
  before = stem
  for number, after in enumerate(stages, start=2):
    layers: list[nn.Module] = [Block(before, after), Block(after, after)]
    if number < 4:
      layers.append(nn.Sequential(Normed(after, after), nn.AvgPool2d(2)))
    made[f"conv{number}"] = nn.Sequential(*layers)
    before = after
  made["conv5"] = Normed(before, before)
  return made


def vector_layers(channels: int) -> nn.Module:
  """[F, C] -> [F, 512]: a linear layer, a norm and a ReLU."""
  return nn.Sequential(nn.Linear(channels, VECTOR), nn.BatchNorm1d(VECTOR), nn.ReLU())
