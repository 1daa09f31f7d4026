"""Rates that too few people support are said, with the flags for those that they do support."""

import dataclasses

import labelled

from cosam_jax.evaluation.calibration import Wishes, calibrate
from cosam_jax.experiment.calibration_doubts import warnings_of

WISHES = Wishes(fmr=(0.2,), fpir=(0.9,), rank=3, resamples=10)


def said(people=12, **changes):
  """The warnings about twelve people (66 pairs of people, six of whom are enrolled)."""
  made = labelled.embeddings(labelled.drawn(people=people))
  wishes = dataclasses.replace(WISHES, **changes)
  return " ".join(warnings_of(calibrate(made, "sqeuclidean", wishes)))


def test_rates_that_are_supported_bring_no_doubt():
  assert said() == ""


def test_rates_of_pairs_that_few_people_cannot_support():
  assert (
    "cannot support a false match rate of 0.02 or 0.001: by the rule of 3 the smallest is "
    in (sentence := said(fmr=(0.2, 0.02, 0.001)))
  )
  assert "the smallest is 0.045; give --fmr=0.05, or more people" in sentence
  assert "the smallest is 1; give more people" in said(people=3, fmr=(0.2,))


def test_rates_of_searches_that_few_people_cannot_support():
  sentence = said(fpir=(0.6, 0.4, 0.1), rank=6)
  assert "6 people who are not enrolled cannot support a false positive id" in sentence
  assert "rate of 0.4 or 0.1: by the rule of 3 the smallest is 0.5; give --fpir=0.5, or" in sentence
  assert "is beyond the" not in sentence
  sentence = said(fpir=(0.5,), rank=7)
  assert "not enrolled" not in sentence
  assert "rank 7 is beyond the 6 people who are enrolled" in sentence
