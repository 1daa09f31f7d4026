"""What tells the two sides of a comparison apart: fields of their configurations, and files."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

_MOST = 12
"""At most this many fields are named in a sentence; the file of the comparison has all."""
_OF_A_RUN = ("seed", "data.split")
"""Fields that the runs of one network differ in."""


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


def remarks_on_runs(
  labels: Sequence[str], sides: Sequence[Sequence[Mapping[str, Any]]]
) -> list[str]:
  """A sentence for each side whose runs are not those of one network, with other seeds or splits.

  A pattern such as `runs/cosam*` easily takes in more than was meant.

  Args:
    labels: the sides' names.
    sides: for each side, the flat configuration of each of its runs; of empty ones nothing is said.
  """
  remarks = []
  for label, runs in zip(labels, sides, strict=True):
    known = [flat for flat in runs if flat]
    mixed = []
    for name in sorted({name for flat in known for name in flat} - set(_OF_A_RUN)):
      values = dict.fromkeys(_text(flat.get(name)) for flat in known)
      if len(values) > 1:
        mixed.append(f"{name} ({' and '.join(values)})")
    if mixed:
      remarks.append(
        f"the runs of {label} are not one network with other seeds: they differ in "
        f"{_some_of(mixed)}; "
        "name the runs that you mean, with commas between them"
      )
  return remarks


def fields_in_words(fields: Mapping[str, Sequence[Sequence[Any]]] | None) -> str:
  """Those fields for people, with the values of A and of B."""
  if fields is None:
    return "unknown fields: not every file says its configuration"
  named = [
    f"{name} ({' and '.join(map(_text, first))} in A, {' and '.join(map(_text, second))} in B)"
    for name, (first, second) in fields.items()
  ]
  return _some_of(named) or "no field of the configuration that decides results"


def remark_on_files(sides: Sequence[Sequence[str]]) -> str:
  """A sentence if both sides have the same file, by whatever path; empty if not."""
  first, second = ({os.path.realpath(path): path for path in side} for side in sides)
  shared = [path for place, path in first.items() if place in second]
  if not shared:
    return ""
  if first.keys() == second.keys():
    return f"A and B are the same: {', '.join(shared)}. There is nothing to compare."
  return f"A and B both have {', '.join(shared)}, so they are more alike than their other runs."


def _some_of(phrases: Sequence[str]) -> str:
  more = [f"and {len(phrases) - _MOST} more"] if len(phrases) > _MOST else []
  return "; ".join([*phrases[:_MOST], *more])


def _text(value: Any) -> str:
  return json.dumps(value, default=str)
