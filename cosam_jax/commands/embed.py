"""`--mode=embed`: vectors of a part of the data set, or of a user's own videos and folders."""

import pathlib

from cosam_jax.commands import chosen_frames
from cosam_jax.commands.call import Call
from cosam_jax.errors import InputError
from cosam_jax.evaluation.calibration_names import TEST_PEOPLE
from cosam_jax.experiment.network import network_asked_for
from cosam_jax.experiment.own_videos import embed_input
from cosam_jax.experiment.saved_rankings import embed


def run(call: Call) -> None:
  """Runs the mode."""
  flags = call.flags
  if flags["input"] is not None and flags["people"] is not None:
    raise InputError("--people is about the data set, and --input is embedded instead of it")
  if flags["input"] is None:
    with call.holding_workdir():
      embed(call.run_config, call.folder, flags["people"] or TEST_PEOPLE)
    return
  with call.holding_output():
    embed_input(
      network_asked_for(call.config, call.folder, flags["weights"]),
      pathlib.Path(flags["input"]),
      call.path("output"),
      workdir=call.folder,
      boxes=flags["boxes"],
      margin=flags["box_margin"] or 0.0,
      reading=chosen_frames.box_reading(flags),
      taking=chosen_frames.taking(flags),
      camera=flags["camera"],
      camera_from=flags["camera_from"],
    )
