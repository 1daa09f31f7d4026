"""Intervals and tests against slow loops, enumeration, and people drawn from a known world."""

import itertools

import numpy as np
import pytest

from cosam_jax.evaluation import bootstrap


def drawn(seed=0, people=9, metrics=2):
  """Queries of some people, one to four each."""
  rng = np.random.default_rng(seed)
  identities = np.repeat(rng.permutation(people) * 7, rng.integers(1, 5, people))
  return rng.random((len(identities), metrics)), identities


def test_resampled_means_equal_a_slow_loop():
  values, identities = drawn()
  people = sorted(set(identities.tolist()))
  found = bootstrap.means_of_people(values, identities, resamples=40, seed=3)
  times = np.random.default_rng(3).multinomial(
    len(people), np.full(len(people), 1 / len(people)), 40
  )
  for row, drawn_times in zip(found, times):
    queries = []
    for person, count in zip(people, drawn_times):
      for _ in range(count):
        queries += [values[q] for q in range(len(values)) if identities[q] == person]
    np.testing.assert_allclose(row, np.mean(queries, axis=0))


@pytest.mark.parametrize("measure", [bootstrap.means_of_people, bootstrap.sign_flip_p])
def test_draws_are_repeatable_and_may_come_in_blocks(measure, monkeypatch):
  values, identities = drawn()
  values -= values.mean(axis=0) - 0.1
  options = {"resamples": 100}  # Fewer than the 2^9 signs of nine people.
  whole = measure(values, identities, **options)
  for rows in (7, 50, 99, 100):
    monkeypatch.setattr(bootstrap, "_AT_A_TIME", rows)
    np.testing.assert_allclose(measure(values, identities, **options), whole, rtol=1e-12)
  assert not np.allclose(measure(values, identities, **options, seed=1), whole)


def test_intervals_cover_what_they_promise():
  """300 worlds whose true mean is known; queries of a person agree with each other."""
  rng = np.random.default_rng(0)
  inside = 0
  for world in range(300):
    skill = np.clip(rng.normal(0.6, 0.2, 60), 0, 1)
    identities = np.repeat(np.arange(60), 5)
    values = (rng.random(300) < skill[identities])[:, None].astype(float)
    low, high = bootstrap.intervals(
      bootstrap.means_of_people(values, identities, resamples=400, seed=world)
    )[0]
    inside += low <= 0.598 <= high  # The mean of the clipped normal.
  assert 0.9 <= inside / 300 <= 0.985


def test_queries_of_one_person_are_not_taken_for_many():
  rng = np.random.default_rng(1)
  per_person = rng.random(20)
  one = bootstrap.intervals(bootstrap.means_of_people(per_person[:, None], np.arange(20)))
  ten = bootstrap.intervals(
    bootstrap.means_of_people(np.repeat(per_person, 10)[:, None], np.repeat(np.arange(20), 10))
  )
  np.testing.assert_allclose(one, ten)


def slow_p(differences, identities):
  people = sorted(set(identities.tolist()))
  observed = abs(sum(differences))
  reached = 0
  for signs in itertools.product([1, -1], repeat=len(people)):
    sign = dict(zip(people, signs))
    total = sum(sign[i] * d for i, d in zip(identities.tolist(), differences))
    reached += abs(total) >= observed - 1e-12
  return reached / 2 ** len(people)


@pytest.mark.parametrize("seed", range(4))
def test_p_equals_enumeration(seed):
  values, identities = drawn(seed)
  differences = values - 0.4
  exact = bootstrap.sign_flip_p(differences, identities)
  wanted = [slow_p(column, identities) for column in differences.T]
  np.testing.assert_allclose(exact, wanted)
  near = bootstrap.sign_flip_p(differences, identities, resamples=500, seed=1)  # Not all 2^9.
  np.testing.assert_allclose(near, wanted, atol=0.08)
  assert (near > 0).all()


def test_p_is_one_without_a_difference_and_small_with_a_sure_one():
  identities = np.repeat(np.arange(40), 2)
  assert bootstrap.sign_flip_p(np.zeros((80, 1)), identities)[0] == 1
  assert bootstrap.sign_flip_p(np.full((80, 1), 0.1), identities)[0] == pytest.approx(1 / 10001)


def test_p_is_uniform_where_nothing_differs():
  rng = np.random.default_rng(2)
  found = [
    bootstrap.sign_flip_p(rng.standard_normal((12, 1)), np.arange(12), resamples=5000)[0]
    for _ in range(400)
  ]
  assert np.mean(np.array(found) < 0.05) == pytest.approx(0.05, abs=0.03)
  assert np.mean(found) == pytest.approx(0.5, abs=0.05)


def test_drawing_runs_too_equals_a_slow_loop_and_widens_the_interval():
  rng = np.random.default_rng(4)
  _, identities = drawn(4)
  count = len(identities)
  first = rng.random((3, count, 1)) + rng.normal(0, 0.3, (3, 1, 1))
  second = rng.random((2, count, 1))
  found = bootstrap.differences_of_people_and_runs(first, second, identities, resamples=5, seed=6)
  again = np.random.default_rng(6)
  people = sorted(set(identities.tolist()))
  weights = again.multinomial(len(people), np.full(len(people), 1 / len(people)), 5)
  runs = [again.multinomial(s, np.full(s, 1 / s), 5) for s in (3, 2)]
  for r in range(5):
    means = []
    for side, times in zip((first, second), runs):
      total = queries = 0.0
      for run, how_often in zip(side, times[r]):
        for value, identity in zip(run[:, 0], identities):
          weight = how_often * weights[r][people.index(identity)]
          total, queries = total + weight * value, queries + weight
      means.append(total / queries)
    assert found[r, 0] == pytest.approx(means[0] - means[1])
  both = bootstrap.intervals(bootstrap.differences_of_people_and_runs(first, second, identities))[0]
  only = bootstrap.intervals(
    bootstrap.means_of_people(first.mean(axis=0) - second.mean(axis=0), identities)
  )[0]
  assert both[1] - both[0] > only[1] - only[0]


def test_record_leaves_out_queries_that_do_not_count():
  scores = bootstrap.query_scores(
    [0.5, None, 1.0, 0.25], [2, 0, 1, 9], [0.4, None, 1.0, 0.2], (1, 5)
  )
  assert list(scores) == ["mAP", "Rank-1", "Rank-5", "mINP"]
  np.testing.assert_array_equal(scores["Rank-5"], [1, np.nan, 1, 0])
  record = bootstrap.interval_record(scores, np.array([4, 4, 5, 6]), resamples=200)
  assert record["identities"] == 3
  assert record["intervals"]["mAP"][0] < np.mean([0.5, 1, 0.25]) < record["intervals"]["mAP"][1]
  assert record["level"] == 0.95
  assert "query identities" in record["method"]
