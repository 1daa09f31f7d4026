"""Made-up results files that can be compared: one match a query, at a chosen place."""

import copy

import numpy as np
from results_record import RECORD

from cosam_jax.reports import results

PEOPLE = [1, 1, 1, 2, 2, 3, 4, 4, 5, 6, 7, 8]


def result(first_match, *, people=PEOPLE, split=None, **card):
  """A made-up result: one match a query, at the given place; queries with place 0 do not count."""
  places = np.array(first_match)
  scores = [None if place == 0 else 1 / int(place) for place in places]
  record = copy.deepcopy(RECORD)
  record["card"] |= {"split": split, "valid_queries": int((places > 0).sum())} | card
  record["queries"] = {
    "name": [f"q{i}" for i in range(len(places))],
    "identity": list(people),
    "average_precision": scores,
    "inverse_negative_penalty": scores,
    "first_match": places.tolist(),
  }
  return record


def drawn(seed, skill):
  """Places of the matches: the higher the skill (0..1), the nearer to 1."""
  rng = np.random.default_rng(seed)
  return np.where(rng.random(len(PEOPLE)) < skill, 1, rng.integers(2, 30, len(PEOPLE)))


def write(path, *records, seed=0):
  results.write_results(path, records, {"seed": seed})
  return path
