"""OSNet x1.0, x0.75, x0.5, x0.25 and OSNet-IBN x1.0 as settings of one network.

Source: Zhou et al., Omni-Scale Feature Learning for Person Re-Identification, ICCV 2019. Plain
names are torchreid's. Stage n is its `conv<n>`: stages 2 and 3 end with the convolution and pool
that halve the grid, and stage 5 is one 1x1 convolution. A frame's vector of 512 numbers comes from
its pooled map by a linear layer, a norm and a ReLU.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping

import jax
import jax.numpy as jnp
from flax import linen as nn

from cosam_jax.errors import InputError
from cosam_jax.models.backbones.family import LEAVES, Backbone, Path
from cosam_jax.models.backbones.registry import BACKBONES
from cosam_jax.models.depthwise import DepthwiseConv
from cosam_jax.models.instance_norm import InstanceNorm
from cosam_jax.models.layers import BatchNorm, Conv, Dtype
from cosam_jax.models.pooling import max_pool, pooled_size, portable_max_pool

EMBEDDING_SIZE = 512
_STEM, _STAGES = 64, {2: 256, 3: 384, 4: 512, 5: 512}
_BLOCKS = 2
_STREAMS = "abcd"
"""Stream a has one light convolution, b two, c three and d four."""
_REDUCTION, _GATE_REDUCTION = 4, 16

# Our name -> torchreid's inside a block, in its order.
_MODULES = {
  "conv1": "conv1.conv", "norm1": "conv1.bn",
  "gate_reduce": "gate.fc1", "gate_expand": "gate.fc2",
  "conv3": "conv3.conv", "norm3": "conv3.bn",
  "shortcut_conv": "downsample.conv", "shortcut_norm": "downsample.bn", "instance": "IN",
}  # fmt: skip
_LIGHT = {"pointwise": "conv1", "conv": "conv2", "norm": "bn"}
_LINEAR = {"linear": "0", "linear_norm": "1"}


@dataclasses.dataclass(frozen=True)
class OSNet(Backbone):
  """An omni-scale network.

  Attributes:
    base: the width of the published network, 1.0 to 0.25.
    instance: instance norms in the stem and at the ends of stage 2's blocks, as in OSNet-IBN.
    width: multiplies `base`.
  """

  base: float
  instance: bool
  width: float = 1.0

  FOLDED = {"norm": "conv", "norm1": "conv1", "norm3": "conv3", "shortcut_norm": "shortcut_conv",
            "linear_norm": "linear"}  # fmt: skip
  PLAIN = re.compile(r"conv[15]\.(conv|bn)\.|conv[2-4]\.\d\.\w|fc\.[01]\.")

  def _wide(self, channels: int) -> int:
    return max(1, round(channels * self.base * self.width))

  @property
  def stem_channels(self) -> int:
    """Output channels of the stem."""
    return self._wide(_STEM)

  def channels(self, stage: int) -> int:
    """See `Backbone`."""
    return self._wide(_STAGES[stage])

  def grid_size(self, image_size: tuple[int, int], stage: int, last_stride: int) -> tuple[int, int]:
    """See `Backbone`; stage 5 never strides.

    Raises:
      InputError: the image is so small that nothing is left of it.
    """
    del last_stride
    halvings = min(stage, 3) - 1
    height, width = (pooled_size(-(-n // 2), ceil_mode=False) // 2**halvings for n in image_size)
    if not height or not width:
      raise InputError(
        f"image_size is {tuple(image_size)}, of which OSNet leaves nothing: use at least 16 x 16"
      )
    return height, width

  def make_stem(self, dtype: Dtype, portable: bool = False) -> nn.Module:
    """See `Backbone`."""
    return Stem(self, dtype, portable)

  def make_stage(
    self, stage: int, stride: int, dtype: Dtype, remat: bool = False, portable: bool = False
  ) -> nn.Module:
    """See `Backbone`; the strides are fixed."""
    del stride
    return Stage(dtype, portable, self, stage, remat)

  def make_frame_layers(self) -> nn.Module:
    """See `Backbone`; a linear layer, a norm and a ReLU."""
    return FrameLayers()

  @staticmethod
  def of_variable(path: Path) -> str:
    """See `Backbone`."""
    part, *modules, leaf = path
    if part == "frame_layers":
      return f"fc.{_LINEAR[modules[0]]}.{LEAVES[leaf]}"
    if part == "stem" or part == "stage5":
      place = {"stem": "conv1", "stage5": "conv5"}[part]
      return f"{place}.{'conv' if modules[0] == 'conv' else 'bn'}.{LEAVES[leaf]}"
    place = f"conv{part[5:]}"
    if modules[0] == "transition":
      return f"{place}.{_BLOCKS}.0.{'conv' if modules[1] == 'conv' else 'bn'}.{LEAVES[leaf]}"
    place = f"{place}.{modules[0].removeprefix('block')}"
    if modules[1].startswith("stream"):
      stream, number = modules[1].removeprefix("stream_").split("_")
      below = "" if stream == "a" else f".{number}"
      return f"{place}.conv2{stream}{below}.{_LIGHT[modules[2]]}.{LEAVES[leaf]}"
    return f"{place}.{_MODULES[modules[1]]}.{LEAVES[leaf]}"

  @staticmethod
  def of_file(name: str) -> str:
    """See `Backbone`; names in files are the plain ones."""
    return name

  def to_file(self, plain: str, *, published: bool) -> str:
    """See `Backbone`; the published code has no OSNet, so its layout only adds `base.`."""
    return f"base.{plain}" if published else plain

  @staticmethod
  def first_cosam(names: Iterable[str]) -> int:
    """See `Backbone`."""
    del names
    return 2

  @staticmethod
  def order(plain: str) -> tuple[int, ...]:
    """See `Backbone`."""
    part, _, rest = plain.partition(".")
    leaf = next(i for i, name in enumerate(LEAVES.values()) if rest.endswith(f".{name}"))
    if part in ("conv1", "conv5"):
      return int(part[4:]), 0, 0, 0, 0, int(rest.startswith("bn")), leaf
    if part == "fc":
      return 6, int(rest[0]), 0, 0, 0, 0, leaf
    block, _, rest = rest.partition(".")
    light = re.match(r"conv2([a-d])(?:\.(\d))?\.(conv1|conv2|bn)\.", rest)
    if light:
      module = list(_LIGHT.values()).index(light[3])
      return int(part[4:]), int(block), 1, ord(light[1]), int(light[2] or 0), module, leaf
    names = [*_MODULES.values(), "0.conv", "0.bn"]
    module = next(i for i, name in enumerate(names) if rest.startswith(f"{name}."))
    behind = 0 if module < 2 else 2
    return int(part[4:]), int(block), behind, module, 0, 0, leaf

  @staticmethod
  def recognise(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """See `Backbone`."""
    stem = shapes.get("conv1.conv.weight")
    if stem is None or "conv2.0.conv2a.conv1.weight" not in shapes:
      return {}
    base, instance = stem[0] / _STEM, any(".IN." in name for name in shapes)
    for name, row in BACKBONES.items():
      if row.load() is OSNet and row.settings == {"base": base, "instance": instance}:
        return {"backbone": name, "width": "1"}
    return {"backbone": f"unknown (an OSNet with {stem[0]} channels in its stem)"}


class FrameLayers(nn.Module):
  """The embedding of a frame: a linear layer, a norm, a ReLU."""

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool, valid: jax.Array | None = None) -> jax.Array:
    """float32[F, C] -> float32[F, 512]."""
    x = nn.Dense(EMBEDDING_SIZE, kernel_init=nn.initializers.normal(0.01), name="linear")(x)
    return nn.relu(BatchNorm(name="linear_norm")(x, train=train, valid=valid))


class _Normed(nn.Module):
  """A convolution and its norm, with names by the caller; the base of this family's layers."""

  dtype: Dtype = jnp.float32
  portable: bool = False

  def _normed(
    self,
    x: jax.Array,
    features: int,
    names: tuple[str, str],
    train: bool,
    valid: jax.Array | None,
  ) -> jax.Array:
    conv = Conv(features, dtype=self.dtype, portable=self.portable, name=names[0])
    return BatchNorm(dtype=self.dtype, name=names[1])(conv(x), train=train, valid=valid)


class Stem(nn.Module):
  """7x7 convolution with stride 2, norm, ReLU, 3x3 pool with stride 2."""

  settings: OSNet
  dtype: Dtype = jnp.float32
  portable: bool = False

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool, valid: jax.Array | None = None) -> jax.Array:
    """float[F, H, W, 3] -> dtype[F, ceil(H/4), ceil(W/4), C]."""
    channels = self.settings.stem_channels
    x = Conv(channels, 7, 2, dtype=self.dtype, portable=self.portable, name="conv")(x)
    if self.settings.instance:
      x = InstanceNorm(dtype=self.dtype, name="instance")(x)
    else:
      x = BatchNorm(dtype=self.dtype, name="norm")(x, train=train, valid=valid)
    return (portable_max_pool if self.portable else max_pool)(nn.relu(x), False)


class LightConv(nn.Module):
  """A 1x1 convolution, a depthwise 3x3 one, a norm and a ReLU."""

  features: int
  dtype: Dtype = jnp.float32
  portable: bool = False

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool, valid: jax.Array | None = None) -> jax.Array:
    """float[F, h, w, C] -> dtype[F, h, w, features]."""
    x = Conv(self.features, dtype=self.dtype, portable=self.portable, name="pointwise")(x)
    x = DepthwiseConv(self.dtype, self.portable, name="conv")(x)
    return nn.relu(BatchNorm(dtype=self.dtype, name="norm")(x, train=train, valid=valid))


class Block(_Normed):
  """An omni-scale block: four streams of 1 to 4 light convolutions, joined by one channel gate."""

  features: int = 0
  instance: bool = False

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool, valid: jax.Array | None = None) -> jax.Array:
    """float[F, h, w, C] -> dtype[F, h, w, features]."""
    inner = max(1, self.features // _REDUCTION)
    start = nn.relu(self._normed(x, inner, ("conv1", "norm1"), train, valid))
    gate_reduce = Conv(
      max(1, inner // _GATE_REDUCTION), use_bias=True, dtype=self.dtype, name="gate_reduce"
    )
    gate_expand = Conv(inner, use_bias=True, dtype=self.dtype, name="gate_expand")
    joined = jnp.zeros_like(start)
    for count, stream in enumerate(_STREAMS, start=1):
      y = start
      for i in range(count):
        light = LightConv(inner, self.dtype, self.portable, name=f"stream_{stream}_{i}")
        y = light(y, train=train, valid=valid)
      gate = gate_expand(nn.relu(gate_reduce(y.mean((1, 2), keepdims=True))))
      joined += y * nn.sigmoid(gate)
    y = self._normed(joined, self.features, ("conv3", "norm3"), train, valid)
    if x.shape[-1] != self.features:
      x = self._normed(x, self.features, ("shortcut_conv", "shortcut_norm"), train, valid)
    y = y + x
    if self.instance:
      y = InstanceNorm(dtype=self.dtype, name="instance")(y)
    return nn.relu(y)


class Transition(_Normed):
  """A 1x1 convolution, norm, ReLU, and the 2x2 mean that halves the grid."""

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool, valid: jax.Array | None = None) -> jax.Array:
    """float[F, h, w, C] -> dtype[F, floor(h/2), floor(w/2), C]."""
    x = nn.relu(self._normed(x, x.shape[-1], ("conv", "norm"), train, valid))
    # By name, as the converter to ONNX asks for it.
    return nn.avg_pool(x, window_shape=(2, 2), strides=(2, 2))


class Stage(_Normed):
  """A stage; `remat`: only the input of each block is kept for the gradient."""

  settings: OSNet | None = None
  stage: int = 0
  remat: bool = False

  @nn.compact
  def __call__(self, x: jax.Array, *, train: bool, valid: jax.Array | None = None) -> jax.Array:
    """float[F, h, w, C] -> dtype[F, h', w', C'], on half the grid after stages 2 and 3."""
    assert self.settings is not None
    features = self.settings.channels(self.stage)
    if self.stage == 5:
      return nn.relu(self._normed(x, features, ("conv", "norm"), train, valid))

    def through(layer: nn.Module, x: jax.Array) -> jax.Array:
      return layer(x, train=train, valid=valid)  # type: ignore[operator]

    if self.remat and train:
      through = nn.remat(through)
    instance = self.settings.instance and self.stage == 2
    for i in range(_BLOCKS):
      block = Block(self.dtype, self.portable, features, instance, name=f"block{i}")
      x = through(block, x)
    if self.stage < 4:
      x = through(Transition(self.dtype, self.portable, name="transition"), x)
    return x
