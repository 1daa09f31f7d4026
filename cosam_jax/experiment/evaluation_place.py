"""The folder of an evaluation's files: the run's own for its own evaluation, else one beside it.

A run's own evaluation has the test set, protocol and checkpoint of its training. Any other
evaluation (another data set, split, gallery, number of frames, distance, size of clips, other
weights, with or without mirror images) goes to `WORKDIR/evaluations/NAME`, such as
`mars_official_step_240_1a2b3c4d`, and replaces no file of the run. The last part of the name is a
digest of all that distinguishes the evaluation.
"""

import itertools
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from cosam_jax.data import Tables
from cosam_jax.data.sets.registry import has_splits
from cosam_jax.errors import InputError
from cosam_jax.evaluation.fingerprints import weights_hash
from cosam_jax.evaluation.protocol import evaluation_of
from cosam_jax.evaluation.protocol_names import protocol_name
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment.evaluated_set import digest_of, is_whole, may_be_same
from cosam_jax.experiment.evaluation_names import (
  counted,
  facts_of,
  name_of,
  results_in,
  subject_of,
  words_of,
)
from cosam_jax.experiment.evaluation_sources import is_first_in
from cosam_jax.experiment.fields import fields_in_evaluation
from cosam_jax.experiment.run import Run
from cosam_jax.reports.masks_folder import masks_folder
from cosam_jax.reports.page import page_folder
from cosam_jax.reports.rankings import RANKINGS_FILE
from cosam_jax.reports.results import EVALUATIONS
from cosam_jax.runtime import hosts
from cosam_jax.training.checkpoints import BEST, LAST, Checkpoints

# A difference in any of these fields makes another evaluation. Re-ranking and attributes only add
# rows, which `_covers` compares; resampling changes nothing at the same sizes.
_FIELDS = fields_in_evaluation("evaluation.rerank", "evaluation.attributes", "evaluation.resample")
_STEP = "step "
_RERANKING = ("evaluation.rerank_k1", "evaluation.rerank_k2", "evaluation.rerank_lambda")


def settle(run: Run, origin: str, variables: Mapping[str, Any], *, ranking: bool = False) -> None:
  """Makes `run.workdir` the folder for an evaluation's files; prints it if it changes.

  Args:
    run: the configuration that is asked for, in the workdir of the run.
    origin: names the weights, such as "step 240".
    variables: the weights.
    ranking: whether results are written. They must have all rows (re-ranked, by attribute) of the
      results that they replace.
  """
  subject = _subject(run, origin, variables)
  # One answer for all processes, since each has read its own files.
  own, name = hosts.gather([_is_own(run, subject, ranking), name_of(subject)])[0]
  if own:
    hosts.first_alone(lambda: set_aside(run.workdir, subject))
    if ranking and _is_trained(subject["weights"]):
      hosts.first_alone(lambda: set_aside_unreadable(run.workdir))
    return
  run.workdir = run.workdir / EVALUATIONS / name
  print(f"this is not the run's own evaluation, so it goes to {run.workdir}")


def set_aside(workdir: pathlib.Path, subject: Mapping[str, Any]) -> None:
  """Moves results of another evaluation out of a run's own place, into a folder of their own.

  Their folders of masks and of the page are moved too.

  Args:
    workdir: of the run.
    subject: the subject of the run's own results, from `own_subject`.
  """
  results = results_in(workdir)
  if results is not None and not _is_of(results, subject):
    _move(workdir, results)


def set_aside_other_training(workdir: pathlib.Path) -> None:
  """Moves the results of an earlier training out of the place of one that begins.

  The earlier one's checkpoints are gone, so its results are all that is left of it.
  """
  results = results_in(workdir)
  if results is None:
    return
  weights = results["results"][0]["card"].get("checkpoint")
  if weights is None or _is_trained(weights):
    _move(workdir, results)


def _move(workdir: pathlib.Path, results: Mapping[str, Any]) -> None:
  there = subject_of(results["results"], results["run"])
  place = workdir / EVALUATIONS / name_of(there)
  place.mkdir(parents=True, exist_ok=True)
  for folder in (masks_folder(workdir / "masks"), page_folder(workdir)):
    new = place / folder.directory.name
    if folder.names and not os.path.lexists(new):
      os.replace(folder.directory, new)
  for name in (RANKINGS_FILE, "results.json"):
    if (workdir / name).is_file():
      os.replace(workdir / name, place / name)
  print(f"{workdir / 'results.json'} was of {words_of(there)}: moved to {place}")


def set_aside_unreadable(workdir: pathlib.Path) -> None:
  """Renames results that are damaged or somebody's, since a run that has weights goes on."""
  path = workdir / "results.json"
  if not os.path.lexists(path) or results_in(workdir) is not None:
    return
  names = (f"{path.stem}_unreadable{number or ''}{path.suffix}" for number in itertools.count())
  place = next(path.with_name(name) for name in names if not os.path.lexists(path.with_name(name)))
  os.replace(path, place)
  print(f"{path} is damaged, or no results: it is now {place}")


def own_subject(run: Run) -> dict[str, Any]:
  """The subject of the evaluation at the end of training, as far as results state it."""
  evaluation = evaluation_of(run.tables, run.config.evaluation.gallery)
  table = evaluation.table
  return {
    **_asked(run.config, run.tables),
    "weights": _STEP,
    "test_set": run.test_set,
    "frames": table.total_frames,
    "queries": table.names[evaluation.query_rows].tolist(),
  }


def _asked(config: ConfigDict, tables: Tables) -> dict[str, Any]:
  return {
    "dataset": tables.name,
    "split": config.data.split if has_splits(config.data.name) else None,
    "protocol": protocol_name(config.evaluation.gallery, config.evaluation.frames),
    "distance": config.evaluation.distance,
    "num_frames": config.clips.num_frames,
    "flip": config.evaluation.flip,
  }


def check_page(results: Mapping[str, Any], config: ConfigDict, tables: Tables, where: str) -> None:
  """Refuses to make a page of results that belong to another configuration.

  Args:
    results: the content of results.json.
    config: the (resolved) configuration.
    tables: its data set.
    where: the path of the results, for people.

  Raises:
    InputError: it names the difference.
  """
  record = results["results"][0]
  remedy = (
    "a page would mix the two; leave --config out, which takes the configuration of these results, "
    f"or give as --workdir the folder of the others, in {EVALUATIONS}"
  )
  asked = _asked(config, tables)
  for name, value in facts_of(record["card"]).items():
    if value != asked[name]:
      raise InputError(
        f"{where} is of {name.replace('_', ' ')} {value}, and the configuration says "
        f"{asked[name]}: {remedy}"
      )
  evaluation = evaluation_of(tables, config.evaluation.gallery)
  names = evaluation.table.names[evaluation.query_rows].tolist()
  if record["queries"].get("name", names) != names:
    raise InputError(f"{where} is of other queries than {config.data.dir} has: {remedy}")
  if not may_be_same(results["run"].get("test_set"), digest_of(tables, config.evaluation.gallery)):
    raise InputError(f"{where} is of another test set than {config.data.dir} has: {remedy}")


def _subject(run: Run, origin: str, variables: Mapping[str, Any]) -> dict[str, Any]:
  config, flat = run.config, run.flat
  kind = "best " if config.evaluation.checkpoint == "best" and origin.startswith("step") else ""
  # Left out where it is as in earlier versions, so that folders keep their names.
  resize = {} if config.clips.resize == "bilinear" else {"resize": config.clips.resize}
  return {
    **own_subject(run),
    "image_size": list(config.clips.image_size),
    **resize,
    "weights": f"{kind}{origin}",
    "hash": weights_hash(variables),
    "reranking": [flat[name] for name in _RERANKING] if config.evaluation.rerank else None,
    "attributes": [config.evaluation.attributes_file and "yes", config.evaluation.attributes],
  }


def _is_own(run: Run, subject: Mapping[str, Any], ranking: bool) -> bool:
  there = results_in(run.workdir)
  about = _trained(run.workdir)
  if about is None:
    # The folder is not a run's, so the first evaluation may have it.
    first = is_first_in(run.workdir, run, subject["hash"])
    return first and (there is None or _covers(subject, there, ranking))
  flat, trained = run.flat, config_rules.complete(about["config"])
  if any(flat[name] != trained[name] for name in _FIELDS):
    return False
  if not _is_trained(subject["weights"]):
    return False
  if not _is_test_set_of(about, trained, run):
    return False
  if there is None or not _same_card(there, subject):
    return True
  if about.get("test_set") and not _same_test_set(there, subject):
    return True  # The present results are not the run's, and are set aside.
  return _covers(subject, there, ranking)


def _is_test_set_of(about: Mapping[str, Any], trained: Mapping[str, Any], run: Run) -> bool:
  """Whether the test set is that of the training, wherever it lies now.

  Args:
    about: the values beside the checkpoint.
    trained: its configuration.
    run: the evaluation.
  """
  if about.get("test_set"):
    return may_be_same(about["test_set"], run.test_set)
  # Earlier versions kept no digest. Only a complete set has all people to learn from, and is the
  # same everywhere.
  moved = is_whole(run.tables) and about["num_classes"] == run.num_classes
  return _same_path(run.config.data.dir, trained["data.dir"]) or moved


def _covers(subject: Mapping[str, Any], there: Mapping[str, Any], ranking: bool) -> bool:
  """Whether an evaluation has the test set of existing results, and ranks all that they rank."""
  if not _same_card(there, subject) or not _same_test_set(there, subject):
    return False
  if not ranking:
    return True
  records = there["results"]
  before = config_rules.complete(there["run"].get("config", {}))
  reranked = [record for record in records if record["card"].get("reranking")]
  if reranked and subject["reranking"] != [before.get(name) for name in _RERANKING]:
    return False
  if any(record["card"].get("attribute") for record in records):
    return subject["attributes"] == ["yes", before.get("evaluation.attributes")]
  return True


def _is_of(there: Mapping[str, Any], subject: Mapping[str, Any]) -> bool:
  """Whether results are of a subject, whatever the number of steps."""
  weights = there["results"][0]["card"].get("checkpoint")
  if weights is not None and _is_trained(weights) != _is_trained(subject["weights"]):
    return False  # They are of a file's weights, and the run has its own by now.
  return _same_card(there, subject) and _same_test_set(there, subject)


def _is_trained(weights: str) -> bool:
  """Whether a name means weights after some steps, and not those of a file."""
  return weights.removeprefix("best ").startswith(_STEP)


def _same_card(there: Mapping[str, Any], subject: Mapping[str, Any]) -> bool:
  facts = facts_of(there["results"][0]["card"])
  return all(value == subject[name] for name, value in facts.items())


def _same_test_set(there: Mapping[str, Any], subject: Mapping[str, Any]) -> bool:
  _, frames, queries = counted(there["results"])
  if queries != subject["queries"]:
    return False
  if not may_be_same(there["run"].get("test_set"), subject["test_set"]):
    return False
  # Results of the earliest versions state only the frames of their test set.
  return there["results"][0]["card"].get("frames") != "all" or frames == subject["frames"]


def _trained(workdir: pathlib.Path) -> Mapping[str, Any] | None:
  """The values beside the workdir's checkpoints; None if there are none."""
  for kind in (LAST, BEST):
    if (workdir / kind).is_dir():
      checkpoints = Checkpoints(workdir, kind)
      step = checkpoints.latest_step()
      if step is not None:
        return checkpoints.about(step)
  return None


def _same_path(first: str, second: str) -> bool:
  return pathlib.Path(first).resolve() == pathlib.Path(second).resolve()
