"""The folder for numbers of saved vectors: the one asked for, or one in it if it is taken."""

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from cosam_jax.experiment.evaluated_set import may_be_same
from cosam_jax.experiment.evaluation_names import (
  counted,
  facts_of,
  name_of,
  results_in,
  subject_of,
)
from cosam_jax.reports.results import EVALUATIONS
from cosam_jax.training.checkpoints import BEST, LAST

SENSITIVITY = "sensitivity.json"


def place_of_results(
  place: pathlib.Path, records: Sequence[Mapping[str, Any]], about: Mapping[str, Any]
) -> pathlib.Path:
  """The folder for results of saved vectors: `place`, unless that holds a run or other results.

  Args:
    place: the folder that was asked for.
    records: the results, from `Result.record`.
    about: the facts about their run.
  """
  there = results_in(place)
  is_run = any((place / name).exists() for name in (LAST, BEST, "config.json"))
  if not is_run and (there is None or _same_results(there, records, about)):
    return place
  return place / EVALUATIONS / name_of(subject_of(records, about))


def place_of_sensitivity(
  place: pathlib.Path, records: Sequence[Mapping[str, Any]], about: Mapping[str, Any]
) -> pathlib.Path:
  """The folder for `sensitivity.json`: `place`, unless that has one of other embeddings."""
  there = results_in(place, SENSITIVITY)
  if there is None or _same_embeddings(there, records, about):
    return place
  return place / EVALUATIONS / name_of(subject_of(records[:1], about))


def _same_embeddings(
  there: Mapping[str, Any], records: Sequence[Mapping[str, Any]], about: Mapping[str, Any]
) -> bool:
  names = ("dataset", "split", "num_frames", "checkpoint_hash")
  both = []
  for ones in (there["results"], records):
    card = ones[0]["card"]
    both.append([*map(card.get, names), facts_of(card)["flip"], counted(ones)])
  return both[0] == both[1] and may_be_same(there["run"].get("test_set"), about.get("test_set"))


def _same_results(
  there: Mapping[str, Any], records: Sequence[Mapping[str, Any]], about: Mapping[str, Any]
) -> bool:
  def what(records: Sequence[Mapping[str, Any]]) -> str:
    names = ("checkpoint_hash", "reranking", "attribute", "attribute_gallery")
    cards = [
      facts_of(record["card"]) | {name: record["card"].get(name) for name in names}
      for record in records
    ]
    return json.dumps([cards, counted(records)], sort_keys=True)

  same = what(there["results"]) == what(records)
  return same and may_be_same(there["run"].get("test_set"), about.get("test_set"))
