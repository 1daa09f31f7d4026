"""Corrections of people that were found: which tracklets are one person, and which are two.

A JSON object that the page of `--mode=link` saves:

  format  1
  same    pairs of tracklets' names that are of one person
  apart   pairs of names that are of two people
"""

import dataclasses
import json
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import connected_components

from cosam_jax.errors import InputError, suggestion
from cosam_jax.runtime.json_files import read_json

CORRECTIONS_FILE = "corrections.json"
_FORMAT = 1
_KINDS = ("same", "apart")
_REMEDY = "give a file that the page of --mode=link saved"


@dataclasses.dataclass(frozen=True)
class Corrections:
  """What somebody said.

  Attributes:
    same: pairs of names of one person.
    apart: pairs of names of two people.
  """

  same: tuple[tuple[str, str], ...] = ()
  apart: tuple[tuple[str, str], ...] = ()

  def names(self) -> list[str]:
    """All names, each once."""
    pairs = (*self.same, *self.apart)
    return list(dict.fromkeys(name for pair in pairs for name in pair))

  def text(self) -> str:
    """The file's content."""
    record = {"format": _FORMAT, "same": self.same, "apart": self.apart}
    return json.dumps(record, indent=1) + "\n"


@dataclasses.dataclass(frozen=True, eq=False)
class Applied:
  """Corrections by row.

  Attributes:
    groups: int64[n], tracklets that must be together have the same number.
    apart: int64[p, 2], rows that must not.
    unknown: names that no tracklet has.
  """

  groups: np.ndarray
  apart: np.ndarray
  unknown: tuple[str, ...]


def read_corrections(path: str | os.PathLike) -> Corrections:
  """Reads and checks a file; InputError if it cannot be used or contradicts itself."""
  content = read_json(path, "corrections", _REMEDY)
  if not isinstance(content, dict) or content.get("format") != _FORMAT:
    raise InputError(f"corrections {path} are not of format {_FORMAT}: {_REMEDY}")
  if others := [name for name in content if name not in ("format", *_KINDS)]:
    raise InputError(
      f"corrections {path} have {others[0][:40]!r}, and only format, {', '.join(_KINDS)} are known"
      f"{suggestion(others[0], _KINDS)}: {_REMEDY}"
    )
  found = Corrections(*(_pairs(content.get(name, []), name, path) for name in _KINDS))
  names = found.names()
  try:
    applied(found, names, np.arange(len(names)))
  except InputError as error:
    raise InputError(f"{path}: {error}") from error
  return found


def check_kept(new: Corrections, kept: Corrections, path: str | os.PathLike) -> None:
  """Refuses to lose what somebody said earlier.

  Args:
    new: the corrections that a user gives.
    kept: those that a file has already, which the new ones would replace.
    path: of that file.

  Raises:
    InputError: a pair of `kept` is not in `new`.
  """
  said = {(kind, frozenset(pair)) for kind in _KINDS for pair in getattr(new, kind)}
  lost = [
    pair for kind in _KINDS for pair in getattr(kept, kind) if (kind, frozenset(pair)) not in said
  ]
  if lost:
    raise InputError(
      f"the corrections lack {len(lost):,} of the pairs that {path} keeps from earlier, such as "
      f"{lost[0][0]!r} and {lost[0][1]!r}, which would be lost: add them, or move that file away"
    )


def applied(corrections: Corrections, names: Sequence[str], groups: np.ndarray) -> Applied:
  """Turns names into rows.

  Args:
    corrections: what somebody said.
    names: of the n tracklets, all different.
    groups: int[n], tracklets that are together already; corrections count more.

  Raises:
    InputError: the corrections contradict each other.
  """
  rows = {name: row for row, name in enumerate(names)}
  unknown = tuple(name for name in corrections.names() if name not in rows)
  same, apart = (
    np.array([[rows[a], rows[b]] for a, b in pairs if a in rows and b in rows], np.int64).reshape(
      -1, 2
    )
    for pairs in (corrections.same, corrections.apart)
  )
  said = _joined(len(names), same)
  for first, second in apart:
    if said[first] == said[second]:
      raise InputError(
        f"the corrections say that {names[first]!r} and {names[second]!r} are two people, and by "
        "other pairs that they are one: take one of these out"
      )
  # Groups that hold two people are taken apart, and the tracklets' own corrections stay.
  firsts = np.unique(groups, return_index=True, return_inverse=True)
  links = np.stack([np.arange(len(names)), firsts[1][firsts[2]]], axis=1)
  together = _joined(len(names), np.concatenate([same, links]))
  torn = {together[first] for first, second in apart if together[first] == together[second]}
  kept = links[[together[row] not in torn for row in range(len(names))]]
  return Applied(_joined(len(names), np.concatenate([same, kept])), apart, unknown)


def _joined(count: int, pairs: np.ndarray) -> np.ndarray:
  ones = np.ones(len(pairs), bool)
  graph = scipy.sparse.coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(count, count))
  return connected_components(graph, directed=False)[1].astype(np.int64)


def _pairs(found: Any, name: str, path: str | os.PathLike) -> tuple[tuple[str, str], ...]:
  sound = isinstance(found, list) and all(
    isinstance(pair, list) and len(pair) == 2 and all(isinstance(one, str) for one in pair)
    and pair[0] != pair[1]
    for pair in found
  )  # fmt: skip
  if not sound:
    raise InputError(
      f"corrections {path} have {name!r} that is not a list of pairs of different names: {_REMEDY}"
    )
  return tuple((pair[0], pair[1]) for pair in found)
