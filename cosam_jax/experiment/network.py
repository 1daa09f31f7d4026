"""Loads a network from a run's checkpoint or a weights file, without its data set."""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from jax.sharding import Mesh
from ml_collections import ConfigDict

from cosam_jax.errors import InputError
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment.exported_weights import exported_configuration, exported_label
from cosam_jax.experiment.field_kinds import NETWORK
from cosam_jax.experiment.fields import role_of
from cosam_jax.experiment.flags_again import flags_again
from cosam_jax.experiment.foreign_networks import as_network, foreign_file, foreign_of, with_sizes
from cosam_jax.experiment.found_checkpoints import find_checkpoint, kind_of, weights_label
from cosam_jax.experiment.given_settings import checked_settings
from cosam_jax.experiment.loaded_network import Network as Network
from cosam_jax.experiment.parts import build_model, initial_weights
from cosam_jax.experiment.run import Run
from cosam_jax.experiment.run_configuration import has_checkpoint, has_steps
from cosam_jax.models import ReidNet
from cosam_jax.models.exported_record import (
  RECORD,
  SAFETENSORS,
  check_digests,
  lacking_of_published,
)
from cosam_jax.models.foreign import ForeignNet
from cosam_jax.models.hub_files import fetched
from cosam_jax.models.hub_names import hub_name, is_hub_name
from cosam_jax.models.interop import merge
from cosam_jax.models.onnx_sessions import is_onnx
from cosam_jax.models.prefixes import classes_of
from cosam_jax.models.resample import resample_variables
from cosam_jax.models.weight_files import read_weights
from cosam_jax.models.weight_register import find_weights
from cosam_jax.runtime.given_values import kind_of_value
from cosam_jax.runtime.user_paths import user_path
from cosam_jax.training import optim, state
from cosam_jax.training.checkpoints import Checkpoints
from cosam_jax.training.mesh import make_mesh, put_everywhere
from cosam_jax.training.same_run import check_same, differing

# The sizes of a clip belong to the network, but may change if its weights are resampled.
_SIZES = ("clips.num_frames", "clips.image_size")


def load_network(
  path: str | os.PathLike[str], settings: Mapping[str, Any] | None = None
) -> Network:
  """Reads a run's checkpoint, a weights file, a network on the Hub, or a foreign network.

  Args:
    path: a workdir, its folder `checkpoints` or `best`, or one checkpoint in it; a weights file
      (`.pth`, `.pth.tar`, `.safetensors`, `.npz`) with the published code's names; an export's
      folder; `hf:org/name@revision`, see `hub_names`; or an ONNX file, see `models.foreign`.
    settings: fields of `ReidNet` for a weights file, such as `backbone`; the number of classes is
      the file's. A run has its own settings, and so has a file in an export's folder.

  Raises:
    InputError: the path or name does not exist, a setting does not exist or is out of its range,
      the weights do not fit, or a published folder is not as it was published.
  """
  if not isinstance(path, str | os.PathLike):
    raise InputError(
      f"the network's path is {kind_of_value(path)}: give a run's workdir, one of its checkpoints, "
      "or a weights file"
    )
  settings = checked_settings(settings or {})
  if is_hub_name(path):
    found = fetched(hub_name(path))
    return dataclasses.replace(_from_weights(found.path, settings), label=found.label)
  path = user_path(path)
  if not path.exists():
    raise InputError(
      f"{path} does not exist: give a run's workdir, one of its checkpoints, or a weights file"
    )
  if is_onnx(path.name):
    return foreign_file(path, settings)
  if all((path / name).is_file() for name in (RECORD, SAFETENSORS)) and not has_checkpoint(path):
    path = path / SAFETENSORS
  if not path.is_dir():
    check_digests(path)
    return _from_weights(path, settings)
  if settings:
    raise InputError(
      f"{path} is a run's folder, which knows its network: leave {', '.join(settings)} out"
    )
  if (lacking := lacking_of_published(path)) and not has_checkpoint(path):
    raise InputError(lacking)
  if missing := flags_again(path):
    raise InputError(missing)
  checkpoints, step = find_checkpoint(path)
  flat = config_rules.complete(checkpoints.about(step)["config"])
  config = config_rules.unflatten(flat)
  network = _from_checkpoint(checkpoints, step, config, flat, make_mesh())
  return dataclasses.replace(network, place=path)


def network_asked_for(
  config: ConfigDict | None, workdir: pathlib.Path, weights: str | None = None
) -> Network:
  """The network of a command: by `network_of` with a configuration, else by `load_network`.

  Args:
    config: the configuration of --config and the flags; None if --config is left out.
    workdir: the folder of the checkpoints.
    weights: those of --weights, which go before the checkpoints: see `load_network`; with a
      configuration, a file or a name as for `init.weights`.

  Raises:
    InputError: as those two; the configuration cannot work; or the workdir is no run, and its files
      say which flags made them.
  """
  if config is None and weights is not None:
    return load_network(weights)
  if config is None:
    return load_network(workdir)
  if weights is not None:
    config = config.copy_and_resolve_references()
    config.init.weights = weights
  config_rules.check(config)
  config = config_rules.resolve(config)
  foreign = foreign_of(config, workdir if weights is None else None)
  if foreign is not None:
    return as_network(foreign, config_rules.plain(with_sizes(config, foreign)))
  flat = config_rules.plain(config)
  return network_of(config, flat, workdir) if weights is None else _of_initial(config, flat)


def network_of(
  config: ConfigDict, flat: Mapping[str, Any], workdir: pathlib.Path, drawn: ReidNet | None = None
) -> Network:
  """The network of a (resolved) configuration: the workdir's checkpoint, or `init.weights`.

  `evaluation.checkpoint` says which checkpoint, the newest or the best; `evaluation.weights` which
  of its weights.

  Args:
    config: the configuration that is asked for.
    flat: the same as dotted names and plain values.
    workdir: the folder of the checkpoints.
    drawn: a network of which `init.weights` may be a part, such as its backbone; missing weights
      are drawn from the seed, as at the start of training. None: they must be a whole network.

  Raises:
    InputError: there is neither a checkpoint nor weights, or they are of another network.
  """
  kind = kind_of(config.evaluation.checkpoint)
  if has_steps(workdir / kind):
    checkpoints = Checkpoints(workdir, kind)
    step = checkpoints.latest_step()
    if step is not None:
      return _from_checkpoint(checkpoints, step, config, flat, make_mesh())
  if config.evaluation.weights == state.AVERAGE:
    raise InputError(
      f"config.evaluation.weights is 'average', and {workdir} has no folder {kind} with a "
      "checkpoint, which alone has an average: train first, or use 'trained'"
    )
  if config.init.weights and drawn is not None:
    initial = initial_weights(config, drawn)
    return Network(drawn, initial.variables, flat, initial.label)
  if config.init.weights:
    return _of_initial(config, flat)
  raise InputError(
    f"there is {'no network' if drawn is None else 'nothing to evaluate'}: {workdir} has no folder "
    f"{kind} with a checkpoint, and config.init.weights is empty; train first, or name weights"
  )


def _of_initial(config: ConfigDict, flat: Mapping[str, Any]) -> Network:
  """The network of `init.weights`, which must be a whole one."""
  if config.evaluation.weights == state.AVERAGE:
    raise InputError(
      f"config.evaluation.weights is 'average', and {config.init.weights} is no checkpoint of a "
      "run, which alone has an average: use 'trained'"
    )
  path, label = find_weights(config.init.weights, config.model.backbone)
  network = _from_file(path, lambda classes: build_model(config, classes), flat)
  return dataclasses.replace(network, label=label)


def network_to_evaluate(run: Run) -> Network:
  """The network of a run's configuration, which may be a backbone alone; on the run's devices.

  With a checkpoint, `run.model` becomes the network with its number of classes.

  Raises:
    InputError: as `network_of`.
  """
  if isinstance(run.model, ForeignNet):
    network = as_network(run.model, run.flat)
  else:
    network = network_of(run.config, run.flat, run.workdir, drawn=run.model)
  run.model = network.model
  return dataclasses.replace(network, variables=put_everywhere(run.mesh, network.variables))


def _from_checkpoint(
  checkpoints: Checkpoints,
  step: int,
  config: ConfigDict,
  flat: Mapping[str, Any],
  devices: Mesh,
) -> Network:
  """The network of a checkpoint of the same architecture, whatever its data set.

  With `evaluation.resample`, clip length and image size may differ from the checkpoint's: COSAM's
  and the TA head's weights are brought to the configuration's (`models.resample`).

  Args:
    checkpoints: of the workdir.
    step: the checkpoint's step.
    config: the configuration that is asked for, resolved.
    flat: the same as dotted names and plain values.
    devices: receive the weights.

  Returns:
    The network that `config` asks for.

  Raises:
    InputError: the checkpoint is of another architecture.
  """
  about = checkpoints.about(step)
  saved, where = config_rules.complete(about["config"]), f"{checkpoints.directory}/{step}"
  free = [name for name in {*saved, *flat} if role_of(name) != NETWORK]
  if config.evaluation.resample:
    free += _SIZES
  remedy = "give the same values, or another --workdir"
  if set(_SIZES).intersection(differing(saved, flat, tuple(free))):
    remedy += (
      "; --config.evaluation.resample=True brings the weights to other clips.num_frames and "
      "clips.image_size"
    )
  check_same(saved, flat, tuple(free), where, remedy)
  model = build_model(config, about["num_classes"])
  trained = model.clone(
    num_frames=saved["clips.num_frames"], image_size=tuple(saved["clips.image_size"])
  )
  which, averaged = config.evaluation.weights, bool(saved["train.average"])
  if which == state.AVERAGE and not averaged:
    raise InputError(
      f"config.evaluation.weights is 'average', and the checkpoint in {where} has no average of "
      "the weights, since it was trained with train.average 0: use 'trained'"
    )
  shapes = state.state_shapes(
    trained, optim.make_optimizer(lambda _: 0.0, weight_decay=0.0), averaged=averaged
  )
  variables = state.weights_of(checkpoints.restore(step, shapes, devices), which)
  label = weights_label(step, which)
  if trained == model:
    return Network(model, variables, flat, label, step, about)
  height, width = trained.image_size
  label = f"{label}, resampled from {trained.num_frames} frames of {height}x{width}"
  return Network(model, resample_variables(variables, trained, model), flat, label, step, about)


def _from_weights(path: pathlib.Path, settings: dict[str, Any]) -> Network:
  flat = exported_configuration(path)
  if not flat or settings:
    return _from_file(path, lambda classes: ReidNet(**{"num_classes": classes, **settings}), flat)
  config = config_rules.resolve(config_rules.unflatten(flat))
  network = _from_file(path, lambda classes: build_model(config, classes), flat)
  return dataclasses.replace(network, label=exported_label(path, network.variables))


def _from_file(
  path: pathlib.Path, build: Callable[[int], ReidNet], flat: Mapping[str, Any]
) -> Network:
  """The network of a weights file that has all of it but the classifier, or that too.

  Vectors need no classifier, so a backbone's file will do for a network that is only a backbone.

  Args:
    path: the file.
    build: makes the network for a number of classes.
    flat: the configuration.
  """
  weights = read_weights(path)
  classes = classes_of(weights)
  model = build(classes or 1)
  spared = "classifier" if classes is None else "classifier.bias"
  merged = merge(weights, model, allow_missing=(spared,))
  lacking = {name.partition(".")[0] for name in merged.kept} - {"classifier"}
  if lacking:
    without = all(part.startswith("cosam") for part in lacking)
    remedy = (
      "give --cosam=none if it was trained without COSAM"
      if without
      else ("give a checkpoint of one")
    )
    raise InputError(
      f"weights file {path} is not a whole network, since it lacks {', '.join(sorted(lacking))}: "
      f"{remedy}, or train from these weights first"
    )
  return Network(model, merged.variables, flat, path.name, place=path)
