"""Passes a table through a network: the plan, the batches and the forward pass for every mode.

Evaluations, embeddings, masks and the attention's numbers all use this. So the configuration's way
of reading frames (skip unreadable ones, wait for a disk that is out of reach) applies to each.

Notation: `B` clips in a batch, `T` frames in a clip, `h w` grid of a mask, `D` descriptor size.
"""

import copy
import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import numpy as np
from absl import logging
from jax.sharding import Mesh

from cosam_jax.data.batch_reader import Batches
from cosam_jax.data.batches import EvaluationPlan
from cosam_jax.data.decoders import Decoder
from cosam_jax.data.pipeline import EvalBatch, evaluation_batches
from cosam_jax.data.pixel_numbers import LEVELS
from cosam_jax.data.stream import BY_TENSORFLOW
from cosam_jax.data.tracklets import TrackletTable
from cosam_jax.evaluation.embed import ClipBatch, embed_tracklets
from cosam_jax.experiment.flat_config import value_of
from cosam_jax.experiment.foreign_networks import alike
from cosam_jax.models import Outputs
from cosam_jax.models.folded import for_inference
from cosam_jax.models.foreign import AnyNet, ForeignNet, ours
from cosam_jax.training import mesh, steps
from cosam_jax.training.frame_bytes import clips_to_put, normalised
from cosam_jax.training.planned import Planned


@dataclasses.dataclass(frozen=True)
class Reading:
  """How frames are read.

  Attributes:
    on_unreadable: "error" stops at a frame that cannot be read, "skip" leaves it out.
    retry_seconds: how long to wait for a data directory that is out of reach.
    follow_links: whether links that lead out of a folder of tracklets are followed.
    resize_method: how frames are resized for the network: the way it was trained with.
    pixels: whether frames come as floats, bytes or grey levels; see `augmentation.Preprocess`.
  """

  on_unreadable: str
  retry_seconds: float
  follow_links: bool
  resize_method: str
  pixels: str = "float32"

  @classmethod
  def of(cls, flat: Mapping[str, Any]) -> "Reading":
    """From a flat configuration: a complete one, or an empty one, as of a weights file."""
    fields = {field.name: f"data.{field.name}" for field in dataclasses.fields(cls)}
    fields |= {"resize_method": "clips.resize", "pixels": "clips.pixels"}
    return cls(**{name: value_of(flat, field) for name, field in fields.items()})


class Inference:
  """A network that is applied to the clips of tables; compiled once, used for any weights.

  A foreign network takes the place of the compiled forward pass. It says itself how frames are
  resized, and gets them as grey levels.

  Attributes:
    model: the network.
    reading: how frames are read.
    batch_clips: B, unless a call says otherwise.
    flip: whether a clip's vector is the mean of its own and its mirror image's.
  """

  def __init__(
    self,
    model: AnyNet,
    devices: Mesh,
    *,
    batch_clips: int,
    reading: Reading,
    flip: bool = False,
  ):
    """Compiles nothing yet.

    Args:
      model, reading, batch_clips, flip: see the class.
      devices: share every batch evenly, such as those of `mesh.make_local_mesh`.
    """
    self.model, self.reading, self.batch_clips, self.flip = model, reading, batch_clips, flip
    self._mesh = devices
    if isinstance(model, ForeignNet):
      method = model.preprocessing.resize
      self.reading = dataclasses.replace(reading, resize_method=method, pixels=LEVELS)
    else:
      self._forward = Planned(steps.jit_forward(model, devices, flip=flip))

  def reading_as(self, **fields: Any) -> "Inference":
    """The same inference with other fields of `reading`; nothing is compiled again."""
    other = copy.copy(self)
    other.reading = dataclasses.replace(self.reading, **fields)
    return other

  @property
  def frame_options(self) -> dict[str, Any]:
    """How frames that come one at a time become pixels: arguments of `packing.packed_clips`."""
    reading = self.reading
    return {
      "image_size": self.model.image_size,
      "resize_method": reading.resize_method,
      "pixels": reading.pixels,
    }

  def put(self, variables: dict[str, Any]) -> dict[str, Any]:
    """The weights on the devices, for `forward`, with what is constant there folded into them."""
    if isinstance(self.model, ForeignNet):
      return variables
    return mesh.put_everywhere(self._mesh, for_inference(self.model, variables))

  def spatial_masks(
    self, variables: dict[str, Any]
  ) -> Callable[[np.ndarray, np.ndarray], dict[int, jax.Array]]:
    """(clips as for `forward`, valid bool[B, T]) -> stage -> masks float[B, T, h, w]."""
    placed = self.put(variables)

    def forward(clips: np.ndarray, valid: np.ndarray) -> dict[int, jax.Array]:
      masks = self.forward(placed, clips, valid).masks
      return {stage: mask.spatial for stage, mask in masks.items()}

    return forward

  def plan(
    self,
    table: TrackletTable,
    frames_per_tracklet: int | None = None,
    batch_clips: int | None = None,
  ) -> EvaluationPlan:
    """The plan of a table's batches.

    Args:
      table: the tracklets.
      frames_per_tracklet: number of evenly spread frames of each; None: all.
      batch_clips: B; None: the attribute.
    """
    size = self.batch_clips if batch_clips is None else batch_clips
    return EvaluationPlan(table, self.model.num_frames, size, frames_per_tracklet)

  def batches(
    self,
    table: TrackletTable,
    frames_per_tracklet: int | None = None,
    batch_clips: int | None = None,
    decoder: Decoder = BY_TENSORFLOW,
  ) -> Batches[EvalBatch]:
    """The batches of `plan` with the same arguments, read and decoded ahead of use.

    Args:
      table, frames_per_tracklet, batch_clips: see `plan`.
      decoder: reads the frames.

    Raises:
      InputError: as `pipeline.evaluation_batches`.
    """
    return evaluation_batches(
      table,
      num_frames=self.model.num_frames,
      batch_clips=self.batch_clips if batch_clips is None else batch_clips,
      image_size=self.model.image_size,
      resize_method=self.reading.resize_method,
      pixels=self.reading.pixels,
      on_unreadable=self.reading.on_unreadable,
      retry_seconds=self.reading.retry_seconds,
      frames_per_tracklet=frames_per_tracklet,
      decoder=decoder,
    )

  def forward(self, variables: dict[str, Any], clips: np.ndarray, valid: np.ndarray) -> Outputs:
    """The network's outputs for a batch; `flip` decides the features.

    Args:
      variables: the weights, from `put`.
      clips: float32[B, T, H, W, 3], or uint8 to be normalised on the devices; for a foreign network
        grey levels. Its outputs are its features alone.
      valid: bool[B, T], false for frames that could not be read and in clips that fill the batch.
    """
    if isinstance(self.model, ForeignNet):
      features: Any = self.model.features(np.asarray(clips), np.asarray(valid), flip=self.flip)
      return Outputs(features, features[:, :0], {}, None)
    # If no frame is skipped, all are valid, and the mask would only cost time.
    skip = self.reading.on_unreadable == "skip"
    frames = clips_to_put(clips, valid)
    batch = mesh.put_batch(self._mesh, frames, *([valid] if skip else []))
    return self._forward(variables, batch[0], batch[1] if skip else None)

  def batch_for(self, num_clips: int | None) -> int:
    """Clips in a batch; for a few clips a small power of two, so that one is not padded to many.

    Args:
      num_clips: how many there are; None: unknown.
    """
    most, devices = self.batch_clips, self._mesh.size
    if num_clips is None or num_clips >= most:
      return most
    few = 1 << (num_clips - 1).bit_length()
    return min(most, -(-few // devices) * devices)

  def vectors(
    self,
    variables: dict[str, Any],
    batches: Iterable[ClipBatch],
    num_tracklets: int,
    **telling: Any,
  ) -> np.ndarray:
    """float32[n, D], the mean vector of each tracklet.

    Args:
      variables: the weights, from `put`.
      batches: of clips, see `evaluation.embed`.
      num_tracklets: n.
      **telling: `names`, `num_clips` and `progress` of `embed_tracklets`.
    """

    def forward(clips: np.ndarray, valid: np.ndarray) -> jax.Array:
      return self.forward(variables, clips, valid).features

    found = embed_tracklets(forward, batches, num_tracklets, **telling)
    if note := alike(found, self.model):
      logging.warning("%s", note)
    return found

  def looking_closely(
    self, variables: dict[str, Any]
  ) -> Callable[[np.ndarray, np.ndarray], tuple[Outputs, dict[int, jax.Array]]]:
    """A `forward` of these weights that also returns COSAM's descriptors before their ReLU.

    It is for a few clips, which are not shared by devices. The weights are constants of the
    program, and the mask is always used, so that pictures stay the same bit for bit.

    Returns:
      (clips, valid) -> (outputs, stage -> float[B * T, h, w, D]).
    """
    model = ours(self.model)

    @jax.jit
    def forward(clips: Any, valid: jax.Array) -> Any:
      outputs, state = model.apply(
        variables, normalised(clips), valid, train=False, mutable=["intermediates"],
        capture_intermediates=lambda module, _: module.name == "reduce_norm",
      )  # fmt: skip
      found = state["intermediates"]
      return outputs, {
        stage: found[f"cosam{stage}"]["reduce_norm"]["__call__"][0] for stage in model.cosam_stages
      }

    return lambda clips, valid: forward(clips_to_put(clips, valid), valid)
