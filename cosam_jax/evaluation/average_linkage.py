"""Average linkage that never puts two tracklets together that cannot be of one person.

Two groups are as far apart as their tracklets on average, and the nearest two are joined until none
are within the cut. Groups with a forbidden pair between them are infinitely far apart. Joining two
groups brings neither nearer to a third one (the linkage is reducible), with forbidden pairs too, so
the order of joining can follow chains of nearest neighbours: time n^2 instead of n^3, and the same
groups. SciPy's linkage knows no forbidden pairs; without them the outcome is the same.

Sources: Müllner, "Modern hierarchical, agglomerative clustering algorithms", 2011 (chains of
nearest neighbours); Davidson and Ravi, "Agglomerative hierarchical clustering with constraints",
2005.

Notation: `n` tracklets.
"""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Merge:
  """Two groups that were joined.

  Attributes:
    first, second: a tracklet of each, the lowest of its group.
    height: the mean distance between the two groups.
  """

  first: int
  second: int
  height: float


def linked(
  distances: np.ndarray,
  cut: float,
  forbidden: np.ndarray | None = None,
  groups: np.ndarray | None = None,
) -> tuple[np.ndarray, list[Merge]]:
  """Joins groups up to the cut.

  Args:
    distances: float[n, n], symmetric; the diagonal does not matter. It is not changed.
    cut: the largest mean distance at which groups are joined.
    forbidden: bool[n, n], symmetric: pairs that must not be in one group, unless `groups` says so.
    groups: int[n], groups to begin with, see `numbered`; None: each tracklet alone.

  Returns:
    (int64[n], the lowest tracklet of each tracklet's group; the merges by height).
  """
  count = len(distances)
  owner = np.arange(count) if groups is None else numbered(groups)
  heads, inverse, sizes = np.unique(owner, return_inverse=True, return_counts=True)
  between, sizes = _between(distances, forbidden, inverse, len(heads)), sizes.astype(np.float64)
  active, merges = np.ones(len(heads), bool), []
  parent = np.arange(len(heads))
  chain: list[int] = []
  for start in range(len(heads)):
    if active[start]:
      chain.append(start)
    while chain:
      tip = chain[-1]
      near = int(np.argmin(between[tip]))
      # Among equally near ones, the one before in the chain, so that the chain ends.
      if len(chain) > 1 and between[tip, chain[-2]] <= between[tip, near]:
        near = chain[-2]
      height = between[tip, near]
      if not height <= cut:
        # Nothing can come nearer to it, so its group is whole.
        active[tip] = False
        between[tip] = between[:, tip] = np.inf
        chain.pop()
      elif len(chain) > 1 and near == chain[-2]:
        del chain[-2:]
        low, high = min(tip, near), max(tip, near)
        merges.append(Merge(int(heads[low]), int(heads[high]), float(height)))
        row = (sizes[low] * between[low] + sizes[high] * between[high]) / (sizes[low] + sizes[high])
        sizes[low] += sizes[high]
        row[low] = np.inf
        between[low] = between[:, low] = row
        between[high] = between[:, high] = np.inf
        active[high], parent[high] = False, low
        if not chain:
          chain.append(low)
      else:
        chain.append(near)
  for head in range(len(heads)):  # A parent is lower than its child, so it is settled before.
    parent[head] = parent[parent[head]]
  return heads[parent[inverse]], sorted(merges, key=lambda merge: merge.height)


def numbered(groups: np.ndarray) -> np.ndarray:
  """int64[n]: the lowest tracklet of each tracklet's group, for any labels int[n]."""
  _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
  return first[inverse]


def _between(
  distances: np.ndarray, forbidden: np.ndarray | None, inverse: np.ndarray, count: int
) -> np.ndarray:
  """float64[count, count], mean distances between groups; infinite if forbidden, and to itself."""
  if count == len(distances):
    between = np.array(distances, np.float64)
    if forbidden is not None:
      between[forbidden] = np.inf
  else:
    members = np.zeros((count, len(distances)))
    members[inverse, np.arange(len(distances))] = 1
    sizes = members.sum(axis=1)
    between = members @ distances @ members.T / np.outer(sizes, sizes)
    if forbidden is not None:
      between[members @ forbidden.astype(np.float64) @ members.T > 0] = np.inf
  np.fill_diagonal(between, np.inf)
  return between
