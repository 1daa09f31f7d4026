"""The calibration of links that `--mode=link` uses."""

import pathlib
from collections.abc import Iterator

from cosam_jax.errors import InputError
from cosam_jax.evaluation.calibrated_network import network_misfit
from cosam_jax.evaluation.link_calibration import LinkCalibration
from cosam_jax.evaluation.link_files import LINKING_FILE, read_links
from cosam_jax.experiment.link_inputs import Tracklets
from cosam_jax.runtime.quiet import warn

_ABOVE = 3


def links_for(
  found: Tracklets, *, given: pathlib.Path | None = None, workdir: pathlib.Path | None = None
) -> tuple[LinkCalibration, pathlib.Path] | None:
  """The calibration and its file; None if there is none.

  Args:
    found: the tracklets.
    given: `linking.npz`, or the `calibration.json` beside it; None: one in the workdir, or near the
      inputs, counts if it is surely of the same network.
    workdir: of the network.

  Raises:
    InputError: the given file cannot be read, or is of another network.
  """
  if given is not None:
    path = given if given.suffix == ".npz" else given.parent / LINKING_FILE
    one = read_links(path)
    why = _misfit(one, found)
    if why is not None:
      raise InputError(
        f"{path} is the calibration of another network than that of {found.sides[0].path} ({why}): "
        "calibrate the same network"
      )
    if None in (found.network["vectors_hash"], one.network.get("vectors_hash")):
      warn(f"nothing says whether {path} is of the network of these vectors; it is used")
    return _told(one, path)
  for path in _near(found, workdir):
    try:
      one = read_links(path)
      why = _misfit(one, found)
    except InputError as error:
      print(f"left out: {error}")
      continue
    if why is None and None in (found.network["vectors_hash"], one.network.get("vectors_hash")):
      why = "nothing says that it is of the same network"
    if why is None:
      return _told(one, path)
    print(f"left out: {path} ({why})")
  return None


def _misfit(one: LinkCalibration, found: Tracklets) -> str | None:
  width = found.vectors.shape[1]
  if len(one.space.centre) != width:
    return f"its vectors have {len(one.space.centre)} dimensions, and these {width}"
  return network_misfit(one.network, found.network)


def _told(one: LinkCalibration, path: pathlib.Path) -> tuple[LinkCalibration, pathlib.Path]:
  if one.data.get("learned"):
    warn(f"{path}: the network was trained on these people, so its numbers are too favourable")
  return one, path


def _near(found: Tracklets, workdir: pathlib.Path | None) -> Iterator[pathlib.Path]:
  places = [] if workdir is None else [workdir.absolute()]
  for side in found.sides:
    if side.path.suffix == ".npz":
      places += list(side.path.absolute().parents)[:_ABOVE]
  for place in dict.fromkeys(places):
    if (place / LINKING_FILE).is_file():
      yield place / LINKING_FILE
