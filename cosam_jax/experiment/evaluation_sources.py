"""The source of an evaluation's files: data, weights and sizes, kept beside each of them."""

import pathlib
from collections.abc import Mapping
from typing import Any

from cosam_jax.errors import InputError
from cosam_jax.evaluation.fingerprints import weights_hash
from cosam_jax.experiment.evaluated_set import may_be_same
from cosam_jax.experiment.evaluation_names import results_in
from cosam_jax.experiment.run import Run
from cosam_jax.experiment.tested_vectors import tested_source
from cosam_jax.reports.masks_folder import masks_folder
from cosam_jax.runtime.json_files import read_json

ATTENTION = "attention.json"
# Fields on which vectors and masks depend, besides the weights.
_FIELDS = ("data.split", "data.split_seed", "clips.num_frames", "clips.image_size", "clips.resize",
           "evaluation.frames")  # fmt: skip

Source = Mapping[str, Any]


def source_of(run: Run, variables: Mapping[str, Any]) -> dict[str, Any]:
  """The source of an evaluation's files; plain values.

  Args:
    run: the evaluation's configuration and data.
    variables: the weights.
  """
  return _source(run, weights_hash(variables))


def is_first_in(folder: pathlib.Path, run: Run, weights: str) -> bool:
  """Whether a folder has no file of an evaluation from another source.

  Args:
    folder: a folder without a run's checkpoints.
    run: the evaluation's configuration and data.
    weights: the hash of the weights.
  """
  now = _source(run, weights)
  return all(_is_from(source, now) for source in _sources_in(folder))


def _source(run: Run, weights: str) -> dict[str, Any]:
  return {
    "dataset": run.tables.name,
    "checkpoint_hash": weights,
    "test_set": run.test_set,
    "fields": {name: run.flat[name] for name in _FIELDS},
  }


def _sources_in(folder: pathlib.Path) -> list[Source]:
  """The sources that the files of evaluations in a folder state."""
  try:
    attention = read_json(folder / ATTENTION, "numbers", "measure again")["source"]
  except (InputError, KeyError, TypeError):
    attention = None
  found = [tested_source(folder), masks_folder(folder / "masks").source, attention]
  if (there := results_in(folder)) is not None:
    card, run = there["results"][0]["card"], there["run"]
    said = {name: card.get(name) for name in ("dataset", "checkpoint_hash")}
    found.append({**said, "test_set": run.get("test_set"), "fields": run.get("config", {})})
  return [source for source in found if isinstance(source, Mapping) and "input" not in source]


def _is_from(source: Source, now: Source) -> bool:
  """Whether a file may be from the source `now`, judged by the source that it states."""
  if any(source.get(name) != now[name] for name in ("dataset", "checkpoint_hash")):
    return False
  fields = source.get("fields", {})
  same = all(fields.get(name, value) == value for name, value in now["fields"].items())
  return same and may_be_same(source.get("test_set"), now["test_set"])
