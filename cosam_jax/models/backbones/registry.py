"""The backbones, a row of plain values for each.

Families are named by text and loaded when they are used, so that this module loads nothing slow.
To add a family: write a `family.Backbone` in a file of this folder, and add a row for each of its
networks here.
"""

import dataclasses
import functools
import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cosam_jax.errors import InputError, suggestion

if TYPE_CHECKING:
  from cosam_jax.models.backbones.family import Backbone


@dataclasses.dataclass(frozen=True)
class BackboneRow:
  """One network of a family.

  Attributes:
    family: `module:class` of its `family.Backbone`.
    settings: arguments of the class.
    embeds_frames: whether it has layers behind the pool, see `Backbone.make_frame_layers`.
    fixed_grid: whether the strides are always the same, also that of stage 5.
  """

  family: str
  settings: Mapping[str, Any]
  embeds_frames: bool = False
  fixed_grid: bool = False

  def load(self) -> type["Backbone"]:
    """The family's class."""
    module, _, name = self.family.partition(":")
    return getattr(importlib.import_module(module), name)


def _resnet(blocks: tuple[int, ...], bottleneck: bool = True, **family: Any) -> BackboneRow:
  settings = {"blocks": blocks, "bottleneck": bottleneck, "ibn": False, **family}
  return BackboneRow("cosam_jax.models.backbones.resnet:ResNet", settings)


def _osnet(base: float, instance: bool = False) -> BackboneRow:
  settings = {"base": base, "instance": instance}
  return BackboneRow("cosam_jax.models.backbones.osnet:OSNet", settings, True, True)


_TORCHVISION: dict[str, Any] = {"squeeze_excitation": False, "stride_in": "3x3", "pool": "padded"}
_CADENE: dict[str, Any] = {"squeeze_excitation": True, "stride_in": "1x1", "pool": "ceil"}
_IBN: dict[str, Any] = {**_TORCHVISION, "ibn": True}

BACKBONES: dict[str, BackboneRow] = {
  "resnet18": _resnet((2, 2, 2, 2), bottleneck=False, **_TORCHVISION),
  "resnet34": _resnet((3, 4, 6, 3), bottleneck=False, **_TORCHVISION),
  "resnet50": _resnet((3, 4, 6, 3), **_TORCHVISION),
  "resnet101": _resnet((3, 4, 23, 3), **_TORCHVISION),
  "se_resnet50": _resnet((3, 4, 6, 3), **_CADENE),
  "se_resnet101": _resnet((3, 4, 23, 3), **_CADENE),
  "resnet50_ibn_a": _resnet((3, 4, 6, 3), **_IBN),
  "resnet101_ibn_a": _resnet((3, 4, 23, 3), **_IBN),
  "se_resnet50_ibn_a": _resnet((3, 4, 6, 3), **{**_IBN, "squeeze_excitation": True}),
  "se_resnet101_ibn_a": _resnet((3, 4, 23, 3), **{**_IBN, "squeeze_excitation": True}),
  "osnet_x1_0": _osnet(1.0),
  "osnet_x0_75": _osnet(0.75),
  "osnet_x0_5": _osnet(0.5),
  "osnet_x0_25": _osnet(0.25),
  "osnet_ibn_x1_0": _osnet(1.0, instance=True),
}
"""Every name that `ReidNet.backbone` takes."""

NORMS = ("compiler", "fused")
"""Who computes norms and 1x1 convolutions while training, see `ReidNet.norms`."""


def backbone_of(
  name: str,
  *,
  width: float = 1.0,
  stride_in: str | None = None,
  pool: str | None = None,
  norms: str = "compiler",
) -> "Backbone":
  """A backbone by its name; the choices that are given replace its family's.

  Args:
    name: a key of `BACKBONES`.
    width: multiplies the stages' channels, greater than 0.
    stride_in: `"1x1"` or `"3x3"`, the convolution of a bottleneck that strides; None keeps the
      family's.
    pool: `"padded"` or `"ceil"`; None keeps the family's.
    norms: `"compiler"`, or `"fused"`: while training, the kernels of `models.fused_product`.

  Raises:
    InputError: there is no such backbone, a value is not legal, or the family has no such choice.
  """
  if name not in BACKBONES:
    raise InputError(
      f"backbone {name!r} is not known: choose one of {', '.join(BACKBONES)}"
      f"{suggestion(name, BACKBONES)}"
    )
  for field, value, legal in (
    ("stride_in", stride_in, ("1x1", "3x3")),
    ("pool", pool, ("padded", "ceil")),
  ):
    if value is not None and value not in legal:
      raise InputError(f"{field} is {value!r}: choose one of {', '.join(legal)}, or None")
    if value is not None and field not in BACKBONES[name].settings:
      raise InputError(f"{field} is {value!r}, but backbone {name} has no such choice: use None")
  if not width > 0:
    raise InputError(f"width is {width}: choose a multiplier greater than 0")
  row = BACKBONES[name]
  given = {"stride_in": stride_in, "pool": pool}
  chosen = {key: value for key, value in given.items() if value is not None}
  made: Backbone = row.load()(**{**row.settings, **chosen}, width=width)  # type: ignore[call-arg]
  if norms not in NORMS:
    raise InputError(f"norms is {norms!r}: choose one of {', '.join(NORMS)}")
  if norms == "compiler":
    return made
  if not made.fusible:
    raise InputError(
      f"norms is {norms!r}, but backbone {name} of width {width:g} has no bottleneck with a "
      "multiple of 16 channels inside, which the kernels need: use 'compiler'"
    )
  return dataclasses.replace(made, fused=True)  # type: ignore[type-var,call-arg]


def embeds_frames(name: str) -> bool:
  """Whether a backbone has layers between the pool over the grid and the temporal head."""
  return BACKBONES[name].embeds_frames


@functools.cache
def families() -> tuple[type["Backbone"], ...]:
  """Every family once, in the order of the rows."""
  return tuple(dict.fromkeys(row.load() for row in BACKBONES.values()))
