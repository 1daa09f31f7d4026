"""The calibration of links that `--mode=link` uses."""

import pathlib

from cosam_jax.errors import InputError
from cosam_jax.evaluation.calibrated_network import network_misfit
from cosam_jax.evaluation.link_calibration import LinkCalibration
from cosam_jax.evaluation.link_files import LINKING_FILE, read_links
from cosam_jax.experiment.link_inputs import Tracklets
from cosam_jax.experiment.stored_calibrations import first_fitting
from cosam_jax.runtime.quiet import warn


def links_for(
  found: Tracklets, *, given: pathlib.Path | None = None, workdir: pathlib.Path | None = None
) -> tuple[LinkCalibration, pathlib.Path] | None:
  """The calibration and its file; None if there is none.

  Args:
    found: the tracklets.
    given: `linking.npz`, the `calibration.json` beside it, or their folder; None: one in the
      workdir, or near the inputs, counts if it is surely of the same network.
    workdir: of the network.

  Raises:
    InputError: the given file cannot be read, or is of another network.
  """

  def misfit(one: LinkCalibration) -> str | None:
    return _misfit(one, found)

  def unsure(one: LinkCalibration) -> bool:
    return None in (found.network["vectors_hash"], one.network.get("vectors_hash"))

  if given is None:
    files = [side.path for side in found.sides]
    fitting = first_fitting(LINKING_FILE, files, workdir, read_links, misfit, unsure)
    return None if fitting is None else _told(*fitting)
  one, path = given_links(given)
  if (why := misfit(one)) is not None:
    raise other_network(path, found.sides[0].path, why)
  if unsure(one):
    warn(f"nothing says whether {path} is of the network of these vectors; it is used")
  return _told(one, path)


def given_links(given: pathlib.Path) -> tuple[LinkCalibration, pathlib.Path]:
  """The calibration that a user names, and its file; InputError if it cannot be read."""
  folder = given if given.is_dir() else given.parent
  path = given if given.suffix == ".npz" else folder / LINKING_FILE
  if not given.exists():
    raise InputError(
      f"--calibration is {given}, which does not exist: give what --mode=calibrate wrote"
    )
  if not path.is_file():
    raise InputError(
      f"--calibration is {given}, and there is no {LINKING_FILE}: give the one that "
      "--mode=calibrate wrote, the calibration.json beside it, or their folder"
    )
  return read_links(path), path


def other_network(calibration: pathlib.Path, path: pathlib.Path, why: str) -> InputError:
  """The error for a calibration of another network than that of an input."""
  return InputError(
    f"{calibration} is the calibration of another network than that of {path} ({why}): calibrate "
    "the same network"
  )


def _misfit(one: LinkCalibration, found: Tracklets) -> str | None:
  width = found.vectors.shape[1]
  if len(one.space.centre) != width:
    return f"its vectors have {len(one.space.centre)} dimensions, and these {width}"
  return network_misfit(one.network, found.network)


def _told(one: LinkCalibration, path: pathlib.Path) -> tuple[LinkCalibration, pathlib.Path]:
  if one.data.get("learned"):
    warn(f"{path}: the network was trained on these people, so its numbers are too favourable")
  return one, path
