"""Saved embeddings: made once by the network, and read by everything after it."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from cosam_jax.errors import InputError
from cosam_jax.evaluation.attribute_wise import evaluate_with_attributes, with_attributes
from cosam_jax.evaluation.calibration_names import TEST_PEOPLE
from cosam_jax.evaluation.cards import Result
from cosam_jax.evaluation.embeddings import (
  EMBEDDINGS_FILE,
  Embeddings,
  read_embeddings,
  write_embeddings,
)
from cosam_jax.evaluation.sensitivity import sensitivity
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment import evaluation_place, vectors_place
from cosam_jax.experiment.evaluation_sources import source_of
from cosam_jax.experiment.evaluator import RANKED_BY, Evaluator, settings_of
from cosam_jax.experiment.field_kinds import NETWORK
from cosam_jax.experiment.fields import SCHEMA, role_of
from cosam_jax.experiment.network import network_to_evaluate
from cosam_jax.experiment.people_of_run import people_folder, tables_of_people, was_trained_on
from cosam_jax.experiment.run import Run
from cosam_jax.experiment.tested_vectors import check_tested, tested_folder
from cosam_jax.reports.results import (
  check_replaceable,
  results_content,
  terminal_table,
  write_results,
)
from cosam_jax.reports.sensitivity_table import sensitivity_table
from cosam_jax.runtime import hosts


def embed(config: ConfigDict, workdir: pathlib.Path, people: str = TEST_PEOPLE) -> Embeddings:
  """Embeds a part of the data set into one file, with the weights that `evaluate` would use.

  The file of the test set goes to the workdir; if data set, protocol or weights are not the run's,
  it goes to a folder of its own, see `evaluation_place`. Other people go to `people/PART`.

  Args:
    config: of the run.
    workdir: the run's folder.
    people: see `calibration_names.PARTS_OF_PEOPLE`.

  Raises:
    InputError: vectors of other tracklets, or their pictures, are in the way.
  """
  run = Run(config, workdir)
  network = network_to_evaluate(run)
  learned = was_trained_on(run, network, people)
  if people == TEST_PEOPLE:
    evaluation_place.settle(run, network.label, network.variables)
  else:
    run.tables = tables_of_people(run, people)
    run.workdir = people_folder(workdir, people)
  source = source_of(run, network.variables)
  folder = tested_folder(run.workdir)
  hosts.first_alone(lambda: check_tested(folder, source))
  evaluator = Evaluator(run.config, run.tables, run.model)
  embeddings = evaluator.embeddings(
    network.variables, run.flat, network.label, people=people, learned=learned
  )
  path = run.workdir / EMBEDDINGS_FILE
  count, width = embeddings.vectors.shape

  def write() -> None:
    with folder.replacing(source) as partial:
      write_embeddings(partial / EMBEDDINGS_FILE, embeddings)
    print(
      f"{count:,} tracklets, {len(embeddings.clip_owners):,} clips, {width} dimensions: "
      f"{path} ({path.stat().st_size / 2**20:.1f} MiB)"
    )

  hosts.first_alone(write)
  if evaluator.skipped:
    print(f"skipped {evaluator.skipped} unreadable frames")
  return embeddings


def evaluate_embeddings(
  path: pathlib.Path,
  config: ConfigDict | None,
  workdir: pathlib.Path | None,
  fields: Mapping[str, Any] | None = None,
) -> tuple[Result, ...]:
  """Ranks saved embeddings and writes `results.json`.

  Args:
    path: a file that `embed` wrote.
    config: its `evaluation` fields say how to rank; None: those of the embeddings' own run do.
    workdir: the folder for results.json; None: that of the embeddings. A run's own results, and
      those of another protocol, are not replaced: results then go to a folder in it, see
      `vectors_place`.
    fields: dotted fields of `evaluation` that replace those of either.

  Raises:
    InputError: the embeddings cannot be read, or another configuration made them.
  """
  results, about = _ranked(path, config, fields or {})
  asked = workdir or path.parent
  place = vectors_place.place_of_results(asked, [result.record() for result in results], about)
  check_replaceable(place / "results.json")
  write_results(place / "results.json", results, about)
  print(terminal_table(results))
  if place != asked:
    print(f"{asked} keeps its present results, so these are in {place}")
  return results


def ranked_content(path: pathlib.Path) -> dict[str, Any]:
  """The content of results.json for saved embeddings, ranked as by their own run.

  Raises:
    InputError: as `evaluate_embeddings`.
  """
  return results_content(*_ranked(path, None, {}))


def _ranked(
  path: pathlib.Path, config: ConfigDict | None, fields: Mapping[str, Any]
) -> tuple[tuple[Result, ...], dict[str, Any]]:
  """The results, and the part of results.json about the run."""
  embeddings = read_embeddings(path)
  origin = embeddings.origin
  if config is not None:
    config = config_rules.resolve(config)
    _check_same_run(path, embeddings, config)
  own = config_rules.complete(origin.config)
  flat = {**(own if config is None else config_rules.plain(config)), **fields}
  lacking = next((name for name in RANKED_BY if not _is_given(flat, name)), None)
  if lacking:
    raise InputError(
      f"{path} does not say how to rank (config.{lacking}): give --config with its evaluation "
      "fields"
    )
  flip = flat["evaluation.flip"]
  if flip != origin.flip:
    made = "with" if origin.flip else "without"
    raise InputError(
      f"config.evaluation.flip is {flip}, but {path} was made {made} mirror images: give the same "
      "value, or embed again"
    )
  if flat["evaluation.attributes"] and not flat["evaluation.attributes_file"]:
    raise InputError("--attribute is given without --attributes_file: give both")
  settings = settings_of(flat)
  parts, left_out = with_attributes(embeddings.evaluation(settings.protocol), flat)
  for sentence in left_out:
    print(f"left out: {sentence}")
  results = evaluate_with_attributes(
    embeddings.vectors,
    parts,
    settings,
    **origin.of_card,
    label=origin.checkpoint or path.name,
  )
  about = {
    "embeddings": str(path),
    "config": flat,
    "seed": flat["seed"],
    "config_hash": origin.config_hash,
    "warnings": list(origin.warnings),
  }
  about |= {"test_set": origin.test_set} if origin.test_set else {}
  return results, about


def _is_given(flat: Mapping[str, Any], name: str) -> bool:
  """Whether a flat configuration, which may have been edited, has a valid value for a field."""
  return name in flat and SCHEMA[name].accepts(flat[name])


def show_sensitivity(
  path: pathlib.Path, workdir: pathlib.Path | None, first_frames: Sequence[int] | None
) -> list[Result]:
  """Prints how results depend on distance, pooling and frames; writes `sensitivity.json`.

  Args:
    path: a file that `embed` wrote.
    workdir: the folder for the file; None: that of the embeddings. Numbers of other embeddings are
      not replaced: the file then goes to a folder in it, see `vectors_place`.
    first_frames: numbers of frames to try besides all; None: some sensible ones.

  Raises:
    InputError: the embeddings cannot be read, or lack clips or frames.
  """
  embeddings = read_embeddings(path)
  results = sensitivity(embeddings, first_frames)
  records = [result.record() for result in results]
  origin = embeddings.origin
  flat = config_rules.complete(origin.config)
  about = {"embeddings": str(path), "config": flat, "config_hash": origin.config_hash}
  about |= {"test_set": origin.test_set} if origin.test_set else {}
  place = vectors_place.place_of_sensitivity(workdir or path.parent, records, about)
  target = place / vectors_place.SENSITIVITY
  check_replaceable(target)
  write_results(target, results, about)
  print(sensitivity_table(records))
  print(f"\nwritten to {target}")
  return results


def _check_same_run(path: pathlib.Path, embeddings: Embeddings, config: ConfigDict) -> None:
  """Refuses a configuration whose network or data are not those of the embeddings."""
  made = config_rules.complete(embeddings.origin.config)
  asked = config_rules.plain(config)
  test_set = ("data.name", "data.split", "data.split_seed")
  for name in sorted(made):
    matters = name in test_set or role_of(name) == NETWORK
    if matters and name in asked and made[name] != asked[name]:
      raise InputError(
        f"{path} was made with config.{name} {made[name]!r}, and now it is {asked[name]!r}: give "
        "the same value, leave --config out, or embed again"
      )
