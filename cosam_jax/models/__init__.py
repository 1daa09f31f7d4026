"""The network: backbone, COSAM, temporal heads. jax and flax.linen; never TensorFlow."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
  from cosam_jax.models.cosam import Cosam, CosamMasks
  from cosam_jax.models.interop import from_torch, to_torch
  from cosam_jax.models.reid import Outputs, ReidNet

__all__ = ["Cosam", "CosamMasks", "Outputs", "ReidNet", "from_torch", "to_torch"]

# Late, so that the names of backbones and heads load without jax.
_PLACES = {
  "Cosam": "cosam_jax.models.cosam",
  "CosamMasks": "cosam_jax.models.cosam",
  "Outputs": "cosam_jax.models.reid",
  "ReidNet": "cosam_jax.models.reid",
  "from_torch": "cosam_jax.models.interop",
  "to_torch": "cosam_jax.models.interop",
}


def __getattr__(name: str) -> Any:
  if name in _PLACES:
    return getattr(importlib.import_module(_PLACES[name]), name)
  raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
  return sorted({*globals(), *__all__})
