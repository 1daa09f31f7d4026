"""How well groups of tracklets agree with people: pairs, B-cubed, the adjusted Rand index.

Everything comes from the table of how many tracklets each found person shares with each true one.

Sources: Bagga and Baldwin, "Entity-based cross-document coreferencing using the vector space
model", 1998 (B-cubed); Amigó and others, "A comparison of extrinsic clustering evaluation metrics
based on formal constraints", 2009; Hubert and Arabie, "Comparing partitions", 1985 (adjusted Rand).

Notation: `n` tracklets, `P` people, `F` found people, `R` resamples.
"""

import dataclasses

import numpy as np
import scipy.sparse

from cosam_jax.errors import InputError
from cosam_jax.evaluation.bootstrap import RESAMPLES, SEED, drawn_people, intervals

INTERVALS_OF = (
  "pairwise_precision", "pairwise_recall", "pairwise_f", "bcubed_precision", "bcubed_recall",
  "bcubed_f",
)  # fmt: skip
"""The numbers that have intervals over people."""


@dataclasses.dataclass(frozen=True)
class Agreement:
  """The numbers; all but the counts are 0 to 1, except that the index may be below 0.

  Attributes:
    pairwise_precision: share of right pairs among the pairs of tracklets that are put together.
    pairwise_recall: share of these among the pairs of one person.
    pairwise_f: their harmonic mean.
    bcubed_precision: mean over tracklets of the share of its own person in its group, itself
      counted.
    bcubed_recall: mean over tracklets of the share of its person's tracklets in its group.
    bcubed_f: their harmonic mean.
    adjusted_rand: the adjusted Rand index: 1 for the same groups, near 0 for random ones.
    found: F, groups.
    people: P.
  """

  pairwise_precision: float
  pairwise_recall: float
  pairwise_f: float
  bcubed_precision: float
  bcubed_recall: float
  bcubed_f: float
  adjusted_rand: float
  found: int
  people: int


def agreement(people: np.ndarray, groups: np.ndarray) -> Agreement:
  """The numbers of one outcome.

  A precision without any pair is 1: nothing that was claimed is wrong.

  Args:
    people: int[n], who each tracklet shows.
    groups: int[n], the group that it was put in.

  Raises:
    InputError: there are no tracklets, or the lists have different lengths.
  """
  table, who, where = _table(people, groups)
  numbers = _numbers(_parts(table, who, where), np.ones(table.shape[1])).tolist()
  found, count = table.shape
  return Agreement(
    **dict(zip(INTERVALS_OF, numbers, strict=True)),
    adjusted_rand=_adjusted_rand(table),
    found=found,
    people=count,
  )


def agreement_intervals(
  people: np.ndarray, groups: np.ndarray, *, resamples: int = RESAMPLES, seed: int = SEED
) -> dict[str, tuple[float, float]]:
  """95% intervals of `INTERVALS_OF` over people, who are drawn whole; the groups stay as they are.

  A pair of two people who were put together counts half for each of them.

  Args:
    people, groups: as for `agreement`.
    resamples: R.
    seed: of the draws.
  """
  table, who, where = _table(people, groups)
  parts = _parts(table, who, where)
  rng = np.random.default_rng(seed)
  drawn = [_numbers(parts, weights) for weights in drawn_people(rng, table.shape[1], resamples)]
  found = intervals(np.concatenate(drawn))
  return {name: tuple(pair) for name, pair in zip(INTERVALS_OF, found.tolist(), strict=True)}


def _table(
  people: np.ndarray, groups: np.ndarray
) -> tuple[scipy.sparse.csr_array, np.ndarray, np.ndarray]:
  """(float64[F, P], tracklets of each found and true person; int[n] and int[n], their numbers)."""
  if np.shape(people) != np.shape(groups) or np.ndim(people) != 1 or not len(people):
    raise InputError(
      f"people have shape {np.shape(people)} and groups {np.shape(groups)}: give one of each for "
      "every tracklet, and at least one tracklet"
    )
  who = np.unique(people, return_inverse=True)[1]
  where = np.unique(groups, return_inverse=True)[1]
  shape = int(where.max()) + 1, int(who.max()) + 1
  ones = np.ones(len(who))
  return scipy.sparse.coo_array((ones, (where, who)), shape=shape).tocsr(), who, where


def _parts(
  table: scipy.sparse.csr_array, who: np.ndarray, where: np.ndarray
) -> tuple[np.ndarray, ...]:
  """Each float64[P]: tracklets, sums of B-cubed precision and recall, right, claimed, true pairs.

  Claimed pairs are shared between the two people that they have.
  """
  count = table.shape[1]
  groups, sizes = table.sum(axis=1), table.sum(axis=0)
  shared = np.asarray(table[where, who]).ravel()
  precision = np.bincount(who, shared / groups[where], count)
  recall = np.bincount(who, shared / sizes[who], count)
  right = np.bincount(who, (shared - 1) / 2, count)
  claimed = np.bincount(who, (groups[where] - 1) / 2, count)
  return sizes, precision, recall, right, claimed, sizes * (sizes - 1) / 2


def _numbers(parts: tuple[np.ndarray, ...], weights: np.ndarray) -> np.ndarray:
  """float64[..., 6], `INTERVALS_OF`, if each person counts as often as `weights` [..., P] says."""
  sizes, precision, recall, right, claimed, true = parts
  every = weights @ sizes
  rights = weights @ right
  pairs = [_share(rights, weights @ claimed), _share(rights, weights @ true)]
  cubed = [weights @ precision / every, weights @ recall / every]
  return np.stack([*pairs, _harmonic(*pairs), *cubed, _harmonic(*cubed)], axis=-1)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
  return np.where(whole > 0, part / np.where(whole > 0, whole, 1), 1.0)


def _harmonic(first: np.ndarray, second: np.ndarray) -> np.ndarray:
  both = first + second
  return np.where(both > 0, 2 * first * second / np.where(both > 0, both, 1), 0.0)


def _adjusted_rand(table: scipy.sparse.csr_array) -> float:
  def pairs(counts: np.ndarray) -> float:
    return float((counts * (counts - 1) / 2).sum())

  count = float(table.sum())
  together, found, true = pairs(table.data), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
  every = count * (count - 1) / 2
  expected = found * true / every if every else 0.0
  largest = (found + true) / 2
  return 1.0 if largest == expected else float((together - expected) / (largest - expected))
