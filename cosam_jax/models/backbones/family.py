"""The interface of a family of backbones, which is all that the rest of the network uses of it.

Stage numbers are the poster's (the ICCV 2019 paper's): stages 2 to 5 follow a stem, and COSAM may
stand after each of them. `h w` is the grid after a stage.
"""

import abc
import re
from collections.abc import Iterable, Mapping
from typing import ClassVar

from flax import linen as nn

from cosam_jax.models.layers import Dtype

STAGES = (2, 3, 4, 5)
Path = tuple[str, ...]

LEAVES = {
  "kernel": "weight", "scale": "weight", "bias": "bias", "mean": "running_mean",
  "var": "running_var", "input_kernel": "lstm.weight_ih_l0", "hidden_kernel": "lstm.weight_hh_l0",
  "input_bias": "lstm.bias_ih_l0", "hidden_bias": "lstm.bias_hh_l0", "exponent": "p",
}  # fmt: skip
"""Our name of an array -> PyTorch's, in the order in which PyTorch writes them."""


class Backbone(abc.ABC):
  """One backbone; a subclass is a family, a frozen dataclass with a field `width`.

  Each tensor has a *plain* name, that of the family's published weights. Names in files and names
  of our variables are both turned into it. All modules take frames: float[F, h, w, C].
  """

  PLAIN: ClassVar[re.Pattern[str]]
  """Matches the beginning of the plain names of the backbone's tensors."""

  FOLDED: ClassVar[Mapping[str, str]] = {}
  """Name of a `layers.BatchNorm` -> that of the linear layer of which it takes the output.

  The layer is beside the norm, and nothing else takes its output. At inference the two are one; see
  `folded`.
  """

  @property
  def fusible(self) -> bool:
    """Whether a field `fused` has layers to work on, see `models.fused_product`."""
    return False

  @abc.abstractmethod
  def channels(self, stage: int) -> int:
    """Number of output channels of `stage` (2..5)."""

  @abc.abstractmethod
  def grid_size(self, image_size: tuple[int, int], stage: int, last_stride: int) -> tuple[int, int]:
    """Height and width of the grid after `stage` for frames of `image_size` pixels.

    `last_stride` is the stride of stage 5.
    """

  @abc.abstractmethod
  def make_stem(self, dtype: Dtype, portable: bool) -> nn.Module:
    """The layers before stage 2; called as `stem(x, train=, valid=)`."""

  @abc.abstractmethod
  def make_stage(
    self, stage: int, stride: int, dtype: Dtype, remat: bool, portable: bool
  ) -> nn.Module:
    """The layers of a stage; called as `stage(x, train=, valid=)`.

    Args:
      stage: 2..5.
      stride: of the stage's first layers.
      dtype: compute dtype.
      remat: while training, keep only the input of each block.
      portable: use only operations that converters to other formats know.
    """

  def make_frame_layers(self) -> nn.Module | None:
    """The layers between the pool over the grid and the temporal head; None if there are none.

    They are called as `layers(vectors, train=, valid=)` with float32[F, C], frames of all clips.
    """
    return None

  @staticmethod
  @abc.abstractmethod
  def of_variable(path: Path) -> str:
    """The plain name of a variable, such as `("stage2", "block0", "norm1", "scale")`."""

  @staticmethod
  @abc.abstractmethod
  def of_file(name: str) -> str:
    """The plain name for a name in a weights file; the name itself if its form is not known."""

  @abc.abstractmethod
  def to_file(self, plain: str, *, published: bool) -> str:
    """The name in a checkpoint of the published code, or in the family's own weights."""

  @staticmethod
  @abc.abstractmethod
  def first_cosam(names: Iterable[str]) -> int:
    """The stage whose COSAM has number 0 in a checkpoint with these names."""

  @staticmethod
  @abc.abstractmethod
  def order(plain: str) -> tuple[int, ...]:
    """The place of a tensor of the backbone in the family's own weights."""

  @staticmethod
  @abc.abstractmethod
  def recognise(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """`backbone` and `width` as text, as far as plain names and PyTorch shapes show them."""
