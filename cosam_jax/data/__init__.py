"""Tracklets on disk -> tables of spans -> batches of clips. numpy and TensorFlow; never jax."""

from typing import TYPE_CHECKING

from cosam_jax.data.sets.registry import DATASETS
from cosam_jax.runtime.late import late_names

if TYPE_CHECKING:
  from cosam_jax.data.sets.loading import load_dataset
  from cosam_jax.data.tracklets import Tables, TrackletTable

__all__ = ["DATASETS", "Tables", "TrackletTable", "load_dataset"]

# Loaded late, so that the registry of data sets loads without numpy.
__getattr__, __dir__ = late_names(
  __name__,
  {
    "Tables": "cosam_jax.data.tracklets",
    "TrackletTable": "cosam_jax.data.tracklets",
    "load_dataset": "cosam_jax.data.sets.loading",
  },
)
