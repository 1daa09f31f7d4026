"""ResNet-18/34/50/101, SE-ResNet-50/101 and their IBN-a forms as settings of one network of stages.

Stage numbers are the poster's: stage 2 is torchvision's `layer1`, stage 5 is `layer4`.
The two kinds differ in three ways, each a setting: torchvision strides the 3x3 convolution and
pads the pool; Cadene's SE networks stride the first 1x1, pool in ceil mode without padding and
gate each block's output with squeeze-and-excitation (reduction 16). Plain names are torchvision's.
In the IBN-a forms, the first norm of each block of stages 2 to 4 is half an instance norm; they
have torchvision's strides and pool, and gates without biases.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Literal

import jax
import jax.numpy as jnp
from flax import linen as nn

from cosam_jax.models.backbones.family import LEAVES, Backbone, Path
from cosam_jax.models.backbones.registry import BACKBONES
from cosam_jax.models.instance_norm import HalfInstanceNorm
from cosam_jax.models.layers import BatchNorm, Conv, Dtype
from cosam_jax.models.normalise import Affine
from cosam_jax.models.pooling import max_pool, pooled_size, portable_max_pool

SE_REDUCTION = 16
_STEM_CHANNELS = 64
_STEM = {"conv": "conv1", "norm": "bn1"}
# Our name -> PyTorch's, in PyTorch's order.
_MODULES = {
  "conv1": "conv1", "norm1": "bn1", "conv2": "conv2", "norm2": "bn2", "conv3": "conv3",
  "norm3": "bn3", "se_reduce": "se_module.fc1", "se_expand": "se_module.fc2",
  "shortcut_conv": "downsample.0", "shortcut_norm": "downsample.1",
}  # fmt: skip
_HALVES = {"instance": "IN", "batch": "BN"}
# Names of the modules in PyTorch's order; the halves of a norm come before the norm as a whole.
_IN_ORDER = [f"bn1.{half}" for half in _HALVES.values()]
_IN_ORDER = ["conv1", *_IN_ORDER, *list(_MODULES.values())[1:]]
_GATES = {"se.fc.0": "se_module.fc1", "se.fc.2": "se_module.fc2"}  # IBN-Net's names -> Cadene's.
_PARTS = ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4")
# The published code numbers the parts of torchvision's network.
_NUMBERS = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}


@dataclasses.dataclass(frozen=True)
class ResNet(Backbone):
  """A residual network, given by its settings.

  `fused`: while training, bottlenecks have the kernels of `models.fused_product`.
  """

  blocks: tuple[int, int, int, int]
  bottleneck: bool
  squeeze_excitation: bool
  stride_in: Literal["1x1", "3x3"]
  pool: Literal["padded", "ceil"]
  ibn: bool = False
  width: float = 1.0
  fused: bool = False

  FOLDED = {"norm": "conv", "norm1": "conv1", "norm2": "conv2", "norm3": "conv3",
            "shortcut_norm": "shortcut_conv"}  # fmt: skip
  PLAIN = re.compile(r"(conv1|bn1)\.\w+$|layer[1-4]\.\d+\.\w")

  @property
  def expansion(self) -> int:
    """Output channels of a block over its inner width."""
    return 4 if self.bottleneck else 1

  @property
  def fusible(self) -> bool:
    """See `Backbone`: a bottleneck, and in the widest stage channels that the kernels take."""
    # Imported late, since few runs need Pallas.
    from cosam_jax.models.fused_product import fits

    return self.bottleneck and fits(16, self.inner_width(5), self.channels(5), jnp.float32)

  def inner_width(self, stage: int) -> int:
    """Channels inside the blocks of `stage`; the stem keeps 64 whatever the width multiplier."""
    return max(1, round(64 * 2 ** (stage - 2) * self.width))

  def channels(self, stage: int) -> int:
    """See `Backbone`."""
    return self.inner_width(stage) * self.expansion

  def grid_size(self, image_size: tuple[int, int], stage: int, last_stride: int) -> tuple[int, int]:
    """See `Backbone`."""

    def side(pixels: int) -> int:
      size = pooled_size(-(-pixels // 2), ceil_mode=self.pool == "ceil")
      for s in range(3, stage + 1):
        size = -(-size // (last_stride if s == 5 else 2))
      return size

    return side(image_size[0]), side(image_size[1])

  def make_stem(self, dtype: Dtype, portable: bool = False) -> nn.Module:
    """See `Backbone`."""
    return Stem(self, dtype, portable)

  def make_stage(
    self, stage: int, stride: int, dtype: Dtype, remat: bool = False, portable: bool = False
  ) -> nn.Module:
    """See `Backbone`."""
    return Stage(self, stage, stride, dtype, remat, portable)

  @staticmethod
  def of_variable(path: Path) -> str:
    """See `Backbone`."""
    part, *modules, leaf = path
    if part == "stem":
      return f"{_STEM[modules[0]]}.{LEAVES[leaf]}"
    block, module, *half = modules
    name = ".".join([_MODULES[module], *(_HALVES[name] for name in half), LEAVES[leaf]])
    return f"layer{int(part[5:]) - 1}.{block.removeprefix('block')}.{name}"

  @staticmethod
  def of_file(name: str) -> str:
    """See `Backbone`; knows torchvision's, Cadene's, IBN-Net's and the published code's names."""
    name = name.removeprefix("layer0.")
    for theirs, ours in _GATES.items():
      name = name.replace(f".{theirs}.", f".{ours}.")
    first, _, rest = name.partition(".")
    return f"{_NUMBERS[first]}.{rest}" if first in _NUMBERS else name

  def to_file(self, plain: str, *, published: bool) -> str:
    """See `Backbone`; its own weights are torchvision's, Cadene's for SE, or IBN-Net's."""
    part, _, rest = plain.partition(".")
    if self.ibn and not published:
      for theirs, ours in _GATES.items():
        plain = plain.replace(f".{ours}.", f".{theirs}.")
    elif self.squeeze_excitation:
      plain = plain if part.startswith("layer") else f"layer0.{plain}"
    elif published:
      number = next(number for number, name in _NUMBERS.items() if name == part)
      plain = f"{number}.{rest}"
    return f"base.{plain}" if published else plain

  @staticmethod
  def first_cosam(names: Iterable[str]) -> int:
    """See `Backbone`; for SE the published code counts the stem too."""
    return 1 if any(".se_module." in name for name in names) else 2

  @staticmethod
  def order(plain: str) -> tuple[int, ...]:
    """See `Backbone`."""
    part, _, rest = plain.partition(".")
    leaves = list(LEAVES.values())
    module = next((i for i, name in enumerate(_IN_ORDER) if f".{name}." in f".{rest}"), -1)
    leaf = next(i for i, name in enumerate(leaves) if f".{rest}".endswith(f".{name}"))
    block = int(rest.split(".")[0]) if part.startswith("layer") else 0
    return _PARTS.index(part), block, module, leaf

  @staticmethod
  def recognise(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """See `Backbone`."""
    found: dict[str, str] = {}
    blocks = tuple(_count(shapes, rf"layer{n}\.(\d+)\.") for n in (1, 2, 3, 4))
    bottleneck = any(".conv3." in name for name in shapes)
    se = any(".se_module." in name for name in shapes)
    if any(blocks):
      found["backbone"] = f"unknown (blocks {'-'.join(map(str, blocks))}{', SE' if se else ''})"
    ibn = any(".bn1.IN." in name for name in shapes)
    seen = {"blocks": blocks, "bottleneck": bottleneck, "squeeze_excitation": se, "ibn": ibn}
    for name, row in BACKBONES.items():
      if row.load() is ResNet and seen.items() <= row.settings.items():
        found["backbone"] = name
    first = shapes.get("layer1.0.conv1.weight")
    if first:
      found["width"] = f"{first[0] / 64:g}"
    return found


def _count(names: Iterable[str], pattern: str) -> int:
  return len({match[1] for name in names if (match := re.match(pattern, name))})


class Stem(nn.Module):
  """7x7 convolution with stride 2, norm, ReLU, 3x3 pool with stride 2."""

  settings: ResNet
  dtype: Dtype = jnp.float32
  portable: bool = False

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool, valid: jax.Array | None = None) -> jax.Array:
    """float[F, H, W, 3] -> dtype[F, ~H/4, ~W/4, 64]."""
    x = Conv(_STEM_CHANNELS, 7, 2, dtype=self.dtype, portable=self.portable, name="conv")(x)
    x = nn.relu(BatchNorm(dtype=self.dtype, name="norm")(x, train=train, valid=valid))
    pool = portable_max_pool if self.portable else max_pool
    return pool(x, self.settings.pool == "ceil")


class Block(nn.Module):
  """One residual block: basic (two 3x3) or bottleneck (1x1, 3x3, 1x1), gated or not."""

  settings: ResNet
  stage: int
  stride: int
  dtype: Dtype = jnp.float32
  portable: bool = False

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool, valid: jax.Array | None = None) -> jax.Array:
    """float[F, h, w, C] -> dtype[F, ceil(h/stride), ceil(w/stride), C']."""
    settings = self.settings
    inner, outer = settings.inner_width(self.stage), settings.channels(self.stage)
    plan: tuple[tuple[int, int, int], ...]  # features, kernel size, stride
    if settings.bottleneck:
      first = self.stride if settings.stride_in == "1x1" else 1
      plan = ((inner, 1, first), (inner, 3, self.stride // first), (outer, 1, 1))
    else:
      plan = ((inner, 3, self.stride), (outer, 3, 1))

    half = settings.ibn and self.stage < 5
    fused = settings.fused and settings.bottleneck and train

    def normed(name: str, conv: Conv, y: jax.Array, before: Affine | None = None) -> jax.Array:
      """The norm of a convolution, of which a fused one also takes the norm and ReLU before it."""
      if half and name == "norm1":
        return HalfInstanceNorm(self.dtype, name=name)(conv(y), train=train, valid=valid)
      norm = BatchNorm(dtype=self.dtype, name=name)
      if not fused or conv.kernel_size > 1:
        return norm(conv(y), train=train, valid=valid)
      return norm.of_product(*conv.operands(y), before, valid=valid)

    y, before = x, None
    for i, (features, size, stride) in enumerate(plan, start=1):
      conv = Conv(features, size, stride, dtype=self.dtype, portable=self.portable, name=f"conv{i}")
      if fused and i == 2:
        y = conv(y)
        before = BatchNorm(dtype=self.dtype, name="norm2").affine(y, valid=valid)
        continue
      y = normed(f"norm{i}", conv, y, before)
      y = nn.relu(y) if i < len(plan) else y
    if settings.squeeze_excitation:
      y = y * self._gate(y.mean((1, 2), keepdims=True), outer)
    if self.stride > 1 or x.shape[-1] != outer:
      shortcut = Conv(
        outer, 1, self.stride, dtype=self.dtype, portable=self.portable, name="shortcut_conv"
      )
      x = normed("shortcut_norm", shortcut, x)
    return nn.relu(y + x)

  def _gate(self, squeezed: jax.Array, outer: int) -> jax.Array:
    """Squeeze-and-excitation: dtype[F, 1, 1, C] -> dtype[F, 1, 1, C], 0..1."""
    inner = outer // SE_REDUCTION
    if self.settings.ibn:  # IBN-Net's are linear layers without biases.
      reduced: nn.Module = nn.Dense(inner, use_bias=False, dtype=self.dtype, name="se_reduce")
      expand: nn.Module = nn.Dense(outer, use_bias=False, dtype=self.dtype, name="se_expand")
    else:
      reduced = Conv(inner, use_bias=True, dtype=self.dtype, name="se_reduce")
      expand = Conv(outer, use_bias=True, dtype=self.dtype, name="se_expand")
    return nn.sigmoid(expand(nn.relu(reduced(squeezed))))  # type: ignore[operator]


class Stage(nn.Module):
  """The residual blocks of one stage; the first one strides.

  `remat`: only the input of each block is kept for the gradient.
  """

  settings: ResNet
  stage: int
  stride: int
  dtype: Dtype = jnp.float32
  remat: bool = False
  portable: bool = False

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool, valid: jax.Array | None = None) -> jax.Array:
    """float[F, h, w, C] -> dtype[F, ceil(h/stride), ceil(w/stride), C']."""

    def through(block: Block, x: jax.Array) -> jax.Array:
      return block(x, train=train, valid=valid)

    if self.remat and train:
      through = nn.remat(through)
    for i in range(self.settings.blocks[self.stage - 2]):
      stride = self.stride if i == 0 else 1
      block = Block(self.settings, self.stage, stride, self.dtype, self.portable, name=f"block{i}")
      x = through(block, x)
    return x
