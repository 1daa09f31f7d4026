"""`protocol.json`: the numbers of a network, with intervals, and how they were measured.

It is a results file without what concerns others: names of queries, and places on a disk.
"""

import pathlib
from collections.abc import Mapping
from typing import Any

from cosam_jax.reports.results import FORMAT

PROTOCOL_FILE = "protocol.json"
_OF_RESULT = ("label", "card", "metrics", "uncertainty", "cmc")
_OF_RUN = (
  "step", "seed", "steps_per_epoch", "training_identities", "initial_weights", "drawn_parts",
  "changed_on_resume", "unreadable_frames_skipped",
)  # fmt: skip
_PLACES = ("data.dir", "data.prepared_dir", "evaluation.attributes_file")


def protocol_card(content: Mapping[str, Any], weights_hash: str) -> dict[str, Any] | None:
  """The content of `protocol.json` for a network; None if the results are of other weights.

  Args:
    content: of a results file, from `results.read_results`.
    weights_hash: of the network, see `fingerprints`.
  """
  run = content["run"]
  config = run.get("config", {})
  results = [
    {name: record[name] for name in _OF_RESULT if name in record}
    for record in content["results"]
    if record["card"].get("checkpoint_hash") == weights_hash
  ]
  if not results:
    return None
  for record in results:
    warnings = record["card"].get("warnings", [])
    record["card"] = {
      **record["card"], "warnings": [without_places(text, config) for text in warnings]
    }  # fmt: skip
  about = {name: run[name] for name in _OF_RUN if name in run}
  about["warnings"] = [without_places(text, config) for text in run.get("warnings", [])]
  return {
    "format": FORMAT,
    "program": content.get("program", "cosam-jax"),
    "run": about,
    "results": results,
  }


def without_places(text: str, config: Mapping[str, Any]) -> str:
  """A sentence in which places of the configuration are called by their last names alone."""
  for name in _PLACES:
    place = config.get(name)
    if place:
      for whole in (str(pathlib.Path(place).absolute()), place):
        text = text.replace(whole, pathlib.Path(place).name)
  return text
