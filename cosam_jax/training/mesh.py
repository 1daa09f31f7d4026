"""One mesh over all devices: batches are split over it, the state is copied to every device.

BatchNorm and the triplet loss see the global batch, whatever the number of devices; the published
code, with DataParallel, takes statistics per device.
"""

from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from cosam_jax.errors import InputError

Tree = TypeVar("Tree")

DATA_AXIS = "data"


def make_mesh() -> Mesh:
  """A one-dimensional mesh of all devices of all processes.

  The devices of a process are next to each other, so its share of a batch is one run of rows.
  """
  return _mesh_of(sorted(jax.devices(), key=lambda device: (device.process_index, device.id)))


def make_local_mesh() -> Mesh:
  """A mesh of this process's devices alone; with one process, the same as `make_mesh`."""
  return make_mesh() if jax.process_count() == 1 else _mesh_of(jax.local_devices())


def _mesh_of(devices: list[Any]) -> Mesh:
  # Auto axes: with explicit ones the triplet loss's distance matrix has no legal sharding.
  return Mesh(np.array(devices), (DATA_AXIS,), axis_types=(AxisType.Auto,))


def replicated(mesh: Mesh) -> NamedSharding:
  """The sharding with a copy on every device."""
  return NamedSharding(mesh, PartitionSpec())


def split_batch(mesh: Mesh) -> NamedSharding:
  """The sharding that splits the leading axis over the devices."""
  return NamedSharding(mesh, PartitionSpec(DATA_AXIS))


def check_divisible(mesh: Mesh, field: str, clips: int) -> None:
  """Refuses a batch that the devices cannot share evenly.

  Raises:
    InputError: it names the field, the number of clips and the number of devices.
  """
  if clips % mesh.size:
    raise InputError(
      f"{field} is {clips}, which {mesh.size} devices cannot share evenly: make it a multiple of "
      f"{mesh.size}"
    )


def check_batch(mesh: Mesh, identities: int, instances: int, accumulate: int = 1) -> None:
  """Refuses a training batch of P identities x K clips that cannot be split.

  Raises:
    InputError: it gives P, K, the parts of accumulation and the number of devices.
  """
  clips, shares = identities * instances, mesh.size * accumulate
  if clips % shares:
    parts = f"{accumulate} parts (config.train.accumulate) on " if accumulate > 1 else ""
    raise InputError(
      f"config.train.identities_per_batch x config.train.instances is {identities} x {instances} = "
      f"{clips} clips, which cannot be split evenly over {parts}{mesh.size} devices: make it a "
      f"multiple of {shares}"
    )


def check_norms(mesh: Mesh, norms: str) -> None:
  """Refuses `"fused"` norms (see `ReidNet.norms`) on other devices than one NVIDIA GPU.

  Raises:
    InputError: it names the field and the devices.
  """
  if norms == "fused" and not is_one_nvidia_gpu(mesh):
    raise InputError(
      "config.model.norms is 'fused', whose kernels are for one NVIDIA GPU, and training would run "
      f"on {mesh.size} x {mesh.devices.flat[0].device_kind}: use 'compiler', which gives the same "
      "numbers"
    )


def is_one_nvidia_gpu(mesh: Mesh) -> bool:
  """Whether the mesh is a single device for which CUDA programs are made."""
  device = mesh.devices.flat[0]
  # JAX calls AMD's devices GPUs too.
  cuda = device.platform == "gpu" and "rocm" not in device.client.platform_version.lower()
  return cuda and mesh.size == 1


def put_batch(mesh: Mesh, *arrays: Any) -> tuple[Any, ...]:
  """Moves host arrays, or trees of them, to the devices, split along their first axis.

  With several processes, each passes its own share of the rows, and all get the whole array.
  """
  sharding = split_batch(mesh)
  if sharding.is_fully_addressable:
    return jax.device_put(arrays, sharding)
  return jax.tree.map(lambda rows: jax.make_array_from_process_local_data(sharding, rows), arrays)


def put_everywhere(mesh: Mesh, tree: Tree) -> Tree:
  """Copies a tree, the same in every process, to every device of the mesh."""
  sharding = replicated(mesh)
  if sharding.is_fully_addressable and not _is_shared(tree):
    return jax.device_put(tree, sharding)

  def put(leaf: Any) -> jax.Array:
    array = np.asarray(leaf)
    return jax.make_array_from_callback(array.shape, sharding, lambda index: array[index])

  return jax.tree.map(put, tree)


def connect(mesh: Mesh) -> None:
  """Lets all devices of a mesh talk to each other once; all processes call it.

  Devices connect when they first talk; CPU devices then wait at most half a minute for the others.
  """
  ones = jax.make_array_from_callback(
    (mesh.size,), split_batch(mesh), lambda index: np.ones(mesh.size, np.float32)[index]
  )
  jax.block_until_ready(jax.jit(jnp.sum)(ones))


def _is_shared(tree: Any) -> bool:
  """Whether arrays in the tree lie on devices of several processes."""
  return any(
    isinstance(leaf, jax.Array) and not leaf.is_fully_addressable for leaf in jax.tree.leaves(tree)
  )
