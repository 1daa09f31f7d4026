"""The calibration of linking: a space, and the cut that links labelled people best.

Half of the labelled people fit a space, and the other half are linked in it; then the other way
round, for several divisions. The cut is the one with the largest B-cubed F on average, so it was
chosen on people who are new to the space. The space itself is then fitted on all. Each merge of
these linkages was right or not, which gives the chance of a merge by its height.

The cut is for about as many people, with as many tracklets, as were linked here.

Notation: `n` tracklets, `D` embedding size.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import fcluster
from scipy.optimize import isotonic_regression

from cosam_jax.errors import InputError
from cosam_jax.evaluation.clustering_numbers import agreement, agreement_intervals
from cosam_jax.evaluation.link_curve import Curve, link_curve
from cosam_jax.evaluation.linking_space import (
  LINK_DISTANCES,
  NEIGHBOURS_KIND,
  PLAIN_KIND,
  LinkDistances,
  Space,
  fit_space,
)

LEAST_PEOPLE = 8
"""A calibration of linking needs as many people with two tracklets or more."""
NEIGHBOURS_FROM = 500
"""From as many tracklets on, the distance looks at neighbours."""
MOST_TRACKLETS = 12_000
"""Of more labelled tracklets than this, people are drawn."""
DIVISIONS = 2
STITCH_FMR = 0.001
"""The wished false match rate of two pieces of tracks in one camera."""
_CUTS = 400


@dataclasses.dataclass(frozen=True, eq=False)
class KindOfLink:
  """What is known about links by one kind of distance.

  Attributes:
    cut: the largest mean distance at which groups are joined.
    heights: float[s], ascending: the largest height of each step of chances.
    chances: float[s], falling: the share of merges of that height that were right.
    numbers: those of `clustering_numbers.Agreement` at the cut, by name.
    intervals: name -> lowest and highest.
  """

  cut: float
  heights: np.ndarray
  chances: np.ndarray
  numbers: Mapping[str, float]
  intervals: Mapping[str, Any]

  def chance(self, height: float) -> float:
    """The chance that a merge of this height is right, 0 to 1."""
    place = int(np.searchsorted(self.heights, height))
    return float(self.chances[min(place, len(self.chances) - 1)])

  def cut_for(self, least: float) -> float:
    """The largest height within the cut up to which chances are at least this; -1 if none are."""
    enough = np.flatnonzero(self.chances >= least)
    return min(self.cut, float(self.heights[enough[-1]])) if len(enough) else -1.0


@dataclasses.dataclass(frozen=True, eq=False)
class LinkCalibration:
  """Everything that linking takes from labelled people.

  Attributes:
    space: fitted on all of them.
    kinds: kind of distance, see `linking_space.LINK_DISTANCES` -> what is known.
    stitch: `cut`, the largest cosine distance in the space at which two pieces in one camera are
      one track, and `fmr`, the share of pairs of two people in one camera within it.
    network: as in `calibration.Calibration`.
    data: `dataset`, `people`, `learned`, `identities`, `tracklets`, `linked_people` and
      `linked_tracklets`: how many were linked at once.
  """

  space: Space
  kinds: Mapping[str, KindOfLink]
  stitch: Mapping[str, float]
  network: Mapping[str, Any]
  data: Mapping[str, Any]

  def kind_for(self, count: int) -> str:
    """The kind of distance for as many tracklets; few have no neighbours that say anything."""
    return (
      NEIGHBOURS_KIND if count >= NEIGHBOURS_FROM and NEIGHBOURS_KIND in self.kinds else PLAIN_KIND
    )


def calibrate_links(
  vectors: np.ndarray,
  people: np.ndarray,
  cameras: np.ndarray,
  *,
  network: Mapping[str, Any],
  data: Mapping[str, Any],
  resamples: int = 1000,
) -> LinkCalibration:
  """Fits a space and finds the cut of each kind of distance.

  Args:
    vectors: float32[n, D].
    people: int[n].
    cameras: int[n].
    network, data: what the calibration says about itself.
    resamples: how often people are drawn for intervals.

  Raises:
    InputError: there are too few people.
  """
  names, counts = np.unique(people, return_counts=True)
  if (counts > 1).sum() < LEAST_PEOPLE:
    raise InputError(
      f"{(counts > 1).sum()} people have two tracklets or more, and a calibration of links needs "
      f"{LEAST_PEOPLE}: label more people"
    )
  kept = _drawn(names, counts)
  chosen = np.isin(people, kept)
  vectors, people, cameras = vectors[chosen], people[chosen], cameras[chosen]
  halves = list(_halves(vectors, people, cameras))
  kinds = (
    PLAIN_KIND,
    *((NEIGHBOURS_KIND,) if min(len(who) for _, who, _ in halves) >= NEIGHBOURS_FROM else ()),
  )
  found = {kind: _kind(halves, kind, resamples) for kind in kinds}
  return LinkCalibration(
    space=fit_space(vectors, people, cameras),
    kinds=found,
    stitch=_stitch(halves),
    network=network,
    data={
      **data,
      "identities": len(kept),
      "tracklets": len(people),
      "linked_people": len(np.unique(halves[0][1])),
      "linked_tracklets": len(halves[0][1]),
    },
  )


Half = tuple[np.ndarray, np.ndarray, np.ndarray]


def _drawn(names: np.ndarray, counts: np.ndarray) -> np.ndarray:
  """Everybody, or people drawn until the tracklets are many enough."""
  order = np.random.default_rng(0).permutation(len(names))
  fits = np.cumsum(counts[order]) <= MOST_TRACKLETS
  fits[: 2 * LEAST_PEOPLE] = True
  return np.sort(names[order[fits]])


def _halves(vectors: np.ndarray, people: np.ndarray, cameras: np.ndarray) -> Iterator[Half]:
  """Yields (placed vectors, people, cameras) of each half, in the space of the other one."""
  names = np.unique(people)
  for seed in range(DIVISIONS):
    order = np.random.default_rng(seed).permutation(names)
    first = np.isin(people, order[: len(order) // 2])
    for fitted, linked in ((first, ~first), (~first, first)):
      space = fit_space(vectors[fitted], people[fitted], cameras[fitted])
      where = cameras[linked]
      yield space.placed(vectors[linked], where), people[linked], where


def _kind(halves: list[Half], kind: str, resamples: int) -> KindOfLink:
  curves: list[tuple[Curve, np.ndarray]] = []
  for placed, people, _ in halves:
    distances = LinkDistances(placed, kind).among(np.arange(len(placed)))
    curves.append((link_curve(distances, people), people))
  heights = np.concatenate([curve.heights for curve, _ in curves])
  cuts = np.quantile(heights, np.linspace(0, 1, _CUTS))
  cut = float(cuts[np.argmax(np.mean([curve.f_at(cuts) for curve, _ in curves], axis=0))])
  steps, chances = _chances(heights, np.concatenate([curve.right for curve, _ in curves]))
  # The first two halves are everybody once.
  groups, before = [], 0
  for curve, _ in curves[:2]:
    groups.append(fcluster(curve.tree, cut, "distance") + before)
    before = groups[-1].max()
  both = np.concatenate([people for _, people in curves[:2]]), np.concatenate(groups)
  numbers = dataclasses.asdict(agreement(*both))
  pairs = agreement_intervals(*both, resamples=resamples)
  return KindOfLink(
    cut, steps, chances, numbers, {name: list(pair) for name, pair in pairs.items()}
  )


def _chances(heights: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """The falling steps that fit best (isotonic regression); no step is certain.

  One wrong merge more is taken to be lower than all others, and one right one higher.
  """
  order = np.argsort(heights, kind="stable")
  edges = np.concatenate([[heights[order[0]]], heights[order], [heights[order[-1]]]])
  was = np.concatenate([[0.0], right[order], [1.0]])
  found = isotonic_regression(was, increasing=False)
  last = found.blocks[1:] - 1
  return edges[last], found.x[last]


def _stitch(halves: list[Half]) -> dict[str, float]:
  """The cut for pieces of tracks, from pairs of two people in one camera."""
  apart = []
  for placed, people, cameras in halves[:2]:
    for camera in np.unique(cameras):
      rows = np.flatnonzero(cameras == camera)
      distances = LinkDistances(placed[rows]).among(np.arange(len(rows)))
      two = np.triu(people[rows, None] != people[rows][None], 1)
      apart.append(distances[two])
  values = np.sort(np.concatenate(apart))
  allowed = int(STITCH_FMR * len(values))
  # Fewer distances than `allowed` are below the next one.
  cut = float(np.nextafter(values[allowed], np.float32(0))) if len(values) else 0.0
  return {"cut": cut, "fmr": float((values <= cut).mean()) if len(values) else 0.0}


def all_kinds(found: Mapping[str, Any]) -> bool:
  """Whether every entry is a kind of distance, and the plain one is there."""
  return PLAIN_KIND in found and set(found) <= set(LINK_DISTANCES)
