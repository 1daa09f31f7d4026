"""The settings of a network on which vectors depend besides its weights, as plain values.

Two networks with the same weights give different vectors if one of these differs, and what was
measured with one does not hold for the other.
"""

from collections.abc import Mapping
from typing import Any

from cosam_jax.evaluation.embeddings import Embeddings
from cosam_jax.experiment.field_kinds import FROM_PRESET, NETWORK
from cosam_jax.experiment.fields import FIELDS
from cosam_jax.experiment.flat_config import complete
from cosam_jax.experiment.network import Network
from cosam_jax.models.temporal_names import stage5_stride

_OF_TRAINING = (
  "model.neck_losses",
  "model.neck_bias",
  "model.neck_deviation",
  "model.classifier_bias",
  "model.classifier_deviation",
)
_OF_COSAM = ("model.ncc", "model.summary", "model.channel_gate", "model.descriptors")
_OF_NECK = ("model.neck_place", "model.embedding")
SETTINGS = tuple(
  name for name, field in FIELDS.items() if field.role == NETWORK and name not in _OF_TRAINING
)
"""Fields of the configuration."""


def settings_of_config(config: Mapping[str, Any], num_frames: int | None = None) -> dict[str, Any]:
  """The settings of a flat configuration; those that do nothing in this network are left out.

  Args:
    config: dotted name -> plain value; empty if it is unknown.
    num_frames: T of an unknown configuration; None: unknown.
  """
  if not config:
    return {} if num_frames is None else {"clips.num_frames": num_frames}
  every = complete(config)
  return _those_that_count({name: every[name] for name in SETTINGS if name in every})


def settings_of_embeddings(embeddings: Embeddings) -> dict[str, Any]:
  """The settings of the network that made saved vectors, as far as their file says.

  A foreign network has none of ours; its preprocessing is in the hash of its vectors.
  """
  if embeddings.origin.foreign:
    return {}
  return settings_of_config(embeddings.origin.config, embeddings.origin.num_frames)


def settings_of_network(network: Network) -> dict[str, Any]:
  """The settings of a network in memory, whose configuration may be unknown."""
  if network.foreign:
    return {}
  model = network.ours
  found: dict[str, Any] = {
    name: getattr(model, name.partition(".")[2]) for name in SETTINGS if name.startswith("model.")
  }
  for name in ("model.stride_in", "model.pool"):
    found[name] = found[name] or "family"
  found["model.cosam_stages"] = list(model.cosam_stages)
  found["clips.num_frames"], found["clips.image_size"] = model.num_frames, list(model.image_size)
  if "clips.resize" in network.flat:
    found["clips.resize"] = network.flat["clips.resize"]
  return _those_that_count(found)


def _those_that_count(settings: dict[str, Any]) -> dict[str, Any]:
  """Settings in one form: lists in order, the real stride, and nothing without an effect."""
  idle: tuple[str, ...] = ()
  if "model.cosam_stages" in settings and not settings["model.cosam_stages"]:
    idle += _OF_COSAM
  if not settings.get("model.neck", True):
    idle += _OF_NECK
  if settings.get("model.temporal", "ta") != "ta":
    idle += ("model.score_relu",)
  found = {
    # A preset that is not resolved is unknown.
    name: value
    for name, value in settings.items()
    if name not in idle and value != FROM_PRESET
  }
  if "model.cosam_stages" in found:
    found["model.cosam_stages"] = sorted(found["model.cosam_stages"])
  if {"model.temporal", "model.last_stride"} <= found.keys():
    stride = found["model.last_stride"] or None
    found["model.last_stride"] = stage5_stride(found["model.temporal"], stride)
  if "clips.image_size" in found:
    found["clips.image_size"] = list(found["clips.image_size"])
  return found
