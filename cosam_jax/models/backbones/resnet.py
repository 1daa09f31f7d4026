"""ResNet-18/34/50/101 and SE-ResNet-50/101 as settings of one network of stages.

Stage numbers are the poster's: stage 2 is torchvision's `layer1`, stage 5 is `layer4`.
The two families differ in three ways, each a setting: torchvision strides the 3x3 convolution and
pads the pool; Cadene's SE networks stride the first 1x1, pool in ceil mode without padding and
gate each block's output with squeeze-and-excitation (reduction 16).
"""

import dataclasses
from typing import Literal

import jax
import jax.numpy as jnp
from flax import linen as nn

from cosam_jax.errors import InputError, suggestion
from cosam_jax.models.layers import BatchNorm, Conv, Dtype, max_pool, pooled_size

STAGES = (2, 3, 4, 5)
SE_REDUCTION = 16
_STEM_CHANNELS = 64


@dataclasses.dataclass(frozen=True)
class ResNetSettings:
  """What tells one residual network from another."""

  blocks: tuple[int, int, int, int]
  bottleneck: bool
  squeeze_excitation: bool
  stride_in: Literal["1x1", "3x3"]
  pool: Literal["padded", "ceil"]
  width: float = 1.0

  @property
  def expansion(self) -> int:
    """Output channels of a block over its inner width."""
    return 4 if self.bottleneck else 1

  def inner_width(self, stage: int) -> int:
    """Channels inside the blocks of `stage`; the stem keeps 64 whatever the width multiplier."""
    return max(1, round(64 * 2 ** (stage - 2) * self.width))

  def channels(self, stage: int) -> int:
    """Channels that `stage` puts out."""
    return self.inner_width(stage) * self.expansion


_TORCHVISION = {"squeeze_excitation": False, "stride_in": "3x3", "pool": "padded"}
_CADENE = {"squeeze_excitation": True, "stride_in": "1x1", "pool": "ceil"}
BACKBONES: dict[str, ResNetSettings] = {
  "resnet18": ResNetSettings((2, 2, 2, 2), bottleneck=False, **_TORCHVISION),  # type: ignore[arg-type]
  "resnet34": ResNetSettings((3, 4, 6, 3), bottleneck=False, **_TORCHVISION),  # type: ignore[arg-type]
  "resnet50": ResNetSettings((3, 4, 6, 3), bottleneck=True, **_TORCHVISION),  # type: ignore[arg-type]
  "resnet101": ResNetSettings((3, 4, 23, 3), bottleneck=True, **_TORCHVISION),  # type: ignore[arg-type]
  "se_resnet50": ResNetSettings((3, 4, 6, 3), bottleneck=True, **_CADENE),  # type: ignore[arg-type]
  "se_resnet101": ResNetSettings((3, 4, 23, 3), bottleneck=True, **_CADENE),  # type: ignore[arg-type]
}


def resnet_settings(
  backbone: str, *, width: float = 1.0, stride_in: str | None = None, pool: str | None = None
) -> ResNetSettings:
  """Returns the settings of a named backbone, with the family's choices replaced where given.

  Args:
    backbone: a key of `BACKBONES`.
    width: multiplies the stages' channels, greater than 0.
    stride_in: `"1x1"` or `"3x3"`: which convolution of a bottleneck strides; None is the family's.
    pool: `"padded"` or `"ceil"`; None is the family's.

  Raises:
    InputError: no such backbone, or a value outside its set.
  """
  if backbone not in BACKBONES:
    raise InputError(
      f"backbone {backbone!r} is not known: choose one of {', '.join(BACKBONES)}"
      f"{suggestion(backbone, BACKBONES)}"
    )
  for field, value, legal in (
    ("stride_in", stride_in, ("1x1", "3x3")),
    ("pool", pool, ("padded", "ceil")),
  ):
    if value is not None and value not in legal:
      raise InputError(f"{field} is {value!r}: choose one of {', '.join(legal)}, or None")
  if not width > 0:
    raise InputError(f"width is {width}: choose a multiplier greater than 0")
  chosen = BACKBONES[backbone]
  return dataclasses.replace(
    chosen,
    width=width,
    stride_in=stride_in or chosen.stride_in,  # type: ignore[arg-type]
    pool=pool or chosen.pool,  # type: ignore[arg-type]
  )


def grid_size(
  settings: ResNetSettings, image_size: tuple[int, int], stage: int, last_stride: int
) -> tuple[int, int]:
  """Height and width of the grid after `stage` (2..5) for frames of `image_size` pixels."""

  def side(pixels: int) -> int:
    size = pooled_size(-(-pixels // 2), ceil_mode=settings.pool == "ceil")
    for s in range(3, stage + 1):
      size = -(-size // (last_stride if s == 5 else 2))
    return size

  return side(image_size[0]), side(image_size[1])


class Stem(nn.Module):
  """7x7 convolution with stride 2, norm, ReLU, 3x3 pool with stride 2."""

  settings: ResNetSettings
  dtype: Dtype = jnp.float32

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool, valid: jax.Array | None = None) -> jax.Array:
    """float[F, H, W, 3] -> dtype[F, ~H/4, ~W/4, 64]."""
    x = Conv(_STEM_CHANNELS, 7, 2, dtype=self.dtype, name="conv")(x)
    x = nn.relu(BatchNorm(dtype=self.dtype, name="norm")(x, train=train, valid=valid))
    return max_pool(x, self.settings.pool == "ceil")


class Block(nn.Module):
  """One residual block: basic (two 3x3) or bottleneck (1x1, 3x3, 1x1), gated or not."""

  settings: ResNetSettings
  stage: int
  stride: int
  dtype: Dtype = jnp.float32

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

    def norm(name: str, y: jax.Array) -> jax.Array:
      return BatchNorm(dtype=self.dtype, name=name)(y, train=train, valid=valid)

    y = x
    for i, (features, size, stride) in enumerate(plan, start=1):
      y = norm(f"norm{i}", Conv(features, size, stride, dtype=self.dtype, name=f"conv{i}")(y))
      y = nn.relu(y) if i < len(plan) else y
    if settings.squeeze_excitation:
      squeezed = y.mean((1, 2), keepdims=True)
      reduced = Conv(outer // SE_REDUCTION, use_bias=True, dtype=self.dtype, name="se_reduce")
      expand = Conv(outer, use_bias=True, dtype=self.dtype, name="se_expand")
      y = y * nn.sigmoid(expand(nn.relu(reduced(squeezed))))
    if self.stride > 1 or x.shape[-1] != outer:
      x = Conv(outer, 1, self.stride, dtype=self.dtype, name="shortcut_conv")(x)
      x = norm("shortcut_norm", x)
    return nn.relu(y + x)


class Stage(nn.Module):
  """The residual blocks of one stage; the first one strides.

  `remat`: of each block only the input is kept for the gradient.
  """

  settings: ResNetSettings
  stage: int
  stride: int
  dtype: Dtype = jnp.float32
  remat: bool = False

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool, valid: jax.Array | None = None) -> jax.Array:
    """float[F, h, w, C] -> dtype[F, ceil(h/stride), ceil(w/stride), C']."""

    def through(block: Block, x: jax.Array) -> jax.Array:
      return block(x, train=train, valid=valid)

    if self.remat and train:
      through = nn.remat(through)
    for i in range(self.settings.blocks[self.stage - 2]):
      stride = self.stride if i == 0 else 1
      block = Block(self.settings, self.stage, stride, self.dtype, name=f"block{i}")
      x = through(block, x)
    return x
