"""Groups of parameters: their learning rates, their weight decay, and those that are frozen.

A parameter is known by its path in the tree of parameters, such as stage2 / block0 / norm1 / bias.
"""

import dataclasses
from typing import Any

import jax

from cosam_jax.training.part_names import BACKBONE, TRAINED_PARTS

Path = tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class Groups:
  """The parameters that learn at another rate, or not at all, or without weight decay.

  Attributes:
    backbone_factor: the backbone's rate as a multiple of the others'; 0 freezes it.
    bias_factor: the rate of biases, in the backbone too, as a multiple; 0 freezes them.
    decay_biases: whether parameters of at most one dimension (biases, the norms' parameters) decay.
    frozen: names in `TRAINED_PARTS` of the parts without updates. The gradient stops before them,
      so that it is cheaper, and its norm is that of the other parameters. Their norms work as
      elsewhere: they normalise by the batch, and their running statistics follow the data.
    fixed: paths of single parameters without updates, such as ("neck_norm", "bias").
  """

  backbone_factor: float = 1.0
  bias_factor: float = 1.0
  decay_biases: bool = True
  frozen: tuple[str, ...] = ()
  fixed: tuple[tuple[str, ...], ...] = ()

  def factor(self, path: Path) -> float:
    """A parameter's rate as a multiple of the learning rate; 0 if it is frozen."""
    part = part_of(path)
    if part in self.frozen or tuple(map(_name, path)) in self.fixed:
      return 0.0
    of_part = self.backbone_factor if part in BACKBONE else 1.0
    return of_part * (self.bias_factor if is_bias(path) else 1.0)

  @property
  def all_alike(self) -> bool:
    """Whether every parameter learns at the same rate."""
    return self == Groups(decay_biases=self.decay_biases)

  def scaled(self, updates: Any) -> Any:
    """The updates, each times its parameter's factor."""

    def scale(path: Path, update: jax.Array) -> jax.Array:
      factor = self.factor(path)
      return update if factor == 1 else factor * update

    return jax.tree_util.tree_map_with_path(scale, updates)

  def decayed(self, updates: Any, params: Any, weight_decay: float) -> Any:
    """The updates plus `weight_decay` times those parameters that learn and decay."""

    def add(path: Path, update: jax.Array, param: jax.Array) -> jax.Array:
      decays = (self.decay_biases or param.ndim > 1) and self.factor(path)
      return update + weight_decay * param if decays else update

    return jax.tree_util.tree_map_with_path(add, updates, params)

  def held(self, params: Any) -> Any:
    """The parameters, of which the frozen ones pass no gradient on."""
    if self.all_alike:
      return params

    def hold(path: Path, param: jax.Array) -> jax.Array:
      return param if self.factor(path) else jax.lax.stop_gradient(param)

    return jax.tree_util.tree_map_with_path(hold, params)


EVERY_PARAMETER = Groups()
"""All parameters learn alike, as in the published code."""


def part_of(path: Path) -> str:
  """The part that a parameter belongs to; empty if it belongs to none."""
  name = _name(path[0])
  return next((part for part in TRAINED_PARTS if name == part or name.startswith(f"{part}_")), "")


def is_bias(path: Path) -> bool:
  """Whether a parameter is a bias: of a convolution, a norm, a linear layer or an LSTM."""
  name = _name(path[-1])
  return name == "bias" or name.endswith("_bias")


def _name(key: Any) -> str:
  return str(getattr(key, "key", key))
