"""The probability that two tracklets are of one person, from their distance.

The share of mated comparisons among those of a distance can only fall with the distance. Isotonic
regression (pool adjacent violators, by SciPy) finds the falling steps that fit best. Divided by the
odds of the calibration's own comparisons they are likelihood ratios: how much more often a distance
occurs among mated comparisons than among non-mated ones. These do not depend on how many
comparisons were mated, so that a probability follows for any prior.

A step is never certain: one more non-mated comparison is taken to be nearer than all others, and
one more mated one farther.

Source: Brümmer and du Preez, "Application-independent evaluation of speaker detection", 2006.
"""

import bisect
from collections.abc import Sequence

import numpy as np
from scipy.optimize import isotonic_regression

from cosam_jax.evaluation.comparisons import Scores


def likelihood_ratios(scores: Scores) -> tuple[np.ndarray, np.ndarray]:
  """(float32[s], float64[s]): the largest distance of each step, ascending, and its ratio, falling.

  The last step is for all larger distances too.
  """
  mated, non_mated = scores.mated.astype(np.float64), scores.non_mated.astype(np.float64)
  edges = np.concatenate([scores.edges[:1], scores.edges, scores.edges[-1:]])
  mated = np.concatenate([[0.0], mated, [1.0]])
  non_mated = np.concatenate([[1.0], non_mated, [0.0]])
  every = mated + non_mated
  found = isotonic_regression(mated / every, weights=every, increasing=False)
  first, last = found.blocks[:-1], found.blocks[1:] - 1
  sums = [np.add.reduceat(one, first) for one in (mated, non_mated)]
  # From the counts themselves, so that the smallest shares lose no digits.
  ratios = sums[0] / sums[1] * (non_mated.sum() / mated.sum())
  kept = np.append(edges[last][1:] != edges[last][:-1], True)
  return edges[last][kept], ratios[kept]


def ratio_of(distance: float, edges: Sequence[float], ratios: Sequence[float]) -> float:
  """The likelihood ratio of a distance, by the steps of `likelihood_ratios`."""
  return float(ratios[min(bisect.bisect_left(edges, distance), len(ratios) - 1)])


def probability(ratio: float, prior: float) -> float:
  """The probability of one person, 0 to 1.

  Args:
    ratio: of the distance.
    prior: the share of mated comparisons among those to be judged, more than 0 and less than 1.
  """
  odds = ratio * prior / (1 - prior)
  return odds / (1 + odds)
