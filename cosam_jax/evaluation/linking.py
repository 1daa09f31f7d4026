"""Tracklets -> people, in bounded memory.

Two groups whose tracklets are all farther apart than the cut are farther apart on average too. So
the tracklets fall into parts between which nothing is joined: the connected parts of the graph of
all pairs within the cut. The graph is found in blocks of rows, and each part is linked by itself,
with the same outcome as all at once. A part that is too large for the memory is divided by a
smaller distance, with a sentence; groups of different pieces are then not joined.

Notation: `n` tracklets.
"""

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import connected_components

from cosam_jax.evaluation.average_linkage import Merge, linked, numbered
from cosam_jax.evaluation.forbidden_pairs import Forbidden
from cosam_jax.evaluation.linking_space import LinkDistances

MOST_BYTES = 2 << 30
"""By default, the memory of one part's tables."""
_BYTES_A_PAIR = 40  # Distances in float32 and float64, with what is made on the way.
_BYTES_A_NEIGHBOUR = 80  # A distance within the bound and its place in the graph, with copies.
_LARGEST_BLOCK = 1024
_SMALLER = 0.9


@dataclasses.dataclass(frozen=True, eq=False)
class Links:
  """People that were found.

  Attributes:
    groups: int64[n], the lowest tracklet of each tracklet's person.
    merges: the links that made them, by height.
    divided: how many parts were too large, and so were divided.
  """

  groups: np.ndarray
  merges: list[Merge]
  divided: int


def link(
  distances: LinkDistances,
  cut: float,
  *,
  forbidden: Forbidden | None = None,
  groups: np.ndarray | None = None,
  most_bytes: int = MOST_BYTES,
  told: Callable[[str], None] = print,
) -> Links:
  """Joins tracklets by average linkage, see `average_linkage.linked`.

  Args:
    distances: between the tracklets.
    cut: the largest mean distance at which groups are joined.
    forbidden: pairs that must not be joined.
    groups: int[n], groups to begin with; None: each tracklet alone.
    most_bytes: the memory that tables of pairs may take.
    told: receives a sentence about parts that are too large.
  """
  count = len(distances)
  start = np.arange(count) if groups is None else numbered(groups)
  most = max(math.isqrt(most_bytes // _BYTES_A_PAIR), 2)
  found, merges, divided = start.copy(), [], 0
  waiting = [(np.arange(count), cut)]
  while waiting:
    rows, bound = waiting.pop()
    for part in _parts(distances, rows, bound, start, most_bytes):
      if len(part) > most:
        divided += 1
        waiting.extend(_smaller(part, bound, most, start))
      elif len(part) > 1:
        table = None if forbidden is None else forbidden.among(part)
        owners, joined = linked(distances.among(part), cut, table, start[part])
        found[part] = part[owners]
        merges += [Merge(int(part[one.first]), int(part[one.second]), one.height) for one in joined]
  if divided:
    told(
      f"{divided:,} groups of more than {most:,} tracklets did not fit {most_bytes / 2**30:.3g} "
      "GiB and were divided, so that some people may be found several times: give more "
      "--memory, or a smaller --threshold"
    )
  return Links(found, sorted(merges, key=lambda merge: merge.height), divided)


def _parts(
  distances: LinkDistances, rows: np.ndarray, bound: float, start: np.ndarray, most_bytes: int
) -> list[np.ndarray]:
  """The connected parts of some tracklets, by pairs within the bound and by groups at the start."""
  count, every = len(rows), len(distances)
  block = int(np.clip(most_bytes // (_BYTES_A_NEIGHBOUR * every), 1, _LARGEST_BLOCK))
  labels = np.unique(start[rows], return_inverse=True)[1]
  for first in range(0, count, block):
    some = rows[first : first + block]
    near = distances.rows(some)[:, rows] <= bound
    # Rows point to the labels of their neighbours; labels that meet become one.
    source, target = np.nonzero(near)
    edges = labels[first + source], labels[target]
    size = int(labels.max()) + 1
    graph = scipy.sparse.coo_array((np.ones(len(source), bool), edges), shape=(size, size))
    labels = connected_components(graph, directed=False)[1][labels]
  order = np.argsort(labels, kind="stable")
  borders = np.flatnonzero(np.diff(labels[order])) + 1
  return [rows[part] for part in np.split(order, borders)]


def _smaller(
  part: np.ndarray, bound: float, most: int, start: np.ndarray
) -> list[tuple[np.ndarray, float]]:
  """A part that is to be divided by a smaller bound; once the bound is tiny, by its order."""
  if bound * _SMALLER > 1e-6:
    return [(part, bound * _SMALLER)]
  part = part[np.argsort(start[part], kind="stable")]
  return [(part[i : i + most], 0.0) for i in range(0, len(part), most)]
