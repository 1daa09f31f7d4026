"""The subject of an evaluation, from its results, and the name of its folder."""

import hashlib
import json
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from cosam_jax.errors import InputError
from cosam_jax.reports.results import read_results

CARD = ("dataset", "split", "protocol", "distance", "num_frames", "flip")
"""Names of a card's facts that identify an evaluation."""
_BEFORE = {"flip": False}  # For cards that are older than the fact.


def results_in(folder: pathlib.Path, name: str = "results.json") -> Mapping[str, Any] | None:
  """The results in a folder; None if there are none that can be read."""
  try:
    content = read_results(folder / name)
    return content if content["results"][0]["card"] is not None else None
  except (InputError, KeyError, IndexError, TypeError):
    return None


def facts_of(card: Mapping[str, Any]) -> dict[str, Any]:
  """The facts of a card that identify its evaluation."""
  return {name: card.get(name, _BEFORE.get(name)) for name in CARD}


def subject_of(records: Sequence[Mapping[str, Any]], about: Mapping[str, Any]) -> dict[str, Any]:
  """The subject of results: the facts that identify their evaluation.

  Args:
    records: the results, from `Result.record`.
    about: the facts about their run.
  """
  card = records[0]["card"]
  others = [record["card"].get(name) for record in records for name in ("reranking", "attribute")]
  subject = facts_of(card)
  subject |= {"weights": card.get("checkpoint") or "weights", "hash": card.get("checkpoint_hash")}
  return {**subject, "others": others, "test set": [*counted(records), about.get("test_set")]}


def counted(records: Sequence[Mapping[str, Any]]) -> list[Any]:
  """The facts about the test set in the first of some results."""
  card, queries = records[0]["card"], records[0].get("queries", {})
  return [card.get("gallery_size"), card.get("frames_used"), queries.get("name")]


def words_of(subject: Mapping[str, Any]) -> str:
  """A subject for people, such as "mars, official, step 240"."""
  split = f" split {subject['split']}" if subject["split"] is not None else ""
  flip = ", with mirror images" if subject["flip"] else ""
  return f"{subject['dataset']}{split}, {subject['protocol']}, {subject['weights']}{flip}"


def name_of(subject: Mapping[str, Any]) -> str:
  """A folder's name, such as "ilids_vid-split3_official_step_240_1a2b3c4d", unique to a subject."""
  split = f"-split{subject['split']}" if subject["split"] is not None else ""
  # Without newer facts that have their former value, so that a folder keeps its name.
  told = {name: value for name, value in subject.items() if value != _BEFORE.get(name, ...)}
  digest = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode())
  weights = re.sub(r"[^\w.-]+", "_", str(subject["weights"]))[:60]
  words = [f"{subject['dataset']}{split}", subject["protocol"], weights, digest.hexdigest()[:8]]
  return "_".join(map(str, words))
