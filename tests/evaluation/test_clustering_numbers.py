"""Agreement of groups with people, against slow loops over pairs and against scikit-learn."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from cosam_jax.errors import InputError
from cosam_jax.evaluation.clustering_numbers import INTERVALS_OF, agreement, agreement_intervals


def slow(people, groups):
  """The definitions, a loop over all pairs of tracklets."""
  pairs = list(itertools.combinations(range(len(people)), 2))
  same = [people[i] == people[j] for i, j in pairs]
  together = [groups[i] == groups[j] for i, j in pairs]
  right = sum(map(lambda a, b: a and b, same, together))
  cubed = []
  for i in range(len(people)):
    mine = {j for j in range(len(people)) if people[j] == people[i]}
    around = {j for j in range(len(people)) if groups[j] == groups[i]}
    cubed.append((len(mine & around) / len(around), len(mine & around) / len(mine)))
  p, r = np.mean(cubed, axis=0)
  return (right / sum(together), right / sum(same), p, r)


@pytest.fixture
def drawn():
  rng = np.random.default_rng(3)
  people = rng.integers(0, 9, 60) * 5 + 2
  groups = np.where(rng.random(60) < 0.6, people, rng.integers(100, 112, 60))
  return people, groups


def test_the_numbers_are_those_of_a_loop(drawn):
  found = agreement(*drawn)
  p, r, bp, br = slow(*drawn)
  assert found.pairwise_precision == pytest.approx(p)
  assert found.pairwise_recall == pytest.approx(r)
  assert found.pairwise_f == pytest.approx(2 * p * r / (p + r))
  assert found.bcubed_precision == pytest.approx(bp)
  assert found.bcubed_recall == pytest.approx(br)
  assert found.bcubed_f == pytest.approx(2 * bp * br / (bp + br))
  assert (found.found, found.people) == (len({*drawn[1].tolist()}), 9)
  assert found.adjusted_rand == pytest.approx(adjusted_rand_score(*drawn))


@pytest.mark.parametrize(
  ("people", "groups"), [([1, 1, 2], [4, 4, 9]), ([1], [0]), ([1, 1, 1], [0, 0, 0])]
)
def test_the_same_groups_are_perfect(people, groups):
  found = agreement(np.array(people), np.array(groups))
  assert found.bcubed_f == found.pairwise_f == found.adjusted_rand == 1


def test_nobody_put_together_claims_nothing_wrong():
  found = agreement(np.array([1, 1, 2]), np.array([0, 1, 2]))
  assert (found.pairwise_precision, found.pairwise_recall, found.pairwise_f) == (1, 0, 0)
  assert found.bcubed_precision == 1
  assert found.bcubed_recall == pytest.approx((0.5 + 0.5 + 1) / 3)


def test_intervals_draw_people_whole(drawn):
  """Against a loop that draws people with the same numbers and sums over their tracklets."""
  people, groups = drawn
  found = agreement_intervals(people, groups, resamples=200)
  rng, names = np.random.default_rng(0), np.unique(people)
  draws = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), 200)
  values = []
  for draw in draws:
    times = dict(zip(names.tolist(), draw.tolist(), strict=True))
    weight = np.array([times[person] for person in people.tolist()], float)
    shares = []
    for i in range(len(people)):
      around, mine = groups == groups[i], people == people[i]
      shares.append(((around & mine).sum() / around.sum(), (around & mine).sum() / mine.sum()))
    values.append(weight @ np.array(shares) / weight.sum())
  of_precision, of_recall = np.quantile(np.array(values), [0.025, 0.975], axis=0).T
  assert found["bcubed_precision"] == pytest.approx(of_precision.tolist(), abs=1e-9)
  assert found["bcubed_recall"] == pytest.approx(of_recall.tolist(), abs=1e-9)
  whole = agreement(people, groups)
  for name in INTERVALS_OF:
    assert found[name][0] <= getattr(whole, name) <= found[name][1]


def test_lists_that_do_not_fit_are_refused():
  with pytest.raises(InputError, match=r"people have shape \(2,\) and groups \(3,\)"):
    agreement(np.zeros(2), np.zeros(3))
  with pytest.raises(InputError, match="at least one tracklet"):
    agreement(np.zeros(0), np.zeros(0))
