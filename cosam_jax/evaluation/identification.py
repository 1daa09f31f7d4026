"""Error rates of open-set searches: the person searched for may be enrolled or not.

Some people are enrolled: their tracklets are the references. Every tracklet of everybody is a
probe, and is searched for among the references that other cameras saw. A person is as near as the
nearest of the person's references. With the terms of ISO/IEC 19795-1, for a threshold `t`:

  FPIR(t)     false positive identification rate: the share of non-mated searches (the person is
              not enrolled) that return anybody at a distance of at most t
  FNIR(t, R)  false negative identification rate: the share of mated searches in which the person is
              not among the nearest R people, or is at a distance above t
  DIR(t, R)   detection and identification rate, 1 - FNIR(t, R); "DIR at FAR" is DIR(t, 1) at the
              threshold whose FPIR (there called false alarm rate) is the one named

Half of the people are enrolled, drawn several times by seed; rates are over the searches of all
draws. FPIR grows with the number of enrolled people, so it holds for that number alone. Intervals
are over people, for the same references.

Notation: `n` tracklets, `P` people, `k` thresholds, `r` rows of a block, `R` resamples.
"""

import dataclasses

import numpy as np

from cosam_jax.errors import InputError
from cosam_jax.evaluation.bootstrap import RESAMPLES, SEED, drawn_people
from cosam_jax.evaluation.comparisons import Comparisons, scores_of
from cosam_jax.evaluation.error_rates import intervals_of_finite, threshold_for

DRAWS = 10
"""How often the enrolled people are drawn."""


@dataclasses.dataclass(frozen=True, eq=False)
class Searches:
  """The outcomes of all searches of all draws.

  Attributes:
    enrolled: number of enrolled people in each draw.
    num_people: P.
    mated_people: int64, the person of each mated search.
    mated_distances: float32, the distance of that person.
    mated_ranks: int64, the person's place among the enrolled people, from 1; of equally near ones
      the person comes last.
    non_mated_people: int64, the person of each non-mated search.
    nearest: float32, the distance of the nearest enrolled person in each of these.
  """

  enrolled: int
  num_people: int
  mated_people: np.ndarray
  mated_distances: np.ndarray
  mated_ranks: np.ndarray
  non_mated_people: np.ndarray
  nearest: np.ndarray

  def threshold_for(self, wished: float) -> float:
    """The largest threshold whose FPIR is at most `wished`, see `error_rates.threshold_for`."""
    return threshold_for(scores_of(self.mated_distances, self.nearest), wished)

  def fpir(self, threshold: float) -> float:
    """FPIR at a threshold."""
    return float(np.mean(self.nearest <= np.float32(threshold)))

  def fnir(self, threshold: float, rank: int) -> float:
    """FNIR at a threshold and a rank."""
    return float(np.mean(self._missed(threshold, rank)))

  def _missed(self, threshold: float, rank: int) -> np.ndarray:
    return (self.mated_distances > np.float32(threshold)) | (self.mated_ranks > rank)

  def intervals(
    self, threshold: float, ranks: tuple[int, ...], *, resamples: int = RESAMPLES, seed: int = SEED
  ) -> np.ndarray:
    """float64[1 + ranks, 2]: 95% intervals of FPIR and of FNIR at each rank, drawing people.

    Draws without a search have no rate and are left out; an interval is nan if hardly any remain.
    """
    wrong = [(self.non_mated_people, self.nearest <= np.float32(threshold))]
    wrong += [(self.mated_people, self._missed(threshold, rank)) for rank in ranks]
    sums = np.stack([np.bincount(who, what, self.num_people) for who, what in wrong], axis=1)
    counts = np.stack([np.bincount(who, minlength=self.num_people) for who, _ in wrong], axis=1)
    with np.errstate(invalid="ignore"):  # 0 / 0 in a draw without searches.
      samples = np.concatenate([
        (weights @ sums) / (weights @ counts)
        for weights in drawn_people(np.random.default_rng(seed), self.num_people, resamples)
      ])  # fmt: skip
    return np.concatenate([intervals_of_finite(column[:, None]) for column in samples.T])


def open_set_searches(
  comparisons: Comparisons, *, draws: int = DRAWS, seed: int = SEED
) -> Searches:
  """Searches for every tracklet among the references of the enrolled people of each draw.

  Args:
    comparisons: of labelled tracklets; they say which cameras are compared.
    draws: how often half of the people are enrolled.
    seed: of the draws.

  Raises:
    InputError: no draw has a mated and a non-mated search.
  """
  count = comparisons.num_people
  rng = np.random.default_rng(seed)
  enrolled = np.zeros((draws, count), bool)
  for draw in enrolled:
    draw[rng.permutation(count)[: (count + 1) // 2]] = True
  starts = np.searchsorted(comparisons.people, np.arange(count))
  mated: list[tuple[np.ndarray, ...]] = []
  non_mated: list[tuple[np.ndarray, ...]] = []
  for rows, distances, made in comparisons.blocks():
    far = np.where(made, distances, np.float32(np.inf))
    nearest = np.minimum.reduceat(far, starts, axis=1)  # float32[r, P]
    people = comparisons.people[rows]
    own = nearest[np.arange(len(people)), people]
    for draw in enrolled:
      ours = draw[people] & np.isfinite(own)
      others = np.where(draw, nearest, np.float32(np.inf))
      # The person's own place counts itself, and so begins at 1.
      ranks = (others[ours] <= own[ours, None]).sum(axis=1)
      mated.append((people[ours], own[ours], ranks))
      best = others.min(axis=1)
      theirs = ~draw[people] & np.isfinite(best)
      non_mated.append((people[theirs], best[theirs]))
  first, second = (list(map(np.concatenate, zip(*found))) for found in (mated, non_mated))
  if not len(first[0]) or not len(second[0]):
    raise InputError(
      f"{count} people are too few to enrol half of them and search for all: give more labelled "
      "people"
    )
  return Searches((count + 1) // 2, count, *first, *second)
