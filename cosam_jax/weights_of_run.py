"""Which weights a workdir's evaluation takes: its newest or best checkpoint, or given ones."""

import pathlib
from typing import Any

from cosam_jax.assembly import Run, build_model, initial_variables
from cosam_jax.errors import InputError
from cosam_jax.training import mesh, optim, state
from cosam_jax.training.checkpoints import BEST, LAST, Checkpoints, check_same

# What a checkpoint's weights depend on; evaluation may change everything else.
ARCHITECTURE = ("model", "clips.num_frames", "clips.image_size")


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
    variables = _checkpoint_variables(run, checkpoints, step)
    origin = f"step {step}"
  elif config.init.weights:
    variables, step = initial_variables(config, run.model), 0
    origin = pathlib.Path(config.init.weights).name
  else:
    raise InputError(
      f"there is nothing to evaluate: {workdir} has no folder {kind} with a checkpoint, and "
      "config.init.weights is empty; train first, or name weights"
    )
  return mesh.put_everywhere(run.mesh, variables), step, origin


def _checkpoint_variables(run: Run, checkpoints: Checkpoints, step: int) -> dict[str, Any]:
  """The weights of a checkpoint of the same architecture, whatever the data set."""
  saved = checkpoints.about(step)
  free = tuple(
    name for name in {*saved["config"], *run.flat}
    if not any(name == part or name.startswith(f"{part}.") for part in ARCHITECTURE)
  )  # fmt: skip
  free = (*free, "model.cost_volume", "model.dtype")
  check_same(saved["config"], run.flat, free, f"{checkpoints.directory}/{step}")
  run.model = build_model(run.config, saved["num_classes"])
  optimizer = optim.make_optimizer(lambda _: 0.0, weight_decay=0.0)
  shapes = state.state_shapes(run.model, optimizer)
  return checkpoints.restore(step, shapes, run.mesh).variables
