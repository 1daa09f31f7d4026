"""The network: backbone, COSAM, temporal heads. jax and flax.linen; never TensorFlow."""

from typing import TYPE_CHECKING

from cosam_jax.runtime.late import late_names

if TYPE_CHECKING:
  from cosam_jax.models.cosam import Cosam, CosamMasks
  from cosam_jax.models.interop import from_torch, to_torch
  from cosam_jax.models.reid import Outputs, ReidNet

__all__ = ["Cosam", "CosamMasks", "Outputs", "ReidNet", "from_torch", "to_torch"]

# Loaded late, so that the names of backbones and heads load without jax.
__getattr__, __dir__ = late_names(
  __name__,
  {
    "Cosam": "cosam_jax.models.cosam",
    "CosamMasks": "cosam_jax.models.cosam",
    "Outputs": "cosam_jax.models.reid",
    "ReidNet": "cosam_jax.models.reid",
    "from_torch": "cosam_jax.models.interop",
    "to_torch": "cosam_jax.models.interop",
  },
)
