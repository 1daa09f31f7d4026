"""Estimates how much a result would vary with other people as queries.

Queries of one person succeed and fail together, so people are drawn, not queries: the clustered
(percentile) bootstrap, and a test that exchanges two methods person by person. Both only use the
given queries; the variation between training runs enters only if several runs are given. With a
dozen people, an interval covers the true value less often than its level says.

Sources: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 8, 13 and 15;
Field and Welsh, "Bootstrapping clustered data", 2007 (clusters drawn whole).

Notation: `Q` queries that count, `C` people among them, `M` metrics, `R` resamples, `S` runs.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

RESAMPLES = 10_000
LEVEL = 0.95
SEED = 0
METHOD = "percentile bootstrap over query identities, drawn whole"
TEST = "two-sided sign-flip permutation over query identities"
_AT_A_TIME = 500


def query_scores(
  average_precision: Sequence[float | None] | np.ndarray,
  first_match: Sequence[int] | np.ndarray,
  inverse_negative_penalty: Sequence[float | None] | np.ndarray,
  ranks: Sequence[int],
) -> dict[str, np.ndarray]:
  """Scores of each query: a metric is the mean of its scores over queries that count.

  Args:
    average_precision: [Q]; None or nan if the query does not count.
    first_match: [Q], the place of the first match, from 1; 0 if the query does not count.
    inverse_negative_penalty: [Q], like `average_precision`.
    ranks: the k of each Rank-k.

  Returns:
    name -> float64[Q], nan if the query does not count: mAP, Rank-k for each k, mINP.
  """
  places = np.asarray(first_match)
  shares = {f"Rank-{k}": np.where(places > 0, places <= k, np.nan) for k in ranks}
  return {
    "mAP": np.array(average_precision, np.float64),
    **shares,
    "mINP": np.array(inverse_negative_penalty, np.float64),
  }


def interval_record(
  scores: Mapping[str, np.ndarray], identities: np.ndarray, resamples: int = RESAMPLES
) -> dict[str, Any]:
  """Intervals of every metric as plain values, with the settings needed to make them again.

  Args:
    scores: from `query_scores`.
    identities: int[Q], the person of each query.
    resamples: R.
  """
  values = np.stack(list(scores.values()), axis=1)
  counts = ~np.isnan(values).any(axis=1)
  people = np.asarray(identities)[counts]
  found = intervals(means_of_people(values[counts], people, resamples=resamples))
  return {
    "method": METHOD,
    "level": LEVEL,
    "resamples": resamples,
    "seed": SEED,
    "identities": len(np.unique(people)),
    "intervals": {name: pair.tolist() for name, pair in zip(scores, found)},
  }


def means_of_people(
  values: np.ndarray, identities: np.ndarray, *, resamples: int = RESAMPLES, seed: int = SEED
) -> np.ndarray:
  """Means over all queries of C people drawn with replacement, R times.

  Args:
    values: float[Q, M], a query's share in each metric.
    identities: int[Q], the person of each query.
    resamples: R, at least 1.
    seed: the same seed gives the same draws for the same number of people.

  Returns:
    float64[R, M].
  """
  sums, counts = _by_person(values, identities)
  parts = [
    (weights @ sums) / (weights @ counts)[:, None]
    for weights in drawn_people(np.random.default_rng(seed), len(counts), resamples)
  ]
  return np.concatenate(parts)


def differences_of_people_and_runs(
  first: np.ndarray,
  second: np.ndarray,
  identities: np.ndarray,
  *,
  resamples: int = RESAMPLES,
  seed: int = SEED,
) -> np.ndarray:
  """Differences of the means if the runs of both sides are drawn too, not only the people.

  Args:
    first: float[S, Q, M], the queries' shares in each run of one side.
    second: float[S', Q, M].
    identities: int[Q], the person of each query.
    resamples: R.
    seed: of the draws.

  Returns:
    float64[R, M], first less second.
  """
  rng = np.random.default_rng(seed)
  sides = [
    np.stack([_by_person(run, identities)[0] for run in side]) for side in (first, second)
  ]  # float[S, C, M]
  counts = _by_person(first[0], identities)[1]
  parts = []
  for weights in drawn_people(rng, len(counts), resamples):
    total = 0.0
    for sign, sums in zip((1, -1), sides):
      runs = rng.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), len(weights))
      total = total + sign * np.einsum(
        "rs,rc,scm->rm", runs / len(sums), weights, sums, optimize=True
      )
    parts.append(total / (weights @ counts)[:, None])
  return np.concatenate(parts)


def intervals(samples: np.ndarray, level: float = LEVEL) -> np.ndarray:
  """float64[M, 2]: the quantiles of float[R, M] between which `level` of the samples lie."""
  tail = (1 - level) / 2
  return np.quantile(samples, [tail, 1 - tail], axis=0).T


def sign_flip_p(
  differences: np.ndarray,
  identities: np.ndarray,
  *,
  resamples: int = RESAMPLES,
  seed: int = SEED,
) -> np.ndarray:
  """The share of random signs, one for each person, that give a difference at least as large.

  If two methods were equally good, each person's differences might as well have the other sign.
  With few people, all 2^C combinations of signs are tried. With more, R are drawn, and the observed
  one is counted among them, so that p is never 0.

  Args:
    differences: float[Q, M], one method's share less the other's.
    identities: int[Q], the person of each query.
    resamples: R.
    seed: of the draws.

  Returns:
    float64[M], two-sided p-values.
  """
  sums, _ = _by_person(differences, identities)
  people = len(sums)
  observed = np.abs(sums.sum(axis=0))
  # A sum in another order may differ in its last digit, and still counts as equally large.
  bar = observed - 1e-9 * np.maximum(np.abs(sums).sum(axis=0), 1e-300)
  if 2**people <= resamples:
    signs = 1.0 - 2.0 * (np.arange(2**people)[:, None] >> np.arange(people) & 1)
    return np.mean(np.abs(signs @ sums) >= bar, axis=0)
  rng = np.random.default_rng(seed)
  reached = np.zeros(sums.shape[1])
  for start in range(0, resamples, _AT_A_TIME):
    count = min(_AT_A_TIME, resamples - start)
    signs = 2.0 * rng.integers(0, 2, (count, people)) - 1.0
    reached += np.sum(np.abs(signs @ sums) >= bar, axis=0)
  return (reached + 1) / (resamples + 1)


def _by_person(values: np.ndarray, identities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """float64[C, M], the sums of each person's queries, and float64[C], their numbers."""
  values = np.asarray(values, np.float64)
  people, rows = np.unique(identities, return_inverse=True)
  sums = np.zeros((len(people), values.shape[1]))
  np.add.at(sums, rows, values)
  return sums, np.bincount(rows).astype(np.float64)


def drawn_people(rng: np.random.Generator, people: int, resamples: int) -> Iterator[np.ndarray]:
  """Yields blocks float64[r, C], how often each person is drawn, with R rows in all.

  Args:
    rng: draws them.
    people: C, drawn with replacement.
    resamples: R.
  """
  for start in range(0, resamples, _AT_A_TIME):
    count = min(_AT_A_TIME, resamples - start)
    yield rng.multinomial(people, np.full(people, 1 / people), count).astype(np.float64)
