"""Foreign networks in a run: an ONNX file as `init.weights`; the configuration takes its sizes."""

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from cosam_jax.errors import InputError
from cosam_jax.evaluation.vector_spread import nearly_same
from cosam_jax.experiment.loaded_network import Network
from cosam_jax.experiment.run_configuration import has_checkpoint
from cosam_jax.models.foreign import AnyNet, ForeignNet
from cosam_jax.models.foreign_preprocessing import preprocessing_file
from cosam_jax.models.onnx_sessions import is_onnx
from cosam_jax.models.weight_register import missing_weights
from cosam_jax.runtime.user_paths import user_path


def foreign_file(path: pathlib.Path, settings: Mapping[str, Any]) -> Network:
  """The foreign network of an ONNX file, without a configuration.

  Args:
    path: the file.
    settings: as for a weights file of ours; there must be none.

  Raises:
    InputError: it cannot be used, or there are settings.
  """
  if settings:
    raise InputError(
      f"{path} is a foreign network, whose settings are in {preprocessing_file(path).name} beside "
      f"it: leave {', '.join(settings)} out"
    )
  return as_network(ForeignNet(path), {})


def as_network(model: ForeignNet, flat: Mapping[str, Any]) -> Network:
  """A foreign network, as ours are loaded.

  Args:
    model: the network.
    flat: the configuration with its sizes; empty if there is none.
  """
  return Network(model, model.variables, flat, model.file, place=model.path)


def foreign_of(config: ConfigDict, workdir: pathlib.Path | None) -> ForeignNet | None:
  """The foreign network that a (resolved) configuration names; None if its network is ours.

  Prints what it is and how its frames are prepared.

  Args:
    config: the configuration.
    workdir: the run's folder, which must have no checkpoints; None: it does not matter.

  Raises:
    InputError: it cannot be used, or the workdir has a network of its own, or the average of a
      training's weights is asked for.
  """
  weights = config.init.weights
  if not is_onnx(weights):
    return None
  if config.evaluation.weights == "average":
    raise InputError(
      f"config.evaluation.weights is 'average', and the foreign network {weights} has no average: "
      "use 'trained'"
    )
  if workdir is not None and has_checkpoint(workdir):
    raise InputError(
      f"{workdir} has checkpoints of a training, whose network would be used, and "
      f"config.init.weights names the foreign network {weights}: give that a --workdir of its own"
    )
  if missing := missing_weights(weights):
    raise InputError(missing)
  network = ForeignNet(user_path(weights))
  how = network.preprocessing
  frames = "images" if how.frames == 1 else f"clips of {how.frames}"
  print(
    f"foreign network: {network.file}, by ONNX Runtime ({network.provider}); {frames}, "
    f"{how.size[0]}x{how.size[1]}, {how.channels}, white is {how.range}, {how.resize}, as "
    f"{_beside(network)} says"
  )
  return network


def with_sizes(config: ConfigDict, network: ForeignNet) -> ConfigDict:
  """A copy of a configuration with a foreign network's sizes in place of those of ours.

  So results, cards and vectors state the frames that were embedded. The fields of our own network
  stay and mean nothing, except that there are no masks.
  """
  config = ConfigDict(config.to_dict())
  config.clips.image_size = network.image_size
  config.clips.num_frames = network.num_frames
  config.clips.resize = network.preprocessing.resize
  config.clips.pixels = "float32"
  config.model.cosam_stages = ()
  return config


def alike(vectors: np.ndarray, model: AnyNet) -> str | None:
  """A sentence if a foreign network gave all tracklets nearly the same vector; None if not.

  Args:
    vectors: float32[n, D], of n tracklets.
    model: the network.
  """
  if not isinstance(model, ForeignNet) or (found := nearly_same(vectors)) is None:
    return None
  return (
    f"{found}: {_beside(model)} is probably wrong, most often range, mean or deviation; make the "
    "vector of one frame with the authors' program, and compare it with "
    f"cosam_jax.Embedder.from_checkpoint({model.file!r}).embed([frame])"
  )


def _beside(network: ForeignNet) -> str:
  return preprocessing_file(pathlib.Path(network.file)).name
