"""calibration.json: a calibration on disk, written whole and checked when it is read.

A JSON object with the fields of `Calibration`, and beside them `format` (of the file), `program`,
`made` (date and time) and `command` (the command line that made it; may be empty).
"""

import dataclasses
import datetime
import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

import cosam_jax
from cosam_jax.errors import InputError
from cosam_jax.evaluation.calibration import Calibration
from cosam_jax.evaluation.calibration_names import COMPARED
from cosam_jax.evaluation.distances import DISTANCES
from cosam_jax.evaluation.error_rates import OperatingPoint
from cosam_jax.runtime.json_files import check_ours, read_json
from cosam_jax.runtime.user_paths import user_path
from cosam_jax.runtime.whole_files import whole_file

CALIBRATION_FILE = "calibration.json"
_FORMAT = 1
_ROUNDED = 1e-9
_REMEDY = "give a file that --mode=calibrate wrote, or calibrate again"


def write_calibration(path: str | os.PathLike, calibration: Calibration, command: str = "") -> None:
  """Writes one file, whole or not at all.

  Args:
    path: the file.
    calibration: what it holds.
    command: the command line that made it.

  Raises:
    InputError: it cannot be written, or would replace a file that is no calibration.
  """
  check_calibration_replaceable(path)
  content = {
    "format": _FORMAT,
    "program": f"cosam-jax {cosam_jax.__version__}",
    "made": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    "command": command,
    **dataclasses.asdict(calibration),
  }
  try:
    with whole_file(path) as file:
      file.write((json.dumps(content, indent=1, allow_nan=False) + "\n").encode())
  except OSError as error:
    raise InputError(
      f"the calibration could not be written to {path} ({error.strerror or error}): make room or "
      "choose another folder, and calibrate again"
    ) from error


def check_calibration_replaceable(path: str | os.PathLike) -> None:
  """Refuses, before any work, to replace a file that is no calibration; InputError."""
  check_ours(path, ("format", "network", "points", "likelihood"))


def read_calibration(path: str | os.PathLike) -> Calibration:
  """Reads a file of `write_calibration`, and checks it.

  Args:
    path: the file, or the folder in which it lies under its usual name.

  Raises:
    InputError: the file is missing, damaged, of another kind or format, or inconsistent; the error
      names the file and what is wrong.
  """
  path = user_path(path)
  path = path / CALIBRATION_FILE if path.is_dir() else path
  content = read_json(path, "the calibration", _REMEDY)
  names = [field.name for field in dataclasses.fields(Calibration)]
  if not isinstance(content, dict) or not {"format", "points", "likelihood"} <= content.keys():
    raise InputError(f"{path} is no calibration: {_REMEDY}")
  if content["format"] != _FORMAT:
    raise InputError(
      f"{path} has calibrations of format {str(content['format'])[:40]!r} and this program reads "
      f"format {_FORMAT}: calibrate again"
    )
  try:
    made = {name: content[name] for name in names}
    for point in made["points"]:
      for name in ("fmr_interval", "fnmr_interval"):
        point[name] = None if point[name] is None else tuple(point[name])
      point["camera_pairs"] = tuple(point["camera_pairs"])
    made["points"] = tuple(OperatingPoint(**point) for point in made["points"])
    calibration = Calibration(**made)
    _check(calibration)
  except KeyError as error:
    raise InputError(f"{path} cannot be used (it lacks {error}): {_REMEDY}") from error
  except (TypeError, ValueError, AttributeError, OverflowError) as error:
    reason = " ".join(str(error).split())[:200]
    raise InputError(f"{path} cannot be used ({reason}): {_REMEDY}") from error
  return calibration


def _check(calibration: Calibration) -> None:
  """Raises ValueError, TypeError or KeyError for what no calibration has."""
  _rate("prior", calibration.prior)
  if not 0 < calibration.prior < 1:
    raise ValueError(f"prior is {calibration.prior}")
  if not calibration.points:
    raise ValueError("points is empty")
  for i, point in enumerate(calibration.points):
    _number(f"points[{i}].threshold", point.threshold)
    for name in ("wished_fmr", "fmr", "fnmr"):
      _rate(f"points[{i}].{name}", getattr(point, name))
    for name in ("fmr_interval", "fnmr_interval"):
      pair = getattr(point, name)
      for value in pair or ():
        _rate(f"points[{i}].{name}", value)
  det = _columns("det", calibration.det, ("distance", "fmr", "fnmr"))
  if (np.diff(det["fmr"]) < 0).any() or (np.diff(det["fnmr"]) > 0).any():
    raise ValueError("det does not rise in fmr and fall in fnmr")
  for name in ("fmr", "fnmr"):
    if det[name].min() < 0 or det[name].max() > 1:
      raise ValueError(f"det.{name} has a rate that is not from 0 to 1")
  for i, point in enumerate(calibration.points):
    _on_curve(f"points[{i}]", point, det)
  ratios = _columns("likelihood", calibration.likelihood, ("distance", "ratio"))["ratio"]
  if (np.diff(ratios) > 0).any() or ratios.min() <= 0:
    raise ValueError("likelihood.ratio does not fall, or is not above 0")
  for part in ("network", "data", "comparisons", "identification", "equal_error_rate"):
    if not isinstance(getattr(calibration, part), Mapping):
      raise TypeError(f"{part} is not an object")
  network, data, compared = calibration.network, calibration.data, calibration.comparisons
  if network["distance"] not in DISTANCES:
    raise ValueError(f"network.distance is {str(network['distance'])[:40]!r}")
  if compared["compared"] not in COMPARED:
    raise ValueError(f"comparisons.compared is {str(compared['compared'])[:40]!r}")
  _rate("comparisons.smallest_fmr", compared["smallest_fmr"])
  texts = {"data.dataset": data["dataset"], "data.people": data.get("people") or ""}
  for name, value in texts.items():
    if not isinstance(value, str):
      raise TypeError(f"{name} is not a text")
  if data["learned"] is not None and not isinstance(data["learned"], bool):
    raise TypeError(f"data.learned is {str(data['learned'])[:40]!r}")
  if type(data["identities"]) is not int or data["identities"] < 2:
    raise ValueError(f"data.identities is {str(data['identities'])[:40]}")


def _on_curve(name: str, point: OperatingPoint, det: Mapping[str, np.ndarray]) -> None:
  """Raises ValueError unless the rates of a point fit those of the curve at its threshold."""
  distances, at = det["distance"], np.float32(point.threshold)
  before = int(np.searchsorted(distances, at, side="right")) - 1
  after = int(np.searchsorted(distances, at, side="left"))
  fmr, fnmr = np.append(det["fmr"], 1.0), np.append(det["fnmr"], 0.0)
  low = (fmr[before], fnmr[before]) if before >= 0 else (0.0, 1.0)
  if not (
    low[0] - _ROUNDED <= point.fmr <= fmr[after] + _ROUNDED
    and fnmr[after] - _ROUNDED <= point.fnmr <= low[1] + _ROUNDED
  ):
    raise ValueError(f"{name}.threshold is {point.threshold:g}, at which det has other rates")


def _columns(what: str, table: Any, names: tuple[str, ...]) -> dict[str, np.ndarray]:
  """The columns of a table as arrays: as long as each other, numbers, ascending distances."""
  if not isinstance(table, Mapping):
    raise TypeError(f"{what} is not an object")
  for name in names:
    for value in table[name]:
      _number(f"{what}.{name}", value)
  found = {name: np.array(table[name], np.float64) for name in names}
  lengths = {len(column) for column in found.values()}
  if len(lengths) != 1 or lengths == {0}:
    raise ValueError(f"the columns of {what} are empty, or not of one length")
  if (np.diff(found["distance"]) <= 0).any():
    raise ValueError(f"{what}.distance does not ascend")
  return found


def _number(name: str, value: Any) -> None:
  if isinstance(value, bool) or not isinstance(value, int | float):
    raise TypeError(f"{name} is {str(value)[:40]!r}, and no number")


def _rate(name: str, value: Any) -> None:
  _number(name, value)
  if not 0 <= value <= 1:
    raise ValueError(f"{name} is {str(value)[:40]}, and a rate is from 0 to 1")
