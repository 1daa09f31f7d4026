"""The tables of cameras that `--mode=link` reads: when recordings began, and how long ways take."""

import csv
import pathlib
from collections.abc import Iterator

import numpy as np

from cosam_jax.errors import InputError
from cosam_jax.runtime.outside_files import read_text

_MOST_SECONDS = 1e9


def read_starts(path: pathlib.Path) -> dict[str, float]:
  """camera -> seconds, from lines camera,seconds; InputError if the file cannot be used."""
  return {names[0]: seconds for names, seconds in _rows(path, "starts", 1, least=-_MOST_SECONDS)}


def read_travel_times(path: pathlib.Path) -> dict[tuple[str, str], float]:
  """(camera, camera) -> least seconds, from lines camera,camera,seconds; InputError likewise."""
  found = {}
  for (first, second), seconds in _rows(path, "travel times", 2, least=0.0):
    if first == second:
      raise InputError(
        f"travel times {path} have a time from camera {first!r} to itself: one person is never in "
        "one camera twice at one time, so leave it out"
      )
    found[first, second] = seconds
  return found


def _rows(
  path: pathlib.Path, what: str, cameras: int, least: float
) -> Iterator[tuple[tuple[str, ...], float]]:
  form = ",".join(["camera"] * cameras + ["seconds"])
  remedy = f"give lines {form}"
  seen = set()
  lines = csv.reader(read_text(path, what, remedy).splitlines())
  for number, line in enumerate(lines, 1):
    cells = [cell.strip() for cell in line]
    if not any(cells) or cells[0].startswith("#") or (number == 1 and cells[-1] == "seconds"):
      continue
    try:
      seconds = float(cells[-1])
    except ValueError:
      seconds = np.nan
    names = tuple(cells[:-1])
    if len(names) != cameras or not all(names) or not least <= seconds <= _MOST_SECONDS:
      raise InputError(
        f"{what} {path}: line {number} is {','.join(line)[:80]!r}; it must be {form}, with seconds "
        f"from {least:g} to {_MOST_SECONDS:g}"
      )
    if frozenset(names) in seen:
      raise InputError(f"{what} {path}: line {number} has {', '.join(names)} again: take one out")
    seen.add(frozenset(names))
    yield names, seconds
