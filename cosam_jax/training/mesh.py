"""One mesh over the devices there are: batches are split over it, the state is copied to all.

BatchNorm and the triplet loss see the global batch, whatever the number of devices; the published
code, with DataParallel, took statistics per device.
"""

import logging

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from cosam_jax.errors import InputError

DATA_AXIS = "data"


def keep_quiet() -> None:
  """Before the devices are first used: no lines about accelerators that are not there."""
  logging.getLogger("jax._src.xla_bridge").setLevel(logging.WARNING)


def make_mesh() -> Mesh:
  """A one-dimensional mesh of all devices."""
  keep_quiet()
  # Auto axes: with explicit ones the triplet loss's distance matrix has no legal sharding.
  return jax.make_mesh((jax.device_count(),), (DATA_AXIS,), axis_types=(AxisType.Auto,))


def replicated(mesh: Mesh) -> NamedSharding:
  """A copy on every device."""
  return NamedSharding(mesh, PartitionSpec())


def split_batch(mesh: Mesh) -> NamedSharding:
  """The leading axis over the devices."""
  return NamedSharding(mesh, PartitionSpec(DATA_AXIS))


def check_divisible(mesh: Mesh, field: str, clips: int) -> None:
  """Refuses a batch that the devices cannot share evenly.

  Raises:
    InputError: with the field, the number of clips and the number of devices.
  """
  if clips % mesh.size:
    raise InputError(
      f"{field} is {clips}, which {mesh.size} devices cannot share evenly: make it a multiple of "
      f"{mesh.size}"
    )


def put_batch(mesh: Mesh, *arrays: np.ndarray) -> tuple[jax.Array, ...]:
  """Moves host arrays to the devices, split along their first axis."""
  return jax.device_put(arrays, split_batch(mesh))
