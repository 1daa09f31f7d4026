"""The report page at the end of a run: saves its parts with the run, and puts them together."""

import dataclasses
import json
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from cosam_jax.data import Tables
from cosam_jax.errors import InputError
from cosam_jax.evaluation.calibration_files import CALIBRATION_FILE, read_calibration
from cosam_jax.evaluation.cards import Result
from cosam_jax.evaluation.protocol import evaluation_of
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment import evaluation_place
from cosam_jax.experiment.evaluated_set import may_be_same
from cosam_jax.experiment.evaluator import Evaluator
from cosam_jax.experiment.mask_report import BEFORE
from cosam_jax.experiment.own_outputs import source_words
from cosam_jax.experiment.parts import read_tables
from cosam_jax.experiment.run import Run
from cosam_jax.reports.embedding_map import choose_rows
from cosam_jax.reports.masks_folder import masks_folder
from cosam_jax.reports.page import Sources, page_folder, write_page
from cosam_jax.reports.rankings import (
  AS_RANKED,
  RANKINGS_FILE,
  RE_RANKED,
  Ranking,
  Rankings,
  choose_queries,
  read_rankings,
  write_rankings,
)
from cosam_jax.reports.results import read_results
from cosam_jax.reports.sheets import check_same_tracklets
from cosam_jax.runtime import command_line
from cosam_jax.runtime.json_files import read_json
from cosam_jax.runtime.quiet import warn
from cosam_jax.training.scalars import read_scalars

# Numbers before training are shown beside later ones if their cards agree on these.
_SAME = ("dataset", "split", "protocol", "queries", "gallery_size", "frames_used", "num_frames",
         "distance")  # fmt: skip


def check_outputs(run: Run) -> None:
  """Refuses, before any work, folders in which the run's pictures would replace a user's."""
  if run.config.report.write:
    page_folder(run.workdir).check()
  if run.config.model.cosam_stages:
    masks = masks_folder(run.workdir / "masks")
    masks.check()
    source = masks.source or {}
    if "input" in source:
      raise InputError(
        f"{masks.directory} holds the masks of {source_words(source)}, and now they would be "
        "those of the run's test set: move it away"
      )


def finish(run: Run, evaluator: Evaluator, results: Sequence[Result]) -> None:
  """Saves the rankings of an evaluation and, if the configuration asks for it, makes the page."""
  if not run.config.report.write:
    return
  evaluation, table = evaluator.evaluation, evaluator.evaluation.table
  lists = {}
  for result in results:
    if result.first is None:  # Results by attribute have no rankings of their own.
      continue
    found = evaluation.gallery_rows[np.maximum(result.first.rows, 0)].astype(np.int32)
    lists[RE_RANKED if result.card.reranking else AS_RANKED] = Ranking(
      rows=np.where(result.first.rows < 0, np.int32(-1), found),
      distances=result.first.distances,
      average_precision=result.metrics.average_precision,
      first_match=result.metrics.first_match,
    )
  pictured = choose_rows(table.identities, table.numbering)
  rankings = Rankings(
    protocol=evaluation.protocol,
    names=table.names,
    identities=table.identities,
    cameras=table.cameras,
    lengths=table.lengths,
    queries=evaluation.query_rows,
    by_title=lists,
    pictured=pictured,
    vectors=evaluator.vectors[pictured],
    seconds=evaluator.seconds,
  )
  write_rankings(run.workdir / RANKINGS_FILE, rankings)
  print(f"{'report':<11}{_write(run.config, run.workdir, run.tables)}")


def report(config: ConfigDict, workdir: pathlib.Path) -> pathlib.Path:
  """Makes the page of a run again from the run's files; needs its frames, but no network.

  Raises:
    InputError: there are no results, they have another data set, split or protocol than the
      configuration, or a user's files are in the page's folder.
  """
  config_rules.check(config)
  config = config_rules.resolve(config)
  if not (workdir / "results.json").is_file():
    raise InputError(
      f"{workdir} has no results.json: train or evaluate in it first, then make its page"
    )
  page_folder(workdir).check()
  tables = read_tables(config)
  where = workdir / "results.json"
  evaluation_place.check_page(read_results(where), config, tables, str(where))
  page = _write(config, workdir, tables)
  print(f"{'report':<11}{page}")
  return page


def _write(config: ConfigDict, workdir: pathlib.Path, tables: Tables) -> pathlib.Path:
  results = read_results(workdir / "results.json")
  rankings = _rankings_of(workdir, results)
  table, chosen = None, {}
  if rankings is not None:
    table = evaluation_of(tables, rankings.protocol).table
    check_same_tracklets(rankings, table)
    choice = config.report
    chosen = choose_queries(
      rankings,
      worst=choice.worst,
      best=choice.best,
      random=choice.random,
      names=[name.strip() for name in choice.queries.split(",") if name.strip()],
      seed=config.seed,
    )
  return write_page(
    Sources(
      workdir=workdir,
      results=results,
      before=_before(workdir, results),
      scalars=_points(workdir / "scalars.jsonl"),
      validation=_points(workdir / "validation.jsonl"),
      tables=tables,
      rankings=rankings,
      table=table,
      chosen=chosen,
      commands=command_line.recorded(workdir),
      masks=_masks_of(workdir / "masks", results),
      calibration=_calibration_of(workdir / CALIBRATION_FILE, results),
    )
  )


def _points(path: pathlib.Path) -> list[dict[str, float]]:
  """The lines of a log, with only those values that are single finite numbers."""
  return [
    {
      name: value
      for name, value in row.items()
      if isinstance(value, int | float) and math.isfinite(value)
    }
    for row in read_scalars(path)
  ]


def _rankings_of(workdir: pathlib.Path, results: Mapping[str, Any]) -> Rankings | None:
  """The rankings that belong to these results; None if the file belongs to other results."""
  path = workdir / RANKINGS_FILE
  if not path.is_file():
    return None
  rankings = read_rankings(path)
  wanted = results["results"][0]["queries"]["average_precision"]
  found = next(iter(rankings.by_title.values())).average_precision
  same = json.dumps(wanted) == json.dumps([None if np.isnan(x) else float(x) for x in found])
  return rankings if same else None


def _masks_of(folder: pathlib.Path, results: Mapping[str, Any]) -> pathlib.Path | None:
  """The folder of pictures of masks; None if they are of another test set or other weights."""
  source, card = masks_folder(folder).source, results["results"][0]["card"]
  if source is not None:
    same = may_be_same(source.get("test_set"), results["run"].get("test_set"))
    named = ("dataset", "checkpoint_hash")
    return folder if same and all(card.get(name) == source.get(name) for name in named) else None
  try:  # An earlier version wrote the same numbers twice, which shows that they belong together.
    numbers = read_json(folder / "masks.json", "masks", "evaluate again")
  except InputError:
    return None
  return folder if numbers == results["run"].get("masks") else None


def _calibration_of(path: pathlib.Path, results: Mapping[str, Any]) -> Mapping[str, Any] | None:
  """The calibration beside the results, if it is of the same weights."""
  if not path.is_file():
    return None
  try:
    found = read_calibration(path)
  except InputError as error:
    warn(f"the page is without the calibration: {error}")
    return None
  wanted = results["results"][0]["card"].get("checkpoint_hash")
  same = wanted is not None and found.network.get("weights_hash") == wanted
  return dataclasses.asdict(found) if same else None


def _before(workdir: pathlib.Path, results: Mapping[str, Any]) -> Mapping[str, Any] | None:
  """The results before training, if they are of the same test set."""
  path = workdir / BEFORE
  if not path.is_file():
    return None
  try:
    before = read_results(path)
    other, card = before["results"][0]["card"], results["results"][0]["card"]
    same = all(other.get(name) == card.get(name) for name in _SAME)
    same = same and may_be_same(before["run"].get("test_set"), results["run"].get("test_set"))
  except (InputError, KeyError, IndexError, TypeError, AttributeError):
    warn(f"{path} cannot be read, so the page is without the numbers before training")
    return None
  return before if same else None
