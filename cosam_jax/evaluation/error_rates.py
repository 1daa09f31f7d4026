"""Error rates of decisions by a threshold: two tracklets are of one person if they are near enough.

With the terms of ISO/IEC 19795-1, for a threshold `t` on the distance:

  FMR(t)   false match rate: the share of non-mated comparisons with a distance of at most t
  FNMR(t)  false non-match rate: the share of mated comparisons with a distance above t
  DET      detection error trade-off: the curve of FNMR over FMR as t varies
  EER      equal error rate: the rate at which both are the same

Intervals come from drawing people with replacement: a mated comparison counts as often as its
person is drawn, a non-mated one as often as the first of its two people times the second.

How small a rate can be claimed: if none of N independent comparisons is a false match, the rate is
below 3 / N with a confidence of 95% (the rule of 3). N is taken to be the number of pairs of people
who are compared, however many tracklets they have. Pairs that share a person are not quite
independent, which the intervals show.

Notation: `k` thresholds, `G` groups of people (see `comparisons`), `R` resamples.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from cosam_jax.evaluation.bootstrap import LEVEL, RESAMPLES, SEED, drawn_people, intervals
from cosam_jax.evaluation.comparisons import Comparisons, Counts, Scores

NEVER = -1.0
"""A threshold that no distance meets."""
DET_POINTS = 200
"""About as many points of the curve are kept, evenly spread over the logarithm of either rate."""


def smallest_claim(people_pairs: int) -> float:
  """The smallest FMR that so many pairs of people can support, by the rule of 3; at most 1."""
  return min(1.0, 3 / people_pairs)


def threshold_for(scores: Scores, wished: float) -> float:
  """The largest threshold whose FMR is at most `wished`, among the (binned) distances measured.

  Returns:
    A distance; just below the smallest one, or `NEVER`, if its FMR is larger than wished.
  """
  allowed = scores.false_matches <= wished * scores.non_mated.sum()
  count = int(np.count_nonzero(allowed))  # The curve rises, so these are the first ones.
  if count:
    return float(scores.edges[count - 1])
  first = np.float32(scores.edges[0]).view(np.uint32)
  below = (first & ~np.uint32(1023)).view(np.float32)  # The smallest number of the first bin.
  return float(np.nextafter(below, np.float32(0))) if below > 0 else NEVER


def rates_at(scores: Scores, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """(FMR float64[k], FNMR float64[k]) at thresholds that are edges of bins, or lie between bins."""
  places = np.searchsorted(scores.edges, np.asarray(thresholds, np.float32), side="right")
  rates = []
  for found in (scores.false_matches, scores.true_matches):
    rates.append(np.concatenate([[0], found])[places] / found[-1])
  return rates[0], 1.0 - rates[1]


def equal_error_rate(scores: Scores) -> tuple[float, float]:
  """(EER, its threshold): the mean of both rates at the threshold at which they differ least."""
  false, missed = rates_at(scores, scores.edges)
  at = int(np.argmin(np.abs(false - missed)))
  return float((false[at] + missed[at]) / 2), float(scores.edges[at])


def det_thresholds(scores: Scores, points: int = DET_POINTS) -> np.ndarray:
  """float32, ascending: thresholds that spread over the whole curve, its ends among them."""
  edges = scores.edges
  if len(edges) <= points:
    return edges
  false, true = scores.false_matches, scores.true_matches
  wished = np.geomspace(0.5, false[-1], points // 2)
  places = np.searchsorted(false, wished, side="right") - 1
  missed = true[-1] - true
  others = np.searchsorted(-missed, -np.geomspace(0.5, true[-1], points // 2), side="left")
  every = np.unique(np.concatenate([places, others, [0, len(edges) - 1]]))
  return edges[every[(every >= 0) & (every < len(edges))]]


@dataclasses.dataclass(frozen=True)
class OperatingPoint:
  """A threshold, and how often decisions by it are wrong.

  Attributes:
    wished_fmr: the FMR that was asked for.
    threshold: the largest distance of a pair that is taken for one person.
    fmr, fnmr: as measured.
    fmr_interval, fnmr_interval: 95% intervals over people; None if they cannot be drawn.
    supported: whether there are enough pairs of people to claim the wished FMR.
    camera_pairs: a record for each pair of cameras with enough mated comparisons.
  """

  wished_fmr: float
  threshold: float
  fmr: float
  fnmr: float
  fmr_interval: tuple[float, float] | None
  fnmr_interval: tuple[float, float] | None
  supported: bool
  camera_pairs: tuple[dict[str, Any], ...] = ()


def operating_points(
  comparisons: Comparisons,
  wished: tuple[float, ...],
  *,
  thresholds: Sequence[float] | None = None,
  least_mated: int = 30,
  resamples: int = RESAMPLES,
) -> list[OperatingPoint]:
  """The thresholds for some false match rates, with what they cost.

  Args:
    comparisons: of labelled tracklets.
    wished: false match rates.
    thresholds: those of a calibration on other people, one for each wished rate; None: they are
      found here.
    least_mated: a pair of cameras is reported if it has as many mated comparisons.
    resamples: R.
  """
  scores = comparisons.scores
  if thresholds is None:
    thresholds = [threshold_for(scores, rate) for rate in wished]
  at = np.array(thresholds, np.float32)
  counts = comparisons.counts(at)
  fmr, fnmr = rates_at(scores, at)
  both = bootstrapped(counts, resamples=resamples)
  claim = smallest_claim(comparisons.people_pairs)
  return [
    OperatingPoint(
      wished_fmr=rate,
      threshold=float(at[i]),
      fmr=float(fmr[i]),
      fnmr=float(fnmr[i]),
      fmr_interval=_pair(both[0][i]),
      fnmr_interval=_pair(both[1][i]),
      supported=rate >= claim,
      camera_pairs=tuple(_camera_pairs(counts, i, comparisons.camera_numbers, least_mated)),
    )
    for i, rate in enumerate(wished)
  ]


def bootstrapped(
  counts: Counts, *, resamples: int = RESAMPLES, seed: int = SEED
) -> tuple[np.ndarray, np.ndarray]:
  """(float64[k, 2] of FMR, float64[k, 2] of FNMR): 95% intervals over people.

  Args:
    counts: at k thresholds.
    resamples: R.
    seed: of the draws.
  """
  false, missed = [], []
  wrong, every = counts.false_matches.astype(np.float64), counts.non_mated.astype(np.float64)
  rng = np.random.default_rng(seed)
  for weights in drawn_people(rng, len(counts.mated), resamples):
    with np.errstate(invalid="ignore", divide="ignore"):  # A draw may lack comparisons.
      drawn = np.einsum("rg,rg->r", weights @ every, weights)
      false.append(
        np.stack([np.einsum("rg,rg->r", weights @ one, weights) / drawn for one in wrong], axis=1)
      )
      missed.append((weights @ counts.false_non_matches.T) / (weights @ counts.mated)[:, None])
  return intervals_of_finite(np.concatenate(false)), intervals_of_finite(np.concatenate(missed))


def intervals_of_finite(samples: np.ndarray) -> np.ndarray:
  """float64[k, 2], of the rows of float[R, k] that are finite; nan if hardly any are."""
  whole = samples[np.isfinite(samples).all(axis=1)]
  if len(whole) < len(samples) * LEVEL:
    return np.full((samples.shape[1], 2), np.nan)
  return intervals(whole)


def _pair(interval: np.ndarray) -> tuple[float, float] | None:
  low, high = (float(value) for value in interval)
  return None if np.isnan(low) else (low, high)


def _camera_pairs(counts: Counts, at: int, numbers: np.ndarray, least: int) -> list[dict[str, Any]]:
  """A record for each pair of cameras with enough mated comparisons and any non-mated ones."""
  found = []
  for i, j in np.argwhere((counts.camera_mated >= least) & (counts.camera_non_mated > 0)):
    mated, non_mated = int(counts.camera_mated[i, j]), int(counts.camera_non_mated[i, j])
    found.append(
      {
        "cameras": [int(numbers[i]), int(numbers[j])],
        "mated": mated,
        "non_mated": non_mated,
        "fmr": int(counts.camera_false_matches[at, i, j]) / non_mated,
        "fnmr": int(counts.camera_false_non_matches[at, i, j]) / mated,
      }
    )
  return found
