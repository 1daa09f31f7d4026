"""`--mode=masks`: COSAM's masks on test frames, or on frames that a person chose."""

from cosam_jax.commands import chosen_frames, runs
from cosam_jax.commands.call import Call
from cosam_jax.commands.registry import COMMANDS
from cosam_jax.experiment.mask_gallery import draw
from cosam_jax.experiment.network import network_asked_for


def run(call: Call) -> None:
  """Runs the mode."""
  flags = call.flags
  if all(flags[name] is None for name in COMMANDS["masks"].unless):
    with call.holding_workdir():
      runs.masks(call.run_config, call.folder)
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
