"""What tells the two sides of a comparison apart: fields of their configurations, and files."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

_MOST = 12
"""At most this many fields are named in a sentence; the file of the comparison has all."""


def differing_fields(
  sides: Sequence[Sequence[Mapping[str, Any]]],
) -> dict[str, list[list[Any]]] | None:
  """The fields whose values on one side are not those on the other.

  Args:
    sides: for each side, the flat configuration of each of its runs.

  Returns:
    Field -> for each side its values, each once; None if a configuration is empty, so unknown.
  """
  if not all(flat for side in sides for flat in side):
    return None
  found = {}
  for name in sorted({name for side in sides for flat in side for name in flat}):
    values = [{_text(flat.get(name)): flat.get(name) for flat in side} for side in sides]
    if any(each.keys() != values[0].keys() for each in values):
      found[name] = [list(each.values()) for each in values]
  return found


def fields_in_words(fields: Mapping[str, Sequence[Sequence[Any]]] | None) -> str:
  """Those fields for people, with the values of A and of B."""
  if fields is None:
    return "unknown fields: not every file says its configuration"
  named = [
    f"{name} ({' and '.join(map(_text, first))} in A, {' and '.join(map(_text, second))} in B)"
    for name, (first, second) in list(fields.items())[:_MOST]
  ]
  more = [f"and {len(fields) - _MOST} more"] if len(fields) > _MOST else []
  return "; ".join([*named, *more]) or "no field of the configuration that decides results"


def remark_on_files(sides: Sequence[Sequence[str]]) -> str:
  """A sentence if both sides have the same file, by whatever path; empty if not."""
  first, second = ({os.path.realpath(path): path for path in side} for side in sides)
  shared = [path for place, path in first.items() if place in second]
  if not shared:
    return ""
  if first.keys() == second.keys():
    return f"A and B are the same: {', '.join(shared)}. There is nothing to compare."
  return f"A and B both have {', '.join(shared)}, so they are more alike than their other runs."


def _text(value: Any) -> str:
  return json.dumps(value, default=str)
