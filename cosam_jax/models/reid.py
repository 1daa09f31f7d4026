"""The whole network: backbone stages with COSAM between them, pool, head, neck, classifier.

Notation: `B` clips, `T` frames, `H W` image, `h w` grid, `C` channels, `D` embedding size.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from cosam_jax.errors import InputError
from cosam_jax.models.backbones.family import STAGES, Backbone
from cosam_jax.models.backbones.registry import BACKBONES, backbone_of
from cosam_jax.models.cosam import Cosam, CosamMasks
from cosam_jax.models.cosam_names import DESCRIPTORS, SUMMARIES
from cosam_jax.models.layers import BatchNorm, Dtype
from cosam_jax.models.neck_names import EMBEDDINGS, NECK_LOSSES, NECK_PLACES
from cosam_jax.models.spatial_pool import SpatialPool
from cosam_jax.models.temporal import (
  AttentionPooling,
  TemporalAttention,
  TemporalPooling,
  TemporalRnn,
  weighted_mean,
)
from cosam_jax.models.temporal_names import TEMPORAL_HEADS, stage5_stride


class Outputs(NamedTuple):
  """The network's outputs for a batch of clips.

  Attributes:
    features: float32[B, D], the tracklet embedding that is ranked.
    logits: float32[B, num_classes].
    masks: stage -> `CosamMasks`.
    frame_weights: float32[B, T], the weights of the TA and AP heads; None for the other heads.
    compared: float32[B, D], the features whose distances the triplet loss compares; None: they are
      `features`.
  """

  features: jax.Array
  logits: jax.Array
  masks: dict[int, CosamMasks]
  frame_weights: jax.Array | None
  compared: jax.Array | None = None


_CHOICES = {
  "summary": SUMMARIES, "descriptors": DESCRIPTORS,
  "neck_losses": NECK_LOSSES, "neck_place": NECK_PLACES, "embedding": EMBEDDINGS,
}  # fmt: skip


class ReidNet(nn.Module):
  """The video person re-identification network of the paper and its poster (ICCV 2019).

  Attributes:
    backbone: a name in `backbones.registry.BACKBONES`.
    cosam_stages: stages (2..5) that COSAM follows; may be empty.
    temporal: `"tp"`, `"ta"`, `"rnn"` or `"ap"`; see `temporal`.
    num_frames: T. image_size: (H, W) in pixels. num_classes: training identities.
    width: channel multiplier of the stages.
    last_stride: stride of stage 5; None means that of the head, see `stage5_stride`.
    stride_in, pool: see `backbones.registry.backbone_of`.
    cost_volume, ncc, summary, channel_gate: see `cosam.Cosam`.
    descriptors: what COSAM makes its descriptors of: `"stage"`, as published, the features that it
      masks, or `"below"` (ours), what their stage takes: the output of the stage before it (with
      its COSAM), or of the stem.
    score_relu: see `temporal.TemporalAttention`.
    spatial_pool: the pool over a frame's grid; see `spatial_pool.SpatialPool`.
    neck: batch normalisation before the classifier (the published code has none). The five that
      follow matter with a neck only.
    neck_losses: `"classifier"`: the triplet loss compares features as they are before the neck;
      `"both"`: behind it.
    neck_place: `"clip"`: after the mean over frames; `"frame"`: before it, each frame by itself,
      which the RNN head has no way to do.
    neck_bias: whether the neck's bias is trained; otherwise it keeps its value, 0 if drawn.
    neck_deviation: the neck's scales are drawn around 1 with this standard deviation.
    embedding: `"before_neck"` or `"after_neck"`, the side of the neck whose features are ranked.
    classifier_bias: whether the classifier has a bias.
    classifier_deviation: standard deviation of the classifier's drawn weights; 0: PyTorch's uniform
      ones.
    dtype: compute dtype; parameters, statistics, NCC, heads and logits stay float32.
    remat: while training, keep only the input of each residual block, and compute the rest again
      for the gradient; the same numbers with less memory and more time.
    portable: use only operations that converters to other programs' formats know; the same numbers.
    norms: `"compiler"`, or `"fused"`: while training, a ResNet's bottlenecks compute 1x1
      convolutions and the norms beside them in kernels for one NVIDIA GPU (`fused_product`); the
      same numbers.
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
  descriptors: str = "stage"
  score_relu: bool = True
  spatial_pool: str = "average"
  neck: bool = False
  neck_losses: str = "classifier"
  neck_place: str = "clip"
  neck_bias: bool = True
  neck_deviation: float = 0.0
  embedding: str = "before_neck"
  classifier_bias: bool = True
  classifier_deviation: float = 0.0
  dtype: Dtype = jnp.float32
  remat: bool = False
  portable: bool = False
  norms: str = "compiler"

  @property
  def settings(self) -> Backbone:
    """The backbone with these settings."""
    return backbone_of(
      self.backbone,
      width=self.width,
      stride_in=self.stride_in,
      pool=self.pool,
      norms=self.norms,
    )

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
    for field, legal in _CHOICES.items():
      if getattr(self, field) not in legal:
        raise InputError(f"{field} is {getattr(self, field)!r}: choose one of {', '.join(legal)}")
    if self.neck and self.neck_place == "frame" and self.temporal == "rnn":
      raise InputError("neck_place is 'frame', which the rnn head cannot have: use 'clip'")
    settings = self.settings
    if BACKBONES[self.backbone].fixed_grid and self.last_stride is not None:
      raise InputError(
        f"last_stride is {self.last_stride}, but backbone {self.backbone} has no such choice: "
        "use None"
      )
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
      "ap": AttentionPooling,
    }
    self.pool_grid = SpatialPool(self.spatial_pool)
    self.frame_layers = settings.make_frame_layers()
    self.head = heads[self.temporal]()  # type: ignore[operator]
    if self.neck:
      self.neck_norm = BatchNorm(bias_trained=self.neck_bias, deviation=self.neck_deviation)
    self.classifier = nn.Dense(
      self.num_classes,
      use_bias=self.classifier_bias,
      kernel_init=nn.initializers.normal(self.classifier_deviation)
      if self.classifier_deviation
      else nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform"),
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
    vectors = self.pool_grid(stages[5])
    if self.frame_layers is not None:
      vectors = self._each_frame(self.frame_layers, vectors, valid, train)
    before, frame_weights = self.head(stages[5], vectors, valid)
    if not self.neck:
      after = before
    elif self.neck_place == "clip":
      after = self.neck_norm(before, train=train)
    else:
      normed = self._each_frame(self.neck_norm, vectors, valid, train)
      after = weighted_mean(normed, frame_weights, valid)
    features = after if self.embedding == "after_neck" else before
    compared = after if self.neck_losses == "both" else before
    return Outputs(features, self.classifier(after), masks, frame_weights, compared)

  def _each_frame(
    self, layers: nn.Module, vectors: jax.Array, valid: jax.Array | None, train: bool
  ) -> jax.Array:
    """Layers that take the vectors of frames: float32[B, T, V] -> float32[B, T, V']."""
    flat = vectors.reshape(-1, vectors.shape[-1])
    flat_valid = None if valid is None else valid.reshape(-1)
    made = layers(flat, train=train, valid=flat_valid)  # type: ignore[operator]
    return made.reshape(*vectors.shape[:2], -1)

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
      below = x
      x = getattr(self, f"stage{stage}")(x, train=train, valid=flat_valid)
      if stage in self.cosam_stages:
        given = below.reshape(*batch, *below.shape[1:]) if self.descriptors == "below" else None
        attended, masks[stage] = getattr(self, f"cosam{stage}")(
          x.reshape(*batch, *x.shape[1:]), valid, train=train, described=given
        )
        x = attended.reshape(x.shape)
      stages[stage] = x.reshape(*batch, *x.shape[1:])
    return stages, masks
