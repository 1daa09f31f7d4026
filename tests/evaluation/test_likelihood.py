"""Likelihood ratios against scikit-learn's isotonic regression, and against known densities."""

import labelled
import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from cosam_jax.evaluation.comparisons import Comparisons, scores_of
from cosam_jax.evaluation.likelihood import likelihood_ratios, probability, ratio_of


def test_steps_are_those_of_scikit_learns_isotonic_regression():
  scores = Comparisons(*labelled.drawn()).scores
  edges, ratios = likelihood_ratios(scores)
  assert (np.diff(edges) > 0).all()
  assert (np.diff(ratios) < 0).all()
  assert ratios.min() > 0
  assert np.isfinite(ratios).all()
  x = np.concatenate([[-1.0], scores.edges, [1e9]])
  mated = np.concatenate([[0], scores.mated, [1]])
  non_mated = np.concatenate([[1], scores.non_mated, [0]])
  every = mated + non_mated
  theirs = IsotonicRegression(increasing=False).fit(x, mated / every, sample_weight=every)
  prior = mated.sum() / every.sum()
  for edge in scores.edges[:-1]:
    ours = probability(ratio_of(float(edge), edges.tolist(), ratios.tolist()), prior)
    assert ours == pytest.approx(float(theirs.predict([edge])[0]), rel=1e-6)
  assert ratio_of(1e30, edges.tolist(), ratios.tolist()) == ratios[-1]
  assert ratio_of(0.0, edges.tolist(), ratios.tolist()) == ratios[0]


def test_the_ratio_of_two_known_densities_is_found():
  rng = np.random.default_rng(0)
  # Exponential densities of means 1 and 4: their ratio at x is 4 exp(-x) / exp(-x / 4).
  scores = scores_of(rng.exponential(1, 200_000), rng.exponential(4, 400_000))
  edges, ratios = likelihood_ratios(scores)
  for far in (0.3, 1.0, 2.0, 4.0):
    found = ratio_of(far, edges.tolist(), ratios.tolist())
    assert found == pytest.approx(4 * np.exp(-0.75 * far), rel=0.1)


def test_distances_that_never_meet_are_not_certain():
  scores = scores_of(np.array([1.0, 2.0, 3.0]), np.array([10.0, 11.0, 12.0]))
  edges, ratios = likelihood_ratios(scores)
  near, far = (ratio_of(at, edges.tolist(), ratios.tolist()) for at in (2.0, 11.0))
  assert near == pytest.approx(3.0)  # Three mated and the imagined non-mated one.
  assert far == pytest.approx(1 / 3)


@pytest.mark.parametrize(
  ("ratio", "prior", "wanted"), [(1, 0.2, 0.2), (4, 0.5, 0.8), (9, 0.1, 0.5)]
)
def test_a_prior_is_turned_by_the_ratio(ratio, prior, wanted):
  assert probability(ratio, prior) == pytest.approx(wanted)
