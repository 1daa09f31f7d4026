"""How right a linkage is at every height, when its people are known.

Notation: `n` tracklets, `P` people, `n - 1` merges in the order of height.
"""

import dataclasses

import numpy as np
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform


@dataclasses.dataclass(frozen=True, eq=False)
class Curve:
  """The numbers after each merge.

  Attributes:
    tree: float64[n - 1, 4], as SciPy's `linkage` gives it.
    heights: float64[n - 1], ascending.
    precision, recall: float64[n - 1], B-cubed, once all merges up to here are made.
    right: bool[n - 1], whether at least half of the pairs that a merge makes are of one person.
    recall_alone: recall before any merge; precision is 1 then.
  """

  tree: np.ndarray
  heights: np.ndarray
  precision: np.ndarray
  recall: np.ndarray
  right: np.ndarray
  recall_alone: float

  def f_at(self, cuts: np.ndarray) -> np.ndarray:
    """float64[k], the B-cubed F if all merges of at most each cut are made."""
    places = np.searchsorted(self.heights, cuts, side="right")
    precision = np.append(1.0, self.precision)[places]
    recall = np.append(self.recall_alone, self.recall)[places]
    return 2 * precision * recall / (precision + recall)


def link_curve(distances: np.ndarray, people: np.ndarray) -> Curve:
  """Links by average linkage, and looks at every merge.

  Args:
    distances: float[n, n], symmetric, zero on the diagonal; at least two tracklets.
    people: int[n].
  """
  tree = linkage(squareform(distances, checks=False), "average")
  who = np.unique(people, return_inverse=True)[1]
  count, total = len(who), np.bincount(who).astype(np.float64)
  # Tracklets of each person in each group; a group's row is the lowest row of its tracklets.
  held = np.zeros((count, len(total)), np.float32)
  held[np.arange(count), who] = 1
  place = [*range(count), *[0] * (count - 1)]
  sums = np.array([count, (1 / total[who]).sum()])
  found, right = np.empty((count - 1, 2)), np.empty(count - 1, bool)
  for i, (first, second, _, _) in enumerate(tree):
    a, b = place[int(first)], place[int(second)]
    one, other = held[a].astype(np.float64), held[b].astype(np.float64)
    both, products = one + other, one @ other
    right[i] = products >= 0.5 * one.sum() * other.sum()
    sums[0] += both @ both / both.sum() - one @ one / one.sum() - other @ other / other.sum()
    sums[1] += 2 * (one * other / total).sum()
    held[a], place[count + i] = both, a
    found[i] = sums / count
  start = float((1 / total[who]).sum() / count)
  return Curve(tree, tree[:, 2], found[:, 0], found[:, 1], right, start)
