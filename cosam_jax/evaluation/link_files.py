"""linking.npz: a calibration of links on disk, written whole and checked when it is read.

One `.npz` file of plain arrays and one text (JSON): `centre` float32[D], `scaling` float32[D, D],
for each kind of distance `KIND_heights` and `KIND_chances` float64[s], and `about`: `format`,
`kinds` (cut, numbers and intervals of each), `stitch`, `network` and `data`.
"""

import os
from typing import Any

import numpy as np

from cosam_jax.data.npz_files import names_in_npz, read_npz, write_npz
from cosam_jax.errors import InputError
from cosam_jax.evaluation.link_calibration import KindOfLink, LinkCalibration, all_kinds
from cosam_jax.evaluation.linking_space import Space
from cosam_jax.runtime.json_files import parse_json
from cosam_jax.runtime.user_paths import user_path

LINKING_FILE = "linking.npz"
_FORMAT = 1
_REMEDY = "calibrate again with --mode=calibrate"


def check_linking_replaceable(path: str | os.PathLike) -> None:
  """Refuses to replace a file that is no calibration of links; InputError."""
  if not os.path.lexists(path):
    return
  try:
    ours = {"about", "centre", "scaling"} <= set(names_in_npz(path))
  except Exception:  # For a damaged file, zip raises many kinds.
    ours = False
  if not ours:
    raise InputError(
      f"{path} would be replaced, and this program did not write it, or it is damaged: move it away"
    )


def write_links(path: str | os.PathLike, calibration: LinkCalibration) -> None:
  """Writes one file, whole or not at all; InputError if that fails."""
  check_linking_replaceable(path)
  about: dict[str, Any] = {
    "format": _FORMAT,
    "kinds": {
      kind: {"cut": one.cut, "numbers": dict(one.numbers), "intervals": dict(one.intervals)}
      for kind, one in calibration.kinds.items()
    },
    "stitch": dict(calibration.stitch),
    "network": dict(calibration.network),
    "data": dict(calibration.data),
  }
  arrays = {"centre": calibration.space.centre, "scaling": calibration.space.scaling}
  for kind, one in calibration.kinds.items():
    arrays |= {f"{kind}_heights": one.heights, f"{kind}_chances": one.chances}
  write_npz(path, about, arrays, what="calibration of links", again="calibrate")


def read_links(path: str | os.PathLike) -> LinkCalibration:
  """Reads a file of `write_links`, and checks it.

  Raises:
    InputError: the file is missing, damaged, of another kind or format, or inconsistent.
  """
  path = user_path(path)
  try:
    content = read_npz(path)
    about = parse_json(str(content["about"]))
    if about["format"] != _FORMAT:
      raise ValueError(f"its format is {str(about['format'])[:40]!r}, and {_FORMAT} is read")
    if not all_kinds(about["kinds"]):
      raise ValueError("it lacks the plain distance, or has unknown kinds")
    found = LinkCalibration(
      Space(_numbers(content["centre"], 1), _numbers(content["scaling"], 2)),
      {
        kind: KindOfLink(
          _number(one["cut"]), _numbers(content[f"{kind}_heights"], 1),
          _numbers(content[f"{kind}_chances"], 1), one["numbers"], one["intervals"],
        )
        for kind, one in about["kinds"].items()
      },
      {name: _number(about["stitch"][name]) for name in ("cut", "fmr")},
      dict(about["network"]),
      dict(about["data"]),
    )  # fmt: skip
    if found.space.scaling.shape[0] != len(found.space.centre):
      raise ValueError("its arrays do not fit each other")
    for one in found.kinds.values():
      if not 0 < len(one.heights) == len(one.chances):
        raise ValueError("its steps do not fit each other")
      for name in ("bcubed_f", "bcubed_precision", "pairwise_precision", "found", "people"):
        _number(one.numbers[name])
  except Exception as error:  # For a damaged file, zip, numpy and JSON raise many kinds.
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    raise InputError(
      f"{path} cannot be read as a calibration of links ({reason}): {_REMEDY}"
    ) from error
  return found


def _numbers(array: np.ndarray, dimensions: int) -> np.ndarray:
  if array.dtype.kind != "f" or array.ndim != dimensions or not np.isfinite(array).all():
    raise ValueError(f"an array of numbers is {array.dtype}{list(array.shape)}")
  return array


def _number(value: Any) -> float:
  if isinstance(value, bool) or not isinstance(value, int | float):
    raise TypeError(f"{str(value)[:40]!r} is no number")
  return value
