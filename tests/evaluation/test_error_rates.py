"""Error rates against scikit-learn's curves and slow loops, and intervals against drawn people."""

import labelled
import numpy as np
import pytest
from sklearn.metrics import det_curve, roc_curve

from cosam_jax.evaluation.comparisons import Comparisons, scores_of
from cosam_jax.evaluation.error_rates import (
  NEVER,
  bootstrapped,
  det_thresholds,
  equal_error_rate,
  operating_points,
  rates_at,
  smallest_claim,
  threshold_for,
)


@pytest.fixture(scope="module")
def drawing():
  return labelled.drawn(people=15)


@pytest.fixture(scope="module")
def comparisons(drawing):
  return Comparisons(*drawing)


@pytest.fixture(scope="module")
def lists(drawing):
  every = labelled.pairs(*drawing)
  return [np.array([far for *_, far, mated in every if mated is kind]) for kind in (True, False)]


def test_rates_are_those_of_scikit_learns_curves(comparisons, lists):
  truth = np.repeat([1, 0], [len(one) for one in lists])
  nearness = -np.concatenate(lists)
  false, true, at = roc_curve(truth, nearness, drop_intermediate=False)
  scores = comparisons.scores
  edges = scores.edges
  # A curve's point belongs to a measured distance; ours to the edge of its bin.
  found = np.searchsorted(edges, (-at[1:]).astype(np.float32))
  alone = np.append(np.diff(found) > 0, True)  # The last distance of each bin.
  fmr, fnmr = rates_at(scores, edges[found[alone]])
  np.testing.assert_allclose(fmr, false[1:][alone], atol=1e-12)
  np.testing.assert_allclose(fnmr, 1 - true[1:][alone], atol=1e-12)
  false, missed, _ = det_curve(truth, nearness)
  ours = set(zip(*(np.round(rate, 9) for rate in rates_at(scores, edges))))
  theirs = set(zip(np.round(false, 9), np.round(missed, 9)))
  assert len(theirs & ours) > 0.95 * len(theirs)  # The few others lie within a bin.


@pytest.mark.parametrize("wished", [0.5, 0.1, 0.013, 0.001, 1e-6])
def test_a_threshold_is_the_largest_that_keeps_the_wish(wished, comparisons, lists):
  mated, non_mated = lists
  threshold = threshold_for(comparisons.scores, wished)
  assert np.mean(non_mated <= threshold) <= wished
  larger = sorted(far for far in [*mated, *non_mated] if far > threshold)
  # Any larger distance that was measured, but those of the next bin, breaks the wish.
  beyond = next(far for far in larger if far > larger[0] * 1.0003)
  assert np.mean(non_mated <= beyond) > wished or threshold >= max(mated.max(), non_mated.max())


def test_two_people_who_look_the_same_leave_no_threshold():
  scores = scores_of(np.array([0.5, 1.0]), np.array([0.25, 2.0]))
  threshold = threshold_for(scores, 0.1)
  assert 0.2499 < threshold < 0.25
  assert [rate.tolist() for rate in rates_at(scores, np.array([threshold]))] == [[0.0], [1.0]]
  scores = scores_of(np.array([0.5, 1.0]), np.array([0.0, 2.0]))
  assert threshold_for(scores, 0.1) == NEVER
  assert rates_at(scores, np.array([NEVER]))[0] == 0


def test_the_equal_error_rate_is_where_both_meet(comparisons, lists):
  rate, at = equal_error_rate(comparisons.scores)
  mated, non_mated = lists
  false, missed = np.mean(non_mated <= at), np.mean(mated > at)
  assert rate == pytest.approx((false + missed) / 2)
  least = min(abs(np.mean(non_mated <= far) - np.mean(mated > far)) for far in [*mated, *non_mated])
  assert abs(false - missed) == pytest.approx(least, abs=2 / len(mated))


def test_the_curve_is_thinned_to_its_ends_and_both_tails(comparisons):
  scores = comparisons.scores
  every, few = det_thresholds(scores, 10**6), det_thresholds(scores, 40)
  np.testing.assert_array_equal(every, scores.edges)
  assert len(few) <= 42 < len(every)
  assert set(few) <= set(every)
  assert (few[0], few[-1]) == (every[0], every[-1])
  fmr, fnmr = rates_at(scores, few)
  assert (np.diff(fmr) >= 0).all()
  assert (np.diff(fnmr) <= 0).all()
  # No two neighbours are far apart on the logarithmic axis of the rate.
  assert (np.diff(np.log10(fmr[fmr > 0])) < 1).all()
  assert (np.diff(np.log10(fnmr[fnmr > 0])) > -1).all()


def test_the_rule_of_three():
  assert smallest_claim(3000) == 0.001
  assert smallest_claim(2) == 1.0


def test_intervals_are_those_of_people_drawn_one_by_one(drawing, comparisons):
  vectors, people, cameras = drawing
  threshold = np.float32(threshold_for(comparisons.scores, 0.05))
  every = labelled.pairs(vectors, people, cameras)
  names = sorted(set(people))
  rng = np.random.default_rng(5)
  slow = []
  for _ in range(400):
    drawn = rng.choice(names, len(names))
    weight = {name: int((drawn == name).sum()) for name in names}
    false = all_false = missed = all_mated = 0
    for i, j, far, mated in every:
      if mated:
        all_mated += weight[people[i]]
        missed += weight[people[i]] * (far > threshold)
      else:
        both = weight[people[i]] * weight[people[j]]
        all_false += both
        false += both * (far <= threshold)
    slow.append((false / all_false, missed / all_mated))
  wanted = np.quantile(slow, [0.025, 0.975], axis=0).T
  fast = bootstrapped(comparisons.counts(np.array([threshold])), resamples=4000)
  for found, want in zip(fast, wanted):
    width = want[1] - want[0]
    np.testing.assert_allclose(found[0], want, atol=0.15 * width)


def test_points_are_measured_at_their_thresholds(comparisons, lists):
  mated, non_mated = lists
  points = operating_points(comparisons, (0.1, 0.01), least_mated=1, resamples=200)
  for point in points:
    assert point.fmr == pytest.approx(np.mean(non_mated <= point.threshold))
    assert point.fnmr == pytest.approx(np.mean(mated > point.threshold))
    assert point.fmr <= point.wished_fmr
    for rate, pair in ((point.fmr, point.fmr_interval), (point.fnmr, point.fnmr_interval)):
      assert pair[0] <= rate <= pair[1]
    whole = [sum(pair[name] for pair in point.camera_pairs) for name in ("mated", "non_mated")]
    assert whole == [len(mated), len(non_mated)]
    errors = sum(pair["fmr"] * pair["non_mated"] for pair in point.camera_pairs)
    assert errors == pytest.approx(point.fmr * len(non_mated))
  assert [point.supported for point in points] == [True, False]  # 105 pairs of people.
  fewer = operating_points(comparisons, (0.1,), least_mated=30, resamples=200)[0].camera_pairs
  assert all(pair["mated"] >= 30 for pair in fewer)
  assert len(fewer) < len(points[0].camera_pairs)


def test_given_thresholds_are_not_moved(comparisons, lists):
  (point,) = operating_points(comparisons, (0.001,), thresholds=[4.0], resamples=200)
  assert point.threshold == 4.0
  assert point.fmr == pytest.approx(np.mean(lists[1] <= 4.0), abs=2e-3)
