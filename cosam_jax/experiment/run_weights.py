"""Which weights a workdir's evaluation takes: its newest or best checkpoint, or given ones."""

import pathlib
from collections.abc import Mapping
from typing import Any

from jax.sharding import Mesh
from ml_collections import ConfigDict

from cosam_jax.errors import InputError
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment.parts import build_model, initial_variables
from cosam_jax.experiment.run import Run
from cosam_jax.models import ReidNet
from cosam_jax.models.resample import resample_variables
from cosam_jax.training import mesh, optim, state
from cosam_jax.training.checkpoints import BEST, LAST, Checkpoints
from cosam_jax.training.same_run import check_same

# What a checkpoint's weights depend on; evaluation may change everything else. The sizes of a clip
# may change too, if its weights are resampled.
_SIZES = ("clips.num_frames", "clips.image_size")
ARCHITECTURE = ("model", *_SIZES)


def weights_to_evaluate(run: Run) -> tuple[dict[str, Any], int, str]:
  """Weights to evaluate, on the devices; their step, 0 for given ones; and what they are.

  With a checkpoint, `run.model` becomes the network with its number of classes.

  Raises:
    InputError: neither a checkpoint nor `init.weights`, or weights of another architecture.
  """
  config, workdir = run.config, run.workdir
  kind = BEST if config.evaluation.checkpoint == "best" else LAST
  has_checkpoints = (workdir / kind).is_dir()
  checkpoints = Checkpoints(workdir, kind) if has_checkpoints else None
  step = checkpoints.latest_step() if checkpoints else None
  if checkpoints is not None and step is not None:
    run.model, variables, origin = network_at(checkpoints, step, config, run.flat, run.mesh)
  elif config.init.weights:
    variables, step = initial_variables(config, run.model), 0
    origin = pathlib.Path(config.init.weights).name
  else:
    raise InputError(
      f"there is nothing to evaluate: {workdir} has no folder {kind} with a checkpoint, and "
      "config.init.weights is empty; train first, or name weights"
    )
  return mesh.put_everywhere(run.mesh, variables), step, origin


def network_at(
  checkpoints: Checkpoints,
  step: int,
  config: ConfigDict,
  flat: Mapping[str, Any],
  devices: Mesh,
) -> tuple[ReidNet, dict[str, Any], str]:
  """The network of a checkpoint of the same architecture, whatever its data set; and its origin.

  With `evaluation.resample`, clip length and image size may differ from the checkpoint's: COSAM's
  and the TA head's weights are brought to the configuration's (`models.resample`).

  Args:
    checkpoints: of the workdir.
    step: which one.
    config: what is asked for, resolved.
    flat: the same as dotted names and plain values.
    devices: where the weights go.

  Returns:
    The network that `config` asks for, its weights, and words such as "step 240".

  Raises:
    InputError: the checkpoint is of another architecture.
  """
  about = checkpoints.about(step)
  saved, where = about["config"], f"{checkpoints.directory}/{step}"
  free = [name for name in {*saved, *flat} if not _within(name, ARCHITECTURE)]
  free += config_rules.COMPUTATION
  if config.evaluation.get("resample", False):  # Runs of earlier versions do not have it.
    free += _SIZES
  remedy = (
    "give the same values, or another --workdir; --config.evaluation.resample=True brings the "
    "weights to other clips.num_frames and clips.image_size"
  )
  check_same(saved, flat, tuple(free), where, remedy)
  model = build_model(config, about["num_classes"])
  trained = model.clone(
    num_frames=saved["clips.num_frames"], image_size=tuple(saved["clips.image_size"])
  )
  shapes = state.state_shapes(trained, optim.make_optimizer(lambda _: 0.0, weight_decay=0.0))
  variables = checkpoints.restore(step, shapes, devices).variables
  if trained == model:
    return model, variables, f"step {step}"
  height, width = trained.image_size
  origin = f"step {step}, resampled from {trained.num_frames} frames of {height}x{width}"
  return model, resample_variables(variables, trained, model), origin


def _within(name: str, groups: tuple[str, ...]) -> bool:
  return any(name == group or name.startswith(f"{group}.") for group in groups)
