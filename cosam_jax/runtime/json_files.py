"""Reads JSON from outside, or from runs whose files may be damaged, with one kind of error.

Python's own reader raises several kinds. It also accepts NaN, which is not JSON, numbers that no
float can hold (1e400), and objects with the same name twice, of which it drops all but the last.
"""

import json
import math
import os
import pathlib
from collections.abc import Iterable
from typing import Any

from cosam_jax.errors import InputError
from cosam_jax.runtime.outside_files import read_text

_SHOWN = 200


def parse_json(text: str | bytes, *, finite: bool = True) -> Any:
  """The value of a JSON text.

  Args:
    text: the text; bytes are UTF-8.
    finite: refuse NaN and infinity, which tables with gaps have.

  Raises:
    ValueError: the text is not JSON, is nested too deep, has a name twice in one object, or has a
      number that is not finite or too long to read (NaN, 1e400, thousands of digits).
  """
  try:
    decoder = _DECODER if finite else _LOGS
    return decoder.decode(text.decode("utf-8-sig") if isinstance(text, bytes) else text)
  except RecursionError as error:
    raise ValueError("it is nested too deep") from error


def read_json(path: str | os.PathLike, what: str, remedy: str) -> Any:
  """The value in a JSON file.

  Args:
    path, what, remedy: see `outside_files.read_text`.

  Raises:
    InputError: it cannot be read, or is not JSON; see `parse_json`.
  """
  text = read_text(path, what, remedy)
  try:
    return parse_json(text)
  except ValueError as error:
    reason = f"it is not JSON: {str(error)[:_SHOWN]}"
    raise InputError(f"{what} {pathlib.Path(path)} cannot be read ({reason}): {remedy}") from error


def read_json_lines(
  path: str | os.PathLike, what: str, remedy: str
) -> dict[int, dict[str, Any] | None]:
  """The objects of a file of JSON lines, by line number from 1; empty lines are left out.

  A line that is not an object becomes None. Bytes that are not UTF-8 damage their own line alone.
  NaN and infinity are let through: logs of training have them when it diverges.

  Args:
    path, what, remedy: see `outside_files.read_text`.

  Raises:
    InputError: the file cannot be read.
  """
  lines = read_text(path, what, remedy, errors="surrogateescape").split("\n")
  return {number: _object(line) for number, line in enumerate(lines, 1) if line.strip()}


def check_ours(
  path: str | os.PathLike,
  names: Iterable[str],
  remedy: str = "move it away, or give another --workdir",
) -> None:
  """Refuses to replace a JSON file that this program did not write.

  Args:
    path: the file, which need not be there.
    names: of values that all our files of this kind have.
    remedy: what to do, for the end of the sentence.

  Raises:
    InputError: it is somebody's, or too damaged to tell.
  """
  if not os.path.lexists(path):
    return
  try:
    content = read_json(path, "file", remedy)
  except InputError:
    content = None
  if not isinstance(content, dict) or not set(names) <= content.keys():
    raise InputError(
      f"{pathlib.Path(path)} would be replaced, and this program did not write it, or it is "
      f"damaged: {remedy}"
    )


def _object(line: str) -> dict[str, Any] | None:
  try:
    line.encode()  # Raises for bytes that were not UTF-8.
    value = _LOGS.decode(line)
  except (ValueError, RecursionError):
    return None
  return value if isinstance(value, dict) else None


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
  found = dict(pairs)
  if len(found) < len(pairs):
    names = [name for name, _ in pairs]
    twice = next(name for name in names if names.count(name) > 1)
    raise ValueError(f"it has {twice[:_SHOWN]!r} twice in one object")
  return found


def _finite(text: str) -> float:
  value = float(text)
  if not math.isfinite(value):
    raise ValueError(f"{text[:_SHOWN]} is not a finite number")
  return value


_DECODER = json.JSONDecoder(
  object_pairs_hook=_object_of, parse_float=_finite, parse_constant=_finite
)
_LOGS = json.JSONDecoder(object_pairs_hook=_object_of)
