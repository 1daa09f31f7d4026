"""The network: backbone, COSAM, temporal heads. jax and flax.linen; never TensorFlow."""

from cosam_jax.models.cosam import Cosam, CosamMasks
from cosam_jax.models.interop import from_torch, to_torch
from cosam_jax.models.reid import Outputs, ReidNet

__all__ = ["Cosam", "CosamMasks", "Outputs", "ReidNet", "from_torch", "to_torch"]
