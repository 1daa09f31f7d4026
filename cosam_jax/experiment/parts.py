"""A configuration's parts: tables, network, initial weights, objective, batches."""

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from cosam_jax.data import Tables, TrackletTable, load_dataset
from cosam_jax.data.augmentation import Augmentation
from cosam_jax.data.batches import BatchPlan
from cosam_jax.data.cutting import cut_tracklets
from cosam_jax.data.drawn.synthetic import write_synthetic
from cosam_jax.data.host_tensorflow import check_tensorflow
from cosam_jax.data.pipeline import training_batches
from cosam_jax.data.sets.manifest import is_manifest
from cosam_jax.data.sets.registry import data_set_of
from cosam_jax.data.telling import warn_of
from cosam_jax.errors import InputError
from cosam_jax.models import ReidNet
from cosam_jax.models.cosam import start_masks
from cosam_jax.models.hub_names import is_hub_name
from cosam_jax.models.interop import merge
from cosam_jax.models.state_names import is_behind_backbone
from cosam_jax.models.weight_files import read_weights
from cosam_jax.models.weight_register import find_weights
from cosam_jax.runtime.user_paths import user_path
from cosam_jax.training import mesh, state, steps
from cosam_jax.training.frame_bytes import clips_to_put

DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}


def read_tables(config: ConfigDict) -> Tables:
  """The data set of a configuration; the synthetic one is drawn if it does not exist yet."""
  data = config.data
  if data_set_of(data.name).drawn:
    if is_manifest(user_path(data.dir)):
      raise InputError(
        f"{data.dir} is named as a manifest of one's own data, and the people of {data.name} are "
        "drawn: give --dataset=folder, or the folder of a drawn set"
      )
    write_synthetic(data.dir, **config.synthetic.to_dict())
  if data.source == "prepared":
    check_tensorflow(data_sets=True)
    # Imported late, since tensorflow-datasets takes seconds to load and few runs need it.
    from cosam_jax.data.builders import load_prepared

    tables = load_prepared(
      data.name,
      data.prepared_dir,
      split=data.split,
      seed=data.split_seed,
      follow_links=data.follow_links,
    )
  else:
    tables = load_dataset(
      data.name,
      data.dir,
      check_files=data.check_files,
      split=data.split,
      seed=data.split_seed,
      follow_links=data.follow_links,
    )
  warn_of(tables)
  return tables


def build_model(config: ConfigDict, num_classes: int) -> ReidNet:
  """The network that a (resolved) configuration describes."""
  model, clips = config.model, config.clips

  def own(value: str) -> str | None:
    return None if value == "family" else value

  return ReidNet(
    backbone=model.backbone,
    cosam_stages=tuple(sorted(model.cosam_stages)),
    temporal=model.temporal,
    num_frames=clips.num_frames,
    image_size=tuple(clips.image_size),
    num_classes=num_classes,
    width=model.width,
    last_stride=model.last_stride or None,
    stride_in=own(model.stride_in),
    pool=own(model.pool),
    cost_volume=model.cost_volume,
    ncc=model.ncc,
    summary=model.summary,
    channel_gate=model.channel_gate,
    descriptors=model.descriptors,
    score_relu=model.score_relu,
    spatial_pool=model.spatial_pool,
    neck=model.neck,
    neck_losses=model.neck_losses,
    neck_place=model.neck_place,
    neck_bias=model.neck_bias,
    neck_deviation=model.neck_deviation,
    embedding=model.embedding,
    classifier_bias=model.classifier_bias,
    classifier_deviation=model.classifier_deviation,
    dtype=DTYPES[model.dtype],
    remat=model.remat,
    norms=model.norms,
  )


OF_START = ("drawn_parts", "initial_weights")
"""What a checkpoint and results say about the weights before the first step, if there is any."""


class Initial(NamedTuple):
  """The weights before the first step.

  Attributes:
    variables: `params` and `batch_stats`.
    drawn_parts: parts of the backbone that the file of the weights lacks, which were drawn; see
      `interop.Merged.drawn_parts`.
    label: names the file of the weights, see `hub_files.Found`; empty if there is none.
  """

  variables: dict[str, Any]
  drawn_parts: tuple[str, ...] = ()
  label: str = ""

  @property
  def record(self) -> dict[str, Any]:
    """What a run keeps about its start, by the names of `OF_START`; none that says nothing."""
    found: dict[str, Any] = {}
    if self.drawn_parts:
      found["drawn_parts"] = list(self.drawn_parts)
    if is_hub_name(self.label):  # It may mean other weights tomorrow; the configuration has files.
      found["initial_weights"] = self.label
    return found


def initial_weights(config: ConfigDict, model: ReidNet) -> Initial:
  """Variables drawn from the seed, with the weights that the configuration names, if any.

  Raises:
    InputError: the weights do not fit the network; or the backbone lacks tensors, and
      `init.missing` does not say that they are drawn; or it lacks all of them.
  """
  drawn, start = state.init_variables(model, config.seed), config.init.mask_start
  for stage in model.cosam_stages:
    name = f"cosam{stage}"
    drawn["params"] = {**drawn["params"], name: start_masks(drawn["params"][name], start)}
  if not config.init.weights:
    return Initial(drawn)
  path, label = find_weights(config.init.weights, config.model.backbone)
  given = read_weights(path)
  draw = config.init.missing == "draw"
  # A backbone's file may lack everything after it; in a whole network only the classes may differ.
  behind = ("classifier", "neck", "pool")
  merged = merge(given, model, allow_missing=behind, init=drawn, draw_backbone=draw)
  if draw and not any(not is_behind_backbone(name) for name in merged.filled):
    raise InputError(
      f"{path} has nothing of backbone {config.model.backbone} at this width: choose the model it "
      "belongs to"
    )
  print(f"initial weights: {label if is_hub_name(label) else path}")
  if merged.drawn_parts:
    print(f"drawn, since the weights lack them: {', '.join(merged.drawn_parts)}")
  return Initial(merged.variables, merged.drawn_parts, label)


def initial_variables(config: ConfigDict, model: ReidNet) -> dict[str, Any]:
  """The variables of `initial_weights`."""
  return initial_weights(config, model).variables


def objective(config: ConfigDict) -> steps.Objective:
  """The loss that a (resolved) configuration describes."""
  loss = config.loss
  return steps.Objective(
    label_smoothing=loss.label_smoothing if loss.cross_entropy == "smoothed" else 0.0,
    triplet_margin=loss.triplet_margin,
    triplet_weight=loss.triplet_weight,
    triplet_distance=loss.triplet_distance,
    mask_sparsity=loss.mask_sparsity,
  )


def training_plan(config: ConfigDict, table: TrackletTable) -> BatchPlan:
  """The batches that a (resolved) configuration draws from its training tracklets."""
  return BatchPlan(
    table=cut_tracklets(table, config.clips.cut_frames),
    identities_per_batch=config.train.identities_per_batch,
    instances=config.train.instances,
    num_frames=config.clips.num_frames,
    frame_selection=config.clips.selection,
    sequential_start=config.clips.sequential_start,
    seed=config.seed,
    sampler=config.train.sampler,
    stride=config.clips.stride,
  )


def pixels(config: ConfigDict) -> dict[str, Any]:
  """The pixels of training batches: arguments of `pipeline.training_batches`."""
  clips = config.clips
  fields = [field.name for field in dataclasses.fields(Augmentation)]
  return {
    "image_size": tuple(clips.image_size),
    "resize_method": clips.resize,
    "pixels": clips.pixels,
    "augmentation": Augmentation(**{name: clips[name] for name in fields}),
  }


class TrainingBatches:
  """The batches of the steps from `first_step` on, on the devices."""

  def __init__(self, config: ConfigDict, plan: BatchPlan, first: int, last: int, where: Any):
    self._source = training_batches(
      plan,
      **pixels(config),
      first_step=first,
      last_step=last,
      on_unreadable=config.data.on_unreadable,
      retry_seconds=config.data.retry_seconds,
      share=(jax.process_index(), jax.process_count()),
    )
    self._skip, self._mesh = config.data.on_unreadable == "skip", where

  @property
  def skipped(self) -> int:
    """Number of frames that could not be read so far."""
    return self._source.skipped

  def __iter__(self) -> Iterator[tuple[Any, ...]]:
    for batch in self._source:
      clips = clips_to_put(batch.clips, batch.valid)
      if self._skip:
        yield mesh.put_batch(self._mesh, clips, batch.labels, batch.valid)
      else:
        yield (*mesh.put_batch(self._mesh, clips, batch.labels), None)
