"""Tracklets on disk -> tables of spans -> batches of clips. numpy and TensorFlow; never jax."""

import importlib
from typing import TYPE_CHECKING, Any

from cosam_jax.data.sets.registry import DATASETS

if TYPE_CHECKING:
  from cosam_jax.data.sets.loading import load_dataset
  from cosam_jax.data.tracklets import Tables, TrackletTable

__all__ = ["DATASETS", "Tables", "TrackletTable", "load_dataset"]

# Late, so that the registry of data sets loads without numpy.
_PLACES = {
  "Tables": "cosam_jax.data.tracklets",
  "TrackletTable": "cosam_jax.data.tracklets",
  "load_dataset": "cosam_jax.data.sets.loading",
}


def __getattr__(name: str) -> Any:
  if name in _PLACES:
    return getattr(importlib.import_module(_PLACES[name]), name)
  raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
  return sorted({*globals(), *__all__})
