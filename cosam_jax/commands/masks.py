"""`--mode=masks`: COSAM's masks on test frames, or on frames that the user chose."""

import pathlib
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from cosam_jax.commands import chosen_frames
from cosam_jax.commands.call import Call
from cosam_jax.commands.registry import COMMANDS
from cosam_jax.experiment import evaluation_place, own_outputs
from cosam_jax.experiment.mask_gallery import draw
from cosam_jax.experiment.mask_report import MaskReport
from cosam_jax.experiment.network import Network, network_asked_for, network_to_evaluate
from cosam_jax.experiment.page_report import check_outputs
from cosam_jax.experiment.parts import initial_variables
from cosam_jax.experiment.run import Run
from cosam_jax.models.foreign import ours


def run(call: Call) -> None:
  """Runs the mode."""
  flags = call.flags
  if all(flags[name] is None for name in COMMANDS["masks"].unless):
    with call.holding_workdir():
      masks(call.run_config, call.folder)
    return
  with call.holding_output():
    draw_chosen(network_asked_for(call.config, call.folder, flags["weights"]), call)


def draw_chosen(network: Network, call: Call) -> None:
  """Draws what the flags choose into a folder that no other input has."""
  flags, output = call.flags, call.path("output")
  margin = flags["box_margin"] or 0.0
  reading, taking = chosen_frames.box_reading(flags), chosen_frames.taking(flags)
  source = _source(network.flat, flags, own_outputs.frame_options(margin, reading, taking))
  kind = own_outputs.CHOSEN_MASKS
  folder = own_outputs.folder_for(source, output=output, workdir=call.folder, kind=kind)
  if output is None and (why := own_outputs.neighbour_of(folder, source, kind)):
    print(why)
  source = own_outputs.with_choice(
    source, network, tracklets=flags["tracklets"], point=flags["point"], figures=flags["figures"]
  )
  replaced = own_outputs.replaced(folder, source)
  draw(
    network,
    folder.directory,
    folder=flags["input"],
    tracklets=flags["tracklets"],
    point=flags["point"],
    boxes=flags["boxes"],
    margin=margin,
    reading=reading,
    taking=taking,
    figures=flags["figures"],
    source=source,
  )
  if replaced:
    print(replaced)


def _source(
  flat: Mapping[str, Any], flags: Mapping[str, Any], options: Mapping[str, Any]
) -> dict[str, Any]:
  """The source of chosen masks: the input, or the run's test set."""
  if flags["input"] is not None:
    return own_outputs.source_of(flags["input"], flags["boxes"], **options)
  prepared = flat.get("data.source") == "prepared"
  place = flat.get("data.prepared_dir" if prepared else "data.dir") or "test_set"
  split = flat.get("data.split") or None
  return own_outputs.source_of(place, dataset=flat.get("data.name"), split=split, **options)


def masks(config: ConfigDict, workdir: pathlib.Path) -> None:
  """Measures and draws COSAM's masks for the weights that `evaluate` would use."""
  run = Run(config, workdir)
  run.require_masks()
  network = network_to_evaluate(run)
  evaluation_place.settle(run, network.label, network.variables)
  check_outputs(run)
  report = MaskReport(run)
  untrained = initial_variables(run.config, ours(run.model)) if report.has_figures else None
  report.show(network.variables, network.label, untrained)
  draw(
    network,
    run.workdir / "masks",
    table=report.table,
    source=report.source(network.variables),
    keep=("masks.json",),
  )
