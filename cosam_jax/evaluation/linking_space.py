"""The space in which tracklets of several cameras are linked, fitted on labelled tracklets.

Vectors of length 1 are centred by camera, since a camera's light and height shift all of its
vectors alike. Then they are scaled so that one person's vectors vary equally in every direction
(within-class covariance normalisation): directions in which a person's own vectors differ much
count less. Neither needs labels of the tracklets that are linked. Distances are cosine distances
there, or a mixture of these and of how different the nearest neighbours of two tracklets are
(re-ranking).

Sources: Hatch, Kajarekar and Stolcke, "Within-class covariance normalization for SVM-based speaker
recognition", 2006; Zhong and others, see `rerank`.

Notation: `n` tracklets, `D` embedding size.
"""

import dataclasses

import numpy as np

from cosam_jax.evaluation.candidates import unit_rows
from cosam_jax.evaluation.rerank import jaccard_distances, neighbour_weights

CAMERA_WEIGHT = 20.0
"""A camera's mean counts as much as the calibration's if it has so many tracklets."""
SHRINKAGE = 0.3
"""How much of the mean variance is added to every direction."""
PLAIN_KIND, NEIGHBOURS_KIND = "plain", "neighbours"
LINK_DISTANCES = (PLAIN_KIND, NEIGHBOURS_KIND)
"""Distances: cosine, or mixed with those of the nearest neighbours."""
K1, K2, PLAIN_SHARE = 20, 6, 0.3
"""Settings of the mixture; the last is the share of the cosine distance."""


@dataclasses.dataclass(frozen=True, eq=False)
class Space:
  """A fitted space.

  Attributes:
    centre: float32[D], the mean of the labelled vectors.
    scaling: float32[D, D], vectors are multiplied by it from the right.
  """

  centre: np.ndarray
  scaling: np.ndarray

  def placed(self, vectors: np.ndarray, cameras: np.ndarray) -> np.ndarray:
    """float32[n, D] of length 1: the tracklets in this space.

    Args:
      vectors: float[n, D].
      cameras: int[n]; unknown ones have a number of their own.
    """
    centred = _centred(vectors, cameras, self.centre)
    return unit_rows(centred @ self.scaling).astype(np.float32)


def fit_space(vectors: np.ndarray, people: np.ndarray, cameras: np.ndarray) -> Space:
  """Fits a space on labelled tracklets.

  Args:
    vectors: float[n, D].
    people: int[n].
    cameras: int[n].
  """
  centre = unit_rows(vectors).mean(axis=0)
  centred = _centred(vectors, cameras, centre)
  who, count = np.unique(people, return_inverse=True)[1], len(np.unique(people))
  sums = np.zeros((count, centred.shape[1]))
  np.add.at(sums, who, centred)
  differences = centred - (sums / np.bincount(who)[:, None])[who]
  within = differences.T @ differences / max(len(who) - count, 1)
  values, directions = np.linalg.eigh(within)
  spread = values.clip(0) + SHRINKAGE * max(values.mean(), np.finfo(np.float32).tiny)
  return Space(centre.astype(np.float32), (directions / np.sqrt(spread)).astype(np.float32))


class LinkDistances:
  """Distances between placed tracklets, a block at a time.

  Args:
    placed: float32[n, D] of length 1.
    kind: one of `LINK_DISTANCES`.
  """

  def __init__(self, placed: np.ndarray, kind: str = PLAIN_KIND):
    self.placed = placed
    self._weights = neighbour_weights(placed, K1, K2) if kind == NEIGHBOURS_KIND else None
    self._columns = None if self._weights is None else self._weights.tocsc()

  def __len__(self) -> int:
    return len(self.placed)

  def rows(self, rows: np.ndarray) -> np.ndarray:
    """float32[m, n], from some tracklets to all."""
    found = _cosine(self.placed[rows], self.placed)
    if self._weights is None:
      return found
    return _mixed(jaccard_distances(self._weights[rows], self._columns), found)

  def among(self, rows: np.ndarray) -> np.ndarray:
    """float32[m, m], symmetric, between some tracklets."""
    found = _cosine(self.placed[rows], self.placed[rows])
    if self._weights is not None:
      chosen = self._weights[rows]
      found = _mixed(jaccard_distances(chosen, chosen.tocsc()), found)
    found += found.T.copy()
    found *= 0.5
    np.fill_diagonal(found, 0)
    return found


def _cosine(first: np.ndarray, second: np.ndarray) -> np.ndarray:
  found = first @ second.T
  np.subtract(1, found, out=found)
  return np.maximum(found, 0, out=found)


def _mixed(jaccard: np.ndarray, cosine: np.ndarray) -> np.ndarray:
  jaccard *= 1 - PLAIN_SHARE
  cosine *= PLAIN_SHARE
  jaccard += cosine
  return jaccard


def _centred(vectors: np.ndarray, cameras: np.ndarray, centre: np.ndarray) -> np.ndarray:
  """float64[n, D], of length 1 and less their camera's mean, which is drawn to the given one."""
  units = unit_rows(vectors).astype(np.float64)
  where, count = np.unique(cameras, return_inverse=True)[1], len(np.unique(cameras))
  sums = np.zeros((count, units.shape[1]))
  np.add.at(sums, where, units)
  sizes = np.bincount(where)[:, None]
  return units - ((sums + CAMERA_WEIGHT * centre) / (sizes + CAMERA_WEIGHT))[where]
