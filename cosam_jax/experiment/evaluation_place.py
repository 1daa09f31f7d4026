"""The folder of an evaluation's files: the run's own for its own evaluation, else one beside it.

A run's own evaluation is that of its training: its test set, protocol, checkpoint. Everything else
(another data set, split, gallery, number of frames, distance, size of clips, other weights) goes to
`WORKDIR/evaluations/NAME`, such as `mars_official_step_240_1a2b3c4d`, and replaces nothing of the
run. The last part of the name is of everything that makes the evaluation another one.
"""

import hashlib
import json
import os
import pathlib
import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from cosam_jax.data import Tables
from cosam_jax.data.sets.registry import data_set_of, has_splits
from cosam_jax.errors import InputError
from cosam_jax.evaluation.fingerprints import weights_hash
from cosam_jax.evaluation.protocol import evaluation_of
from cosam_jax.evaluation.protocol_names import protocol_name
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment.run import Run
from cosam_jax.reports.rankings import RANKINGS_FILE
from cosam_jax.reports.results import EVALUATIONS, read_results
from cosam_jax.runtime import hosts
from cosam_jax.training.checkpoints import BEST, LAST, Checkpoints

SENSITIVITY = "sensitivity.json"
# Fields that identify an evaluation; the first of them that differs makes it another one.
_FIELDS = ("data.name", "data.split", "data.split_seed", "clips.num_frames", "clips.image_size",
           "evaluation.gallery", "evaluation.frames", "evaluation.distance",
           "evaluation.checkpoint")  # fmt: skip
_RERANKING = ("evaluation.rerank_k1", "evaluation.rerank_k2", "evaluation.rerank_lambda")
# The same, as results state it.
_CARD = ("dataset", "split", "protocol", "distance", "num_frames")


def settle(run: Run, origin: str, variables: Mapping[str, Any], *, ranking: bool = False) -> None:
  """Makes `run.workdir` the folder for an evaluation's files, and says so if it is another one.

  Args:
    run: the configuration that is asked for, in the workdir of the run.
    origin: names the weights, such as "step 240".
    variables: the weights.
    ranking: whether results are written, which must have all rows (re-ranked, by attribute) of
      those that they replace.
  """
  subject = _subject(run, origin, variables)
  if _is_own(run, subject, ranking):
    hosts.first_alone(lambda: set_aside(run.workdir, subject))
    return
  run.workdir = run.workdir / EVALUATIONS / _name(subject)
  print(f"this is not the run's own evaluation, so it goes to {run.workdir}")


def set_aside(workdir: pathlib.Path, subject: Mapping[str, Any]) -> None:
  """Moves results of another evaluation from a run's own place to a folder with their name.

  Args:
    workdir: of the run.
    subject: of the run's own results: `own_subject`.
  """
  results = _results_in(workdir)
  if results is None:
    return
  card = results["results"][0]["card"]
  there = {name: card.get(name) for name in _CARD}
  if there == {name: subject[name] for name in _CARD}:
    return
  there |= {"weights": card.get("checkpoint") or "weights", "hash": card.get("checkpoint_hash")}
  place = workdir / EVALUATIONS / _name(there)
  place.mkdir(parents=True, exist_ok=True)
  for name in (RANKINGS_FILE, "results.json"):
    if (workdir / name).is_file():
      os.replace(workdir / name, place / name)
  print(f"{workdir / 'results.json'} was of {_words(there)}: moved to {place}")


def own_subject(run: Run) -> dict[str, Any]:
  """The subject of the evaluation at the end of a training, as far as results state it."""
  return _asked(run.config, run.tables)


def _asked(config: ConfigDict, tables: Tables) -> dict[str, Any]:
  return {
    "dataset": tables.name,
    "split": config.data.split if has_splits(config.data.name) else None,
    "protocol": protocol_name(config.evaluation.gallery, config.evaluation.frames),
    "distance": config.evaluation.distance,
    "num_frames": config.clips.num_frames,
  }


def place_of_results(place: pathlib.Path, records: Sequence[Mapping[str, Any]]) -> pathlib.Path:
  """The folder for results of saved vectors: `place`, unless that holds a run or other results.

  Args:
    place: where they are asked for.
    records: the results, as `Result.record` gives them.
  """
  there = _results_in(place)
  is_run = any((place / name).exists() for name in (LAST, BEST, "config.json"))
  if not is_run and (there is None or _same_results(there["results"], records)):
    return place
  return place / EVALUATIONS / _name(_subject_of_results(records))


def place_of_sensitivity(place: pathlib.Path, records: Sequence[Mapping[str, Any]]) -> pathlib.Path:
  """The folder for `sensitivity.json`: `place`, unless that has one of other embeddings."""
  there = _results_in(place, SENSITIVITY)
  if there is None or _same_embeddings(there["results"], records):
    return place
  return place / EVALUATIONS / _name(_subject_of_results(records[:1]))


def _subject_of_results(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
  card = records[0]["card"]
  others = [record["card"].get(name) for record in records for name in ("reranking", "attribute")]
  subject = {name: card.get(name) for name in _CARD}
  subject |= {"weights": card.get("checkpoint") or "weights", "hash": card.get("checkpoint_hash")}
  return {**subject, "others": others, "test set": _test_set(records)}


def _same_embeddings(
  first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]
) -> bool:
  names = ("dataset", "split", "num_frames", "checkpoint_hash")
  cards = [[records[0]["card"].get(name) for name in names] for records in (first, second)]
  return cards[0] == cards[1] and _test_set(first) == _test_set(second)


def check_page(results: Mapping[str, Any], config: ConfigDict, tables: Tables, where: str) -> None:
  """Refuses a page of results that belong to another configuration.

  Args:
    results: what results.json holds.
    config: the (resolved) configuration.
    tables: its data set.
    where: the path of the results, for people.

  Raises:
    InputError: with what differs.
  """
  record = results["results"][0]
  remedy = (
    "a page would mix the two; leave --config out, which takes the configuration of these results, "
    f"or give as --workdir the folder of the others, in {EVALUATIONS}"
  )
  asked = _asked(config, tables)
  for name in _CARD:
    if record["card"].get(name) != asked[name]:
      raise InputError(
        f"{where} is of {name.replace('_', ' ')} {record['card'].get(name)}, and the configuration "
        f"says {asked[name]}: {remedy}"
      )
  evaluation = evaluation_of(tables, config.evaluation.gallery)
  names = evaluation.table.names[evaluation.query_rows].tolist()
  if record["queries"].get("name", names) != names:
    raise InputError(f"{where} is of other queries than {config.data.dir} has: {remedy}")


def test_set(run: Run) -> str:
  """A digest that differs between test sets, without reading frames; results keep it."""
  evaluation = evaluation_of(run.tables, run.config.evaluation.gallery)
  table = evaluation.table
  columns = (table.identities, table.cameras, table.lengths, evaluation.query_rows)
  digest = zlib.crc32(b"".join(np.ascontiguousarray(column).tobytes() for column in columns))
  return f"{digest:08x}"


def _subject(run: Run, origin: str, variables: Mapping[str, Any]) -> dict[str, Any]:
  config, flat = run.config, run.flat
  kind = "best " if config.evaluation.checkpoint == "best" and origin.startswith("step") else ""
  evaluation = evaluation_of(run.tables, config.evaluation.gallery)
  table = evaluation.table
  return {
    **own_subject(run),
    "image_size": list(config.clips.image_size),
    "weights": f"{kind}{origin}",
    "hash": weights_hash(variables),
    "test_set": test_set(run),
    "frames": table.total_frames,
    "queries": table.names[evaluation.query_rows].tolist(),
    "reranking": [flat[name] for name in _RERANKING] if config.evaluation.rerank else None,
    "attributes": [config.evaluation.attributes_file and "yes", config.evaluation.attributes],
  }


def _is_own(run: Run, subject: Mapping[str, Any], ranking: bool) -> bool:
  there = _results_in(run.workdir)
  trained = _trained(run.workdir)
  if trained is None:
    # No run's folder: the first evaluation has it.
    return there is None or (
      _covers(subject, there, ranking)
      and there["results"][0]["card"].get("checkpoint_hash") == subject["hash"]
    )
  flat = run.flat
  if any(flat[name] != trained[name] for name in _FIELDS):
    return False
  if not subject["weights"].removeprefix("best ").startswith("step "):
    return False
  known = bool(data_set_of(flat["data.name"]).expected)
  if there is not None and _same_card(there, subject):
    return _covers(subject, there, ranking)
  return known or _same_path(flat["data.dir"], trained["data.dir"])


def _covers(subject: Mapping[str, Any], there: Mapping[str, Any], ranking: bool) -> bool:
  """Whether an evaluation is of the same test set as results, and ranks all that they rank."""
  records = there["results"]
  card = records[0]["card"]
  if not _same_card(there, subject) or records[0]["queries"].get("name") != subject["queries"]:
    return False
  if there["run"].get("test_set", subject["test_set"]) != subject["test_set"]:
    return False
  # Results of earlier versions know no more of their test set than its frames.
  if card.get("frames") == "all" and card.get("frames_used") != subject["frames"]:
    return False
  if not ranking:
    return True
  before = config_rules.complete(there["run"].get("config", {}))
  reranked = [record for record in records if record["card"].get("reranking")]
  if reranked and subject["reranking"] != [before.get(name) for name in _RERANKING]:
    return False
  if any(record["card"].get("attribute") for record in records):
    return subject["attributes"] == ["yes", before.get("evaluation.attributes")]
  return True


def _same_card(there: Mapping[str, Any], subject: Mapping[str, Any]) -> bool:
  card = there["results"][0]["card"]
  return all(card.get(name) == subject[name] for name in _CARD)


def _same_results(first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]) -> bool:
  def what(records: Sequence[Mapping[str, Any]]) -> str:
    names = (*_CARD, "checkpoint_hash", "reranking", "attribute", "attribute_gallery")
    cards = [{name: record["card"].get(name) for name in names} for record in records]
    return json.dumps([cards, _test_set(records)], sort_keys=True)

  return what(first) == what(second)


def _test_set(records: Sequence[Mapping[str, Any]]) -> list[Any]:
  card, queries = records[0]["card"], records[0].get("queries", {})
  return [card.get("gallery_size"), card.get("frames_used"), queries.get("name")]


def _trained(workdir: pathlib.Path) -> Mapping[str, Any] | None:
  """The configuration that the workdir's checkpoints were trained with; None without any."""
  for kind in (LAST, BEST):
    if (workdir / kind).is_dir():
      checkpoints = Checkpoints(workdir, kind)
      step = checkpoints.latest_step()
      if step is not None:
        return config_rules.complete(checkpoints.about(step)["config"])
  return None


def _results_in(folder: pathlib.Path, name: str = "results.json") -> Mapping[str, Any] | None:
  """The results in a folder; None if there are none that can be read."""
  try:
    content = read_results(folder / name)
    return content if content["results"][0]["card"] is not None else None
  except (InputError, KeyError, IndexError, TypeError):
    return None


def _same_path(first: str, second: str) -> bool:
  return pathlib.Path(first).resolve() == pathlib.Path(second).resolve()


def _words(subject: Mapping[str, Any]) -> str:
  split = f" split {subject['split']}" if subject["split"] is not None else ""
  return f"{subject['dataset']}{split}, {subject['protocol']}, {subject['weights']}"


def _name(subject: Mapping[str, Any]) -> str:
  """Such as "ilids_vid-split3_official_step_240_1a2b3c4d"."""
  split = f"-split{subject['split']}" if subject["split"] is not None else ""
  digest = hashlib.sha256(json.dumps(dict(subject), sort_keys=True, default=str).encode())
  weights = re.sub(r"[^\w.-]+", "_", str(subject["weights"]))[:60]
  words = [f"{subject['dataset']}{split}", subject["protocol"], weights, digest.hexdigest()[:8]]
  return "_".join(map(str, words))
