"""Scalars of a run as JSON lines: one object a line, `step` first."""

import json
import math
import os
import pathlib
from collections.abc import Callable


class ScalarLog:
  """Appends to `scalars.jsonl`, and forgets what a resumed run is about to write again.

  Args:
    path: the file; created with its first line. None keeps nothing, in all processes but one.
    first_step: steps from here on are dropped from an existing file. A last line that a kill cut
      short is dropped too.
    also: told the same values, where they shall go elsewhere too.
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
    kept = [row for row in read_scalars(self._path) if row["step"] < first_step]
    partial = self._path.with_suffix(".partial")
    partial.write_text("".join(json.dumps(row) + "\n" for row in kept))
    partial.replace(self._path)

  def write(self, step: int, **values: float | list[float]) -> None:
    """Appends one line; it is on disk when the call returns."""
    if self._path is None:
      return
    with self._path.open("a") as file:
      file.write(json.dumps({"step": step, **values}) + "\n")
    if self._also is not None:
      self._also(step, **values)


def read_scalars(path: str | os.PathLike[str]) -> list[dict[str, float]]:
  """All complete lines of a scalar file, in order; empty when there is no file."""
  path = pathlib.Path(path)
  rows = []
  for line in path.read_text().splitlines() if path.exists() else ():
    try:
      rows.append(json.loads(line))
    except json.JSONDecodeError:
      break
  return rows


def first_non_finite(values: dict[str, float]) -> str | None:
  """The name of the first value that is NaN or infinite, or None."""
  return next((name for name, value in values.items() if not math.isfinite(value)), None)
