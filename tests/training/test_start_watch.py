"""A training that stays where it began gets a warning; all others get none."""

import math

import numpy as np
import pytest

from cosam_jax.training.start_watch import StartWatch

CHANCE = math.log(150)


def said(entropies, triplets, margin=0.3, first_step=1):
  watch = StartWatch(150, margin)
  values = zip(np.broadcast_to(entropies, 600), np.broadcast_to(triplets, 600), strict=True)
  words = [
    (step, watch(step, {"cross_entropy": entropy, "triplet": triplet, "loss": math.nan}))
    for step, (entropy, triplet) in enumerate(values, first_step)
  ]
  return [(step, text) for step, text in words if text is not None]


def test_at_chance_with_the_triplet_at_its_margin():
  ((step, text),) = said(CHANCE + np.sin(np.arange(600)) / 50, 0.31)
  assert step == 250
  assert "cross-entropy over the last 100 steps is 5.01, and guessing gives 5.01" in text
  assert "at its margin (0.31)" in text
  assert "--config.loss.triplet_weight=0.1" in text


@pytest.mark.parametrize(("triplet", "margin"), [(1.5, 0.3), (0.0, 0.0), (3.7, 0.0)])
def test_at_chance_for_another_reason(triplet, margin):
  ((_, text),) = said(CHANCE, triplet, margin)
  assert "triplet" not in text
  assert "optim.learning_rate" in text


def test_worse_than_guessing_counts():
  assert len(said(CHANCE + 1, 0.3)) == 1


def test_a_fall_that_came_late_is_enough():
  """Nothing is said if the last hundred steps are better, whatever came before."""
  assert said(np.where(np.arange(600) < 150, CHANCE + 2, 0.95 * CHANCE), 0.3) == []
  # Nor if a good start ends in guessing.
  assert said(np.where(np.arange(600) < 300, 0.95 * CHANCE, CHANCE), 0.3) == []


def test_a_resumed_run_is_looked_at_anew():
  ((step, _),) = said(CHANCE, 0.3, first_step=401)
  assert step == 650
