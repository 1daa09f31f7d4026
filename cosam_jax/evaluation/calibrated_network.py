"""What a calibration says about its network, and whether vectors are of the same one."""

from collections.abc import Mapping
from typing import Any

from cosam_jax.evaluation.embeddings import Embeddings

_NAMES = ("label", "weights_hash")
"""What a calibration says about its network for people, and is not compared."""


def network_misfit(known: Mapping[str, Any], network: Mapping[str, Any]) -> str | None:
  """Why what was measured with one network is not for another's vectors; None if it may be.

  Args:
    known: the facts that were stored.
    network: the other's; see `Calibration.misfit`.
  """
  for name, mine in known.items():
    theirs = None if name in _NAMES else network.get(name)
    if None in (mine, theirs) or mine == theirs:
      continue
    if name == "vectors_hash":
      return "it has other weights"
    return f"{name.rpartition('.')[2]} is {mine} there, and {theirs} here"
  return None


def network_of_embeddings(
  embeddings: Embeddings, distance: str, settings: Mapping[str, Any]
) -> dict[str, Any]:
  """What a calibration states about the network of some embeddings.

  Args:
    embeddings: state the weights.
    distance: by which they are compared.
    settings: of the network, besides its weights; see `calibrate`.
  """
  origin = embeddings.origin
  return {
    "label": origin.checkpoint,
    "weights_hash": origin.checkpoint_hash,
    "vectors_hash": origin.vectors_hash,
    "distance": distance,
    "flip": origin.flip,
    **settings,
  }
