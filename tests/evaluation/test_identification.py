"""Open-set searches against loops over probes and enrolled people."""

import labelled
import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.evaluation import comparisons as module
from cosam_jax.evaluation.comparisons import Comparisons
from cosam_jax.evaluation.identification import open_set_searches

SEED, DRAWS = 4, 3


def slow_searches(drawing, kind, compared):
  """((person, distance, rank) of mated searches, (person, nearest) of non-mated ones)."""
  vectors, people, cameras = drawing
  names = sorted(set(people))
  rng = np.random.default_rng(SEED)
  mated, non_mated = [], []
  for _ in range(DRAWS):
    enrolled = [names[i] for i in rng.permutation(len(names))[: (len(names) + 1) // 2]]
    for probe in range(len(vectors)):
      nearest = {}
      for other in range(len(vectors)):
        if other == probe or people[other] not in enrolled:
          continue
        if compared == "other_cameras" and cameras[other] == cameras[probe]:
          continue
        far = np.float32(labelled.distance(vectors[probe], vectors[other], kind))
        nearest[people[other]] = min(far, nearest.get(people[other], np.inf))
      who = people[probe]
      if who in enrolled and who in nearest:
        rank = sum(far <= nearest[who] for far in nearest.values())
        mated.append((names.index(who), float(nearest[who]), rank))
      elif who not in enrolled and nearest:
        non_mated.append((names.index(who), float(min(nearest.values()))))
  return sorted(mated), sorted(non_mated)


@pytest.mark.parametrize("at_a_time", [1 << 22, 7])
@pytest.mark.parametrize("compared", ["other_cameras", "all"])
def test_searches_are_those_of_a_loop(compared, at_a_time, monkeypatch):
  monkeypatch.setattr(module, "_AT_A_TIME", at_a_time)
  drawing = labelled.drawn(people=9)
  made = Comparisons(*drawing, compared=compared)
  found = open_set_searches(made, draws=DRAWS, seed=SEED)
  mated, non_mated = slow_searches(drawing, "sqeuclidean", compared)
  ours = sorted(zip(found.mated_people, found.mated_distances, found.mated_ranks))
  np.testing.assert_allclose(ours, mated, rtol=1e-5)
  ours = sorted(zip(found.non_mated_people, found.nearest))
  np.testing.assert_allclose(ours, non_mated, rtol=1e-5)
  assert (found.enrolled, found.num_people) == (5, 9)
  for threshold, rank in ((1.0, 1), (3.0, 2), (30.0, 3)):
    assert found.fpir(threshold) == np.mean([far <= threshold for _, far in non_mated])
    missed = [far > threshold or place > rank for _, far, place in mated]
    assert found.fnir(threshold, rank) == np.mean(missed)
  for wished in (0.3, 0.1):
    threshold = found.threshold_for(wished)
    assert found.fpir(threshold) <= wished < found.fpir(1.1 * threshold + 0.2)


def test_intervals_hold_the_rates_and_are_those_of_drawn_people():
  made = Comparisons(*labelled.drawn(people=14))
  found = open_set_searches(made)
  threshold = found.threshold_for(0.2)
  pairs = found.intervals(threshold, (1, 3), resamples=2000)
  rates = [found.fpir(threshold), found.fnir(threshold, 1), found.fnir(threshold, 3)]
  assert all(low <= rate <= high for rate, (low, high) in zip(rates, pairs))
  rng = np.random.default_rng(1)
  slow = []
  for _ in range(1000):
    weights = np.bincount(rng.integers(0, 14, 14), minlength=14)
    wrong = (found.nearest <= np.float32(threshold)) * weights[found.non_mated_people]
    slow.append(wrong.sum() / weights[found.non_mated_people].sum())
  wanted = np.quantile(slow, [0.025, 0.975])
  np.testing.assert_allclose(pairs[0], wanted, atol=0.1 * (wanted[1] - wanted[0]))


def test_the_same_seed_gives_the_same_searches():
  made = Comparisons(*labelled.drawn())
  first, again, other = (open_set_searches(made, seed=seed) for seed in (0, 0, 1))
  np.testing.assert_array_equal(first.nearest, again.nearest)
  assert not np.array_equal(first.mated_people, other.mated_people)


def test_without_searches_of_both_kinds_there_are_no_rates():
  # Person 2 and person 1 never meet a camera of each other's.
  vectors = np.arange(8.0, dtype=np.float32).reshape(4, 2)
  made = Comparisons(vectors, np.array([1, 1, 2, 2]), np.array([1, 1, 1, 1]))
  with pytest.raises(InputError, match="2 people are too few to enrol half of them"):
    open_set_searches(made)


def test_draws_without_a_search_have_no_rate():
  # One person of 40 is seen by two cameras, so that many draws have no mated search.
  people, cameras = np.append(np.arange(40), 0), np.append(np.arange(40) % 2, 1)
  vectors = np.random.default_rng(0).standard_normal((41, 4)).astype(np.float32)
  found = open_set_searches(Comparisons(vectors, people, cameras), draws=20)
  assert set(found.mated_people) == {0}
  assert found.fnir(0.0, 1) == 1.0
  of_fpir, of_fnir = found.intervals(0.0, (1,), resamples=500)
  assert np.isfinite(of_fpir).all()
  assert np.isnan(of_fnir).all()
  # Of five such people few draws have none, and those that have some are all wrong.
  people, cameras = (
    np.append(np.arange(40), range(5)),
    np.append(np.arange(40) % 2, [1, 0] * 2 + [1]),
  )
  vectors = np.random.default_rng(0).standard_normal((45, 4)).astype(np.float32)
  found = open_set_searches(Comparisons(vectors, people, cameras), draws=20)
  np.testing.assert_array_equal(found.intervals(0.0, (1,), resamples=500)[1], [1, 1])


def test_of_equally_near_people_the_person_comes_last():
  # All are at one place, so that each person is as near as every other.
  people, cameras = np.repeat(np.arange(6), 2), np.tile([0, 1], 6)
  found = open_set_searches(Comparisons(np.ones((12, 3), np.float32), people, cameras))
  assert found.enrolled == 3
  np.testing.assert_array_equal(found.mated_ranks, 3)
  assert (found.fnir(1.0, 2), found.fnir(1.0, 3)) == (1.0, 0.0)
