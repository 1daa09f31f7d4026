"""`--mode=link`: one identity across cameras, from files, folders and videos."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from cosam_jax.commands import chosen_frames
from cosam_jax.commands.call import Call
from cosam_jax.data.own_cameras import check_camera
from cosam_jax.errors import InputError
from cosam_jax.experiment.link_inputs import open_tracklets
from cosam_jax.experiment.link_tables import read_starts, read_travel_times
from cosam_jax.experiment.own_videos import NOTHING_SAID, Given
from cosam_jax.experiment.people_linking import (
  LAW,
  LinkSettings,
  check_before_reading,
  link_people,
)
from cosam_jax.experiment.search_sides import Networks
from cosam_jax.runtime.user_paths import user_path

FOLDER = "people_linked"
"""The output folder, in the workdir or beside the first input."""


def run(call: Call) -> None:
  """Runs the mode."""
  flags = call.flags
  frames = _paths(flags["input"])
  inputs = [*_paths(flags["embeddings"]), *frames]
  if not inputs:
    raise InputError(
      "--mode=link needs tracklets: give --embeddings, files of --mode=embed separated by commas, "
      "or --input, folders of tracklets or videos"
    )
  given = [NOTHING_SAID] * (len(inputs) - len(frames)) + _said(flags, frames)
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
  check_before_reading(inputs, given, networks, directory, settings)
  print(LAW)
  with call.holding_output():
    found = open_tracklets(inputs, networks, given)
    link_people(found, directory, settings, workdir=networks.place)


def _said(flags: Mapping[str, Any], paths: Sequence[pathlib.Path]) -> list[Given]:
  """What the flags say about each of the inputs of frames."""
  boxes, cameras = (_for_each(flags[name], name, paths) for name in ("boxes", "camera"))
  reading, taking = chosen_frames.box_reading(flags), chosen_frames.taking(flags)
  pattern, margin = flags["camera_from"], flags["box_margin"] or 0.0
  folders = [path.is_dir() and box is None for path, box in zip(paths, boxes, strict=True)]
  check_camera(None, pattern, folders=any(folders))
  return [
    Given(
      None if box is None else user_path(box),
      margin,
      reading,
      taking,
      camera,
      pattern if folder else None,
    )
    for box, camera, folder in zip(boxes, cameras, folders, strict=True)
  ]


def _for_each(text: str | None, flag: str, paths: Sequence[pathlib.Path]) -> list[str | None]:
  """The entries of a flag, one for each input; None where nothing stands between its commas."""
  if text is None:
    return [None] * len(paths)
  alone = len(paths) == 1 and (flag != "boxes" or pathlib.Path(text).exists())
  entries = [text] if alone else text.split(",")
  if len(entries) != len(paths):
    raise InputError(
      f"--{flag} names {len(entries)} for {len(paths)} of --input ({', '.join(map(str, paths))}): "
      "give one for each, in their order, separated by commas, and nothing between two commas for "
      "an input without one; names with commas work only alone"
    )
  found = [entry.strip() or None for entry in entries]
  if not any(found):
    raise InputError(f"--{flag} is empty: leave it out, or give an entry for each of --input")
  return found


def _paths(text: str | None) -> list[pathlib.Path]:
  """The paths of a flag, separated by commas; a path that exists may have commas itself."""
  if not text:
    return []
  if pathlib.Path(text).exists():
    return [pathlib.Path(text)]
  entries = [one.strip() for one in text.split(",")]
  if not all(entries):
    raise InputError(f"{text!r} has nothing between two commas, or at an end: take the comma out")
  return [user_path(one) for one in entries]
