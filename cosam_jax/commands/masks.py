"""`--mode=masks`: COSAM's masks on test frames, or on frames that a person chose."""

import pathlib

from ml_collections import ConfigDict

from cosam_jax.commands import chosen_frames
from cosam_jax.commands.call import Call
from cosam_jax.commands.registry import COMMANDS
from cosam_jax.experiment import evaluation_place
from cosam_jax.experiment.mask_gallery import draw
from cosam_jax.experiment.mask_report import MaskReport
from cosam_jax.experiment.network import network_asked_for, network_to_evaluate
from cosam_jax.experiment.page_report import check_outputs
from cosam_jax.experiment.parts import initial_variables
from cosam_jax.experiment.run import Run


def run(call: Call) -> None:
  """Runs the mode."""
  flags = call.flags
  if all(flags[name] is None for name in COMMANDS["masks"].unless):
    with call.holding_workdir():
      masks(call.run_config, call.folder)
    return
  with call.holding_output():
    draw(
      network_asked_for(call.config, call.folder),
      call.path("output") or call.folder / "masks_chosen",
      folder=flags["input"],
      tracklets=flags["tracklets"],
      point=flags["point"],
      boxes=flags["boxes"],
      margin=flags["box_margin"] or 0.0,
      reading=chosen_frames.box_reading(flags),
      taking=chosen_frames.taking(flags),
    )


def masks(config: ConfigDict, workdir: pathlib.Path) -> None:
  """Measures and draws COSAM's masks for the weights that `evaluate` would take."""
  run = Run(config, workdir)
  run.require_masks()
  network = network_to_evaluate(run)
  evaluation_place.settle(run, network.label, network.variables)
  check_outputs(run)
  report = MaskReport(run)
  untrained = initial_variables(run.config, run.model) if report.has_figures else None
  report.show(network.variables, network.label, untrained)
  draw(
    network,
    run.workdir / "masks",
    table=report.table,
    source=report.source(network.variables),
    keep=("masks.json",),
  )
