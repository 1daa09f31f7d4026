"""The scalars of a run as JSON lines: one object a line, `step` first."""

import json
import math
import os
import pathlib
from collections.abc import Callable
from typing import Any

from cosam_jax.errors import InputError
from cosam_jax.runtime.full_disk import naming
from cosam_jax.runtime.json_files import read_json_lines
from cosam_jax.runtime.outside_files import open_to_append
from cosam_jax.runtime.quiet import warn


class ScalarLog:
  """Appends to `scalars.jsonl`, and drops lines that a resumed run is about to write again.

  Args:
    path: the file; created with its first line. None, in all processes but one, writes nothing.
    first_step: lines from this step on are dropped from an existing file. A last line that a kill
      cut short is dropped too.
    also: is called with the same values; None if they go nowhere else.
  """

  def __init__(
    self,
    path: str | os.PathLike[str] | None,
    first_step: int,
    also: Callable[..., None] | None = None,
  ):
    self._also = also
    self._path = None if path is None else pathlib.Path(path)
    if self._path is None:
      return
    rows = read_scalars(self._path)
    kept = [row for row in rows if row["step"] < first_step]
    if rows and first_step == 1:
      print(f"{path} is begun anew: its {len(rows)} lines are of a training without a checkpoint")
    partial = self._path.with_suffix(".partial")
    with naming(self._path):
      partial.write_text("".join(json.dumps(row) + "\n" for row in kept))
    partial.replace(self._path)

  def write(self, step: int, **values: float | list[float]) -> None:
    """Appends one line; it is on disk when the call returns."""
    if self._path is None:
      return
    with naming(self._path), open_to_append(self._path) as file:
      file.write(json.dumps({"step": step, **values}) + "\n")
    if self._also is not None:
      self._also(step, **values)


def read_scalars(path: str | os.PathLike[str]) -> list[dict[str, float]]:
  """All readable lines of a scalar file, in order; empty if there is no file.

  A last line that a kill cut short is skipped. A warning names any other line that is not an object
  of numbers with a `step`.
  """
  path = pathlib.Path(path)
  try:
    lines = read_json_lines(path, "scalars", "remove it") if path.exists() else {}
  except InputError as error:
    warn(f"{error}; it is left out")
    lines = {}
  rows, bad, last = [], [], max(lines, default=0)
  for number, row in lines.items():
    if row is not None and _is_row(row):
      rows.append(row)
    elif number < last:
      bad.append(number)
  if bad:
    some = ", ".join(map(str, bad[:5])) + (", ..." if len(bad) > 5 else "")
    print(
      f"warning: {len(bad)} of {last} lines of {path} cannot be read (line {some}) and are "
      "left out",
      flush=True,
    )
  return rows


def _is_row(row: dict[str, Any]) -> bool:
  return isinstance(row.get("step"), int) and all(map(_is_number, row.values()))


def _is_number(value: object) -> bool:
  if isinstance(value, list):
    return all(map(_is_number, value))
  if isinstance(value, bool) or not isinstance(value, int | float):
    return False
  return abs(value) < 2**63 or isinstance(value, float)


def first_non_finite(values: dict[str, float]) -> str | None:
  """The name of the first value that is NaN or infinite, or None."""
  return next((name for name, value in values.items() if not math.isfinite(value)), None)
