"""A calibration: what a network's distances mean, measured on labelled tracklets.

It holds thresholds for wished false match rates with intervals over people, the curve of both
error rates (DET), likelihood ratios by distance, and the rates of open-set searches. From these it
answers what a distance means. The rates' names and formulas are in `error_rates`, `identification`
and `likelihood`.
"""

import bisect
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from cosam_jax.errors import InputError
from cosam_jax.evaluation.bootstrap import LEVEL, RESAMPLES, SEED
from cosam_jax.evaluation.calibrated_network import network_misfit, network_of_embeddings
from cosam_jax.evaluation.calibration_names import OTHER_CAMERAS
from cosam_jax.evaluation.comparisons import Comparisons
from cosam_jax.evaluation.embeddings import Embeddings
from cosam_jax.evaluation.error_rates import (
  OperatingPoint,
  det_thresholds,
  equal_error_rate,
  operating_points,
  rates_at,
  smallest_claim,
)
from cosam_jax.evaluation.fingerprints import rows_hash
from cosam_jax.evaluation.identification import DRAWS, Searches, open_set_searches
from cosam_jax.evaluation.likelihood import likelihood_ratios, probability, ratio_of
from cosam_jax.evaluation.vector_spread import check_directions, check_lengths
from cosam_jax.runtime.given_values import number_given

LEAST_MATED = 100
"""A pair of cameras is reported if it has as many mated comparisons."""


@dataclasses.dataclass(frozen=True)
class Wishes:
  """What to calibrate for.

  Attributes:
    fmr: false match rates; the threshold of the first one decides.
    fpir: false positive identification rates of open-set searches.
    rank: R, besides 1, of FNIR.
    prior: the share of mated comparisons for probabilities; None: that of the labelled tracklets.
    compared: see `calibration_names.COMPARED`.
    resamples: how often people are drawn for intervals.
  """

  fmr: tuple[float, ...] = (0.001, 0.01, 0.0001)
  fpir: tuple[float, ...] = (0.1, 0.01)
  rank: int = 10
  prior: float | None = None
  compared: str = OTHER_CAMERAS
  resamples: int = RESAMPLES


@dataclasses.dataclass(frozen=True)
class Calibration:
  """What the distances of one network mean.

  Attributes:
    network: `label`, `weights_hash` and `vectors_hash` (see `fingerprints`), `distance`, `flip`
      and the network's settings, fields of its configuration.
    data: the labelled tracklets: `dataset`, `people` (which part), `learned` (whether the network
      was trained on them; None if unknown), numbers of people, tracklets and cameras, `digest`
      (see `digest_of_labelled`), ...
    comparisons: `compared`, `mated`, `non_mated`, `people_pairs`, `smallest_fmr`.
    prior: the share of mated comparisons that probabilities are for.
    points: an operating point for each wished FMR; the first one decides.
    equal_error_rate: `rate` and `threshold`.
    det: `distance` (ascending), `fmr`, `fnmr`: points of the curve.
    likelihood: `distance` (ascending), `ratio` (falling), see `likelihood`.
    identification: the open-set searches: `draws`, `enrolled`, `rank`, and records `at_fmr` and
      `at_fpir`.
    uncertainty: how intervals were drawn.
  """

  network: Mapping[str, Any]
  data: Mapping[str, Any]
  comparisons: Mapping[str, Any]
  prior: float
  points: tuple[OperatingPoint, ...]
  equal_error_rate: Mapping[str, float]
  det: Mapping[str, list[float]]
  likelihood: Mapping[str, list[float]]
  identification: Mapping[str, Any]
  uncertainty: Mapping[str, Any]

  @property
  def threshold(self) -> float:
    """The distance up to which two tracklets are taken for one person."""
    return self.points[0].threshold

  @property
  def calibrated_on(self) -> str:
    """The data, in words, such as "304 people of mars (training)"."""
    part = f" ({self.data['people'].replace('_', ' ')})" if self.data.get("people") else ""
    return f"{self.data['identities']:,} people of {self.data['dataset']}{part}"

  def is_same(self, distance: float) -> bool:
    """Whether two tracklets at this distance are taken for one person."""
    return float(np.float32(distance)) <= self.threshold

  def false_match_rate(self, distance: float) -> float:
    """The FMR of a threshold at this distance: how many pairs of two people are at least as near.

    It is that of the next point of the curve, so rather too large than too small, and never below
    the smallest that the number of people can support.
    """
    edges, rates = self.det["distance"], self.det["fmr"]
    found = rates[min(bisect.bisect_left(edges, float(np.float32(distance))), len(rates) - 1)]
    return max(found, float(self.comparisons["smallest_fmr"]))

  def probability(self, distance: float, prior: float | None = None) -> float:
    """The probability that two tracklets at this distance are of one person.

    Args:
      distance: between them.
      prior: the share of pairs of one person among those that are judged; None: the calibration's.

    Raises:
      InputError: the prior is not between 0 and 1.
    """
    prior = self.prior if prior is None else prior
    prior = number_given("prior", prior, lambda x: 0 < x < 1, "more than 0 and less than 1")
    likelihood = self.likelihood
    ratio = ratio_of(float(np.float32(distance)), likelihood["distance"], likelihood["ratio"])
    return probability(ratio, prior)

  def misfit(self, network: Mapping[str, Any]) -> str | None:
    """Why this calibration is not for some vectors; None if it may be.

    Args:
      network: what is known of their network: `vectors_hash`, `distance`, `flip` and settings, as
        in `network` above; unknown entries are None or missing.
    """
    # Files of earlier versions have this one setting elsewhere, and lack most others.
    frames = {"clips.num_frames": self.data.get("num_frames")}
    return network_misfit(frames | dict(self.network), network)


def calibrate(
  embeddings: Embeddings,
  distance: str,
  wishes: Wishes,
  thresholds: Sequence[float] | None = None,
  told: Callable[[str], None] = print,
  settings: Mapping[str, Any] | None = None,
) -> Calibration:
  """Measures all rates on labelled embeddings.

  Args:
    embeddings: of labelled tracklets.
    distance: "sqeuclidean" or "cosine".
    wishes: what to calibrate for.
    thresholds: measures at these, one for each wished FMR, which come from a calibration on other
      people; None: they are found here.
    told: receives a sentence about tracklets that are left out.
    settings: name -> plain value of everything else on which the network's vectors depend, so that
      the calibration is used with no other network; None: nothing is known.

  Raises:
    InputError: there are too few people, cameras or tracklets, none is labelled, or a vector has no
      distances: see `vector_spread`.
  """
  known = labelled_rows(embeddings)
  origin = embeddings.origin
  if not known.any():
    raise InputError(
      "none of the tracklets has a known person, and a calibration needs labelled ones: embed the "
      "held-out or the training people of a data set with --mode=embed --people"
    )
  check = check_directions if distance == "cosine" else check_lengths
  check(embeddings.vectors[known], embeddings.names[known])
  comparisons = Comparisons(
    embeddings.vectors[known], embeddings.identities[known], embeddings.cameras[known],
    distance=distance, compared=wishes.compared,
  )  # fmt: skip
  if not known.all():
    told(f"left out: {int((~known).sum()):,} tracklets of nobody who is known")
  if comparisons.left_out:
    told(f"left out: {comparisons.left_out:,} tracklets whose camera is not known")
  scores = comparisons.scores
  mated, non_mated = int(scores.mated.sum()), int(scores.non_mated.sum())
  points = operating_points(
    comparisons,
    wishes.fmr,
    thresholds=thresholds,
    least_mated=LEAST_MATED,
    resamples=wishes.resamples,
  )
  rate, at = equal_error_rate(scores)
  ours = np.array([one.threshold for one in points if one.threshold >= 0], np.float32)
  edges = np.union1d(det_thresholds(scores), ours)
  fmr, fnmr = rates_at(scores, edges)
  steps, ratios = likelihood_ratios(scores)
  searches = open_set_searches(comparisons)
  return Calibration(
    network=network_of_embeddings(embeddings, distance, settings or {}),
    data={
      "dataset": origin.dataset,
      "people": origin.people,
      "learned": origin.learned,
      "identities": comparisons.num_people,
      "tracklets": len(comparisons.vectors),
      "cameras": len(comparisons.camera_numbers),
      "digest": digest_of_labelled(embeddings),
      "num_frames": origin.num_frames,
      "protocol": origin.protocol,
      "warnings": list(origin.warnings),
    },
    comparisons={
      "compared": wishes.compared,
      "mated": mated,
      "non_mated": non_mated,
      "people_pairs": comparisons.people_pairs,
      "smallest_fmr": smallest_claim(comparisons.people_pairs),
    },
    prior=mated / (mated + non_mated) if wishes.prior is None else wishes.prior,
    points=tuple(points),
    equal_error_rate={"rate": rate, "threshold": at},
    det={"distance": edges.tolist(), "fmr": fmr.tolist(), "fnmr": fnmr.tolist()},
    likelihood={"distance": steps.tolist(), "ratio": ratios.tolist()},
    identification=_identification(searches, points, wishes),
    uncertainty={
      "method": "percentile bootstrap over people; a comparison of two people counts as often as "
      "the first is drawn times the second",
      "level": LEVEL,
      "resamples": wishes.resamples,
      "seed": SEED,
    },
  )


def labelled_rows(embeddings: Embeddings) -> np.ndarray:
  """bool[n]: whether the person of each tracklet is known."""
  return np.array([embeddings.seen(row).known for row in range(len(embeddings.vectors))], bool)


def digest_of_labelled(embeddings: Embeddings) -> str:
  """A digest of the labelled tracklets, in whatever order: their vectors and people."""
  known = labelled_rows(embeddings)
  return rows_hash(embeddings.vectors[known], embeddings.identities[known])


def _identification(
  searches: Searches, points: list[OperatingPoint], wishes: Wishes
) -> dict[str, Any]:
  def measured(threshold: float) -> dict[str, Any]:
    ranks = (1, wishes.rank)
    found = searches.intervals(threshold, ranks, resamples=wishes.resamples)
    intervals = [None if np.isnan(pair).any() else pair.tolist() for pair in found]
    return {
      "threshold": threshold,
      "fpir": searches.fpir(threshold),
      "fpir_interval": intervals[0],
      "fnir_rank_1": searches.fnir(threshold, 1),
      "fnir_rank_1_interval": intervals[1],
      "fnir_rank_r": searches.fnir(threshold, wishes.rank),
      "fnir_rank_r_interval": intervals[2],
      "dir_rank_1": 1 - searches.fnir(threshold, 1),
    }

  return {
    "draws": DRAWS,
    "seed": SEED,
    "enrolled": searches.enrolled,
    "mated_searches": len(searches.mated_ranks),
    "non_mated_searches": len(searches.nearest),
    "rank": wishes.rank,
    "at_fmr": [{"wished_fmr": one.wished_fmr, **measured(one.threshold)} for one in points],
    "at_fpir": [
      {"wished_fpir": rate, **measured(searches.threshold_for(rate))} for rate in wishes.fpir
    ],
  }
