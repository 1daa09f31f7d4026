"""`--mode=link`: one identity across cameras, from files, folders and videos."""

import pathlib

from cosam_jax.commands import chosen_frames
from cosam_jax.commands.call import Call
from cosam_jax.errors import InputError
from cosam_jax.experiment.link_inputs import open_tracklets, read_starts, read_travel_times
from cosam_jax.experiment.people_linking import LinkSettings, link_people
from cosam_jax.experiment.search_sides import Networks

FOLDER = "people_linked"
"""The output folder, in the workdir or beside the first input."""


def run(call: Call) -> None:
  """Runs the mode."""
  flags = call.flags
  inputs = [*_paths(flags["embeddings"]), *_paths(flags["input"])]
  if not inputs:
    raise InputError(
      "--mode=link needs tracklets: give --embeddings, files of --mode=embed separated by commas, "
      "or --input, folders of tracklets or videos"
    )
  starts, travel = call.path("starts"), call.path("travel_times")
  if travel is not None and starts is None:
    raise InputError(
      "--travel_times compares times of several cameras, and recordings begin at different "
      "moments: give --starts too, a file of lines camera,seconds"
    )
  directory = call.path("output") or (call.workdir or inputs[0].parent) / FOLDER
  settings = LinkSettings(
    threshold=flags["threshold"],
    least_chance=flags["least_chance"],
    calibration=call.path("calibration"),
    gap=flags["stitch_gap"],
    most_bytes=int(flags["memory"] * 2**30),
    starts=None if starts is None else read_starts(starts),
    travel=None if travel is None else read_travel_times(travel),
    corrections=call.path("corrections"),
  )
  networks = Networks(call.config, call.workdir, flags["weights"])
  with call.holding_output():
    found = open_tracklets(
      inputs,
      networks,
      chosen_frames.taking(flags),
      flags["camera_from"],
    )
    link_people(found, directory, settings, workdir=networks.place)


def _paths(text: str | None) -> list[pathlib.Path]:
  """The paths of a flag, separated by commas; a path that exists may have commas itself."""
  if not text:
    return []
  if pathlib.Path(text).exists():
    return [pathlib.Path(text)]
  return [pathlib.Path(one.strip()).expanduser() for one in text.split(",") if one.strip()]
