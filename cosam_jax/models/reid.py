"""The whole network: backbone stages with COSAM between them, a temporal head, a classifier.

Notation: `B` clips, `T` frames, `H W` image, `h w` grid, `C` channels, `D` embedding size.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from cosam_jax.errors import InputError
from cosam_jax.models.backbones.family import STAGES, Backbone
from cosam_jax.models.backbones.registry import backbone_of
from cosam_jax.models.cosam import Cosam, CosamMasks
from cosam_jax.models.layers import BatchNorm, Dtype
from cosam_jax.models.temporal import TemporalAttention, TemporalPooling, TemporalRnn
from cosam_jax.models.temporal_names import TEMPORAL_HEADS, stage5_stride


class Outputs(NamedTuple):
  """The network's outputs for a batch of clips.

  Attributes:
    features: float32[B, D], the tracklet embedding that is ranked.
    logits: float32[B, num_classes].
    masks: stage -> `CosamMasks`.
    frame_weights: float32[B, T], the TA head's weights; None for the other heads.
  """

  features: jax.Array
  logits: jax.Array
  masks: dict[int, CosamMasks]
  frame_weights: jax.Array | None


class ReidNet(nn.Module):
  """The video person re-identification network of the paper and its poster (ICCV 2019).

  Attributes:
    backbone: a name in `backbones.registry.BACKBONES`.
    cosam_stages: stages (2..5) that COSAM follows; may be empty.
    temporal: `"tp"`, `"ta"` or `"rnn"`.
    num_frames: T. image_size: (H, W) in pixels. num_classes: training identities.
    width: channel multiplier of the stages.
    last_stride: stride of stage 5; None means that of the head, see `stage5_stride`.
    stride_in, pool: see `backbones.registry.backbone_of`.
    cost_volume, ncc, summary, channel_gate: see `cosam.Cosam`.
    score_relu: see `temporal.TemporalAttention`.
    neck: batch normalisation between features and classifier (ours; the published code has none).
    dtype: compute dtype; parameters, statistics, NCC, heads and logits stay float32.
    remat: while training, keep only the input of each residual block, and compute the rest again
      for the gradient; the same numbers with less memory and more time.
    portable: use only operations that converters to other programs' formats know; the same numbers.
  """

  backbone: str = "resnet50"
  cosam_stages: tuple[int, ...] = (4, 5)
  temporal: str = "tp"
  num_frames: int = 4
  image_size: tuple[int, int] = (256, 128)
  num_classes: int = 625
  width: float = 1.0
  last_stride: int | None = None
  stride_in: str | None = None
  pool: str | None = None
  cost_volume: str = "factored"
  ncc: str = "unbiased"
  summary: str = "two_layers"
  channel_gate: str = "residual"
  score_relu: bool = True
  neck: bool = False
  dtype: Dtype = jnp.float32
  remat: bool = False
  portable: bool = False

  @property
  def settings(self) -> Backbone:
    """The backbone with these settings."""
    return backbone_of(self.backbone, width=self.width, stride_in=self.stride_in, pool=self.pool)

  @property
  def stage5_stride(self) -> int:
    """The stride of stage 5, see `temporal_names.stage5_stride`."""
    return stage5_stride(self.temporal, self.last_stride)

  def grid_size(self, stage: int) -> tuple[int, int]:
    """Height and width of the grid after `stage`."""
    return self.settings.grid_size(self.image_size, stage, self.stage5_stride)

  def setup(self) -> None:
    """Names every submodule; raises `InputError` for values outside their sets."""
    if self.temporal not in TEMPORAL_HEADS:
      raise InputError(f"temporal is {self.temporal!r}: choose one of {', '.join(TEMPORAL_HEADS)}")
    if not set(self.cosam_stages) <= set(STAGES):
      raise InputError(f"cosam_stages is {self.cosam_stages}: choose among stages 2, 3, 4 and 5")
    settings = self.settings
    self.stem = settings.make_stem(self.dtype, self.portable)
    for stage in STAGES:
      stride = {2: 1, 5: self.stage5_stride}.get(stage, 2)
      made = settings.make_stage(stage, stride, self.dtype, self.remat, self.portable)
      setattr(self, f"stage{stage}", made)
      if stage in self.cosam_stages:
        cosam: Any = Cosam(
          self.cost_volume, self.ncc, self.summary, self.channel_gate, self.dtype  # type: ignore[arg-type]
        )  # fmt: skip
        setattr(self, f"cosam{stage}", cosam)
    heads = {
      "tp": TemporalPooling,
      "ta": lambda: TemporalAttention(self.score_relu, self.dtype),
      "rnn": TemporalRnn,
    }
    self.head = heads[self.temporal]()  # type: ignore[operator]
    if self.neck:
      self.neck_norm = BatchNorm()
    self.classifier = nn.Dense(
      self.num_classes, kernel_init=nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")
    )

  def __call__(
    self, clips: jax.Array, valid: jax.Array | None = None, *, train: bool = False
  ) -> Outputs:
    """Embeds and classifies clips.

    Args:
      clips: float32[B, T, H, W, 3], RGB, ImageNet-normalised.
      valid: bool[B, T]; frames marked False change nothing. None: all are valid.
      train: use the batch's statistics instead of the running ones (make `batch_stats` mutable).

    Raises:
      InputError: the clips have another shape than the network was built for.
    """
    stages, masks = self._trunk(clips, valid, train)
    features, frame_weights = self.head(stages[5], valid)
    scored = self.neck_norm(features, train=train) if self.neck else features
    return Outputs(features, self.classifier(scored), masks, frame_weights)

  def stage_outputs(self, clips: jax.Array, valid: jax.Array | None = None) -> dict[int, jax.Array]:
    """Features after each stage (and its COSAM), stage -> float[B, T, h, w, C], at inference."""
    return self._trunk(clips, valid, train=False)[0]

  def _trunk(
    self, clips: jax.Array, valid: jax.Array | None, train: bool
  ) -> tuple[dict[int, jax.Array], dict[int, CosamMasks]]:
    expected = (self.num_frames, *self.image_size, 3)
    if clips.ndim != 5 or clips.shape[1:] != expected:
      raise InputError(
        f"clips have shape {clips.shape}, but the network is built for [B, {expected[0]}, "
        f"{expected[1]}, {expected[2]}, 3]: build it with this num_frames and image_size"
      )
    batch = clips.shape[:2]
    flat_valid = None if valid is None else valid.reshape(-1)
    x = self.stem(clips.reshape(-1, *clips.shape[2:]), train=train, valid=flat_valid)
    stages, masks = {}, {}
    for stage in STAGES:
      x = getattr(self, f"stage{stage}")(x, train=train, valid=flat_valid)
      if stage in self.cosam_stages:
        attended, masks[stage] = getattr(self, f"cosam{stage}")(
          x.reshape(*batch, *x.shape[1:]), valid, train=train
        )
        x = attended.reshape(x.shape)
      stages[stage] = x.reshape(*batch, *x.shape[1:])
    return stages, masks
