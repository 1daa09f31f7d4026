"""The runs of a sweep, and their flags. Nothing is run here.

A row, of the poster's tables or of the configuration's own network, is one network; a run is a row
with one seed and, on data sets with several splits, one split. Rows that several tables share are
one run with one folder.
"""

import dataclasses
import itertools
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict

from cosam_jax.commands.config_flags import ABLATION_FLAGS
from cosam_jax.commands.registry import COMMANDS
from cosam_jax.data.sets.registry import DATASETS
from cosam_jax.errors import InputError, suggestion
from cosam_jax.experiment import config as config_rules
from cosam_jax.experiment.fields import alters_results
from cosam_jax.models.weight_register import weight_register
from cosam_jax.reports.own_rows import OWN_SWEEPS, own_rows
from cosam_jax.reports.poster_rows import BEST_ROW, SWEEPS, Row
from cosam_jax.runtime.text_numbers import whole_number

_OWN_FLAGS = {
  flag for flag in COMMANDS["sweep"].flags if flag not in COMMANDS["train"].flags
} | {"workdir"}  # fmt: skip
"""Flags that the runs, which train, do not get from the sweep's command line."""
_FLAGS = {field: flag for flag, (field, *_) in ABLATION_FLAGS.items()}
"""Field -> the flag that sets it, for the fields that have one."""


@dataclasses.dataclass(frozen=True)
class Job:
  """One run of a sweep: a process with a workdir of its own.

  Attributes:
    row: the network.
    seed: `config.seed`.
    split: `config.data.split` if the data set has several, else None.
    extra: further fields that differ from the configuration, dotted name -> value.
    notes: sentences about `extra` for people.
  """

  row: Row
  seed: int
  split: int | None
  extra: Mapping[str, Any]
  notes: tuple[str, ...] = ()

  @property
  def name(self) -> str:
    """The name of its folder: the row, the seed unless it is 0, and the split if it has one."""
    seed = f"_seed{self.seed}" if self.seed else ""
    return f"{self.row.name}{seed}" + (f"_split{self.split}" if self.split is not None else "")

  @property
  def fields(self) -> dict[str, Any]:
    """Every field in which the run differs from the configuration."""
    split = {} if self.split is None else {"data.split": self.split}
    return {**self.row.fields, "seed": self.seed, **split, **self.extra}

  @property
  def flags(self) -> list[str]:
    """The same as flags."""
    others = {name: value for name, value in self.fields.items() if name not in self.row.fields}
    return [*self.row.flags, *(f"--config.{name}={value}" for name, value in others.items())]


def plan(
  config: ConfigDict,
  sweep: str,
  *,
  seeds: Sequence[int] | None = None,
  only: str | None = None,
  arguments: Sequence[str] = (),
) -> list[Job]:
  """The runs of a sweep, in the order of the poster's tables.

  Args:
    config: the configuration of every row, checked.
    sweep: a key of `SWEEPS` or `OWN_SWEEPS`.
    seeds: `config.seed` of each repetition; None is the configuration's own.
    only: one run, by its number in this list (from 0) or its name; or all runs of a row, by its
      name.
    arguments: the command line, which shows the fields that were set there.

  Raises:
    InputError: a field that the rows decide is set on the command line, a row contradicts the
      configuration, or `only` does not exist.
  """
  given = _flags_in(arguments)
  rows = _rows(config, sweep, given)
  count = DATASETS[config.data.name].num_splits
  splits = range(count) if count > 1 else (None,)
  if count > 1 and "config.data.split" in given:
    raise InputError(
      f"--config.data.split is set, but --sweep runs all {count} splits: leave it out, or give "
      "--sweep_row=NAME with the name of one run, which --dry_run lists"
    )
  jobs = [
    Job(row, seed, split, *_adapted(row, config, given, sweep in OWN_SWEEPS))
    for row in rows
    for seed in dict.fromkeys(seeds if seeds is not None else [config.seed])
    for split in splits
  ]
  jobs = jobs if only is None else _chosen(jobs, only)
  for job in {job.row: job for job in jobs}.values():
    _check(config, job)
  return jobs


def _check(config: ConfigDict, job: Job) -> None:
  """Refuses a row that contradicts the configuration, before any other has been trained."""
  flat = {**config_rules.plain(config), **job.fields}
  try:
    config_rules.check(config_rules.unflatten(flat))
  except InputError as error:
    raise InputError(f"row {job.row.name} of the sweep cannot be run: {error}") from error


def _rows(config: ConfigDict, sweep: str, given: set[str]) -> tuple[Row, ...]:
  """The networks of a sweep; raises InputError if `given` flags set what they decide."""
  for field in OWN_SWEEPS.get(sweep, tuple(BEST_ROW.fields)):
    found = given & {_FLAGS.get(field), f"config.{field}"}
    if found:
      raise InputError(
        f"--{min(found)} is set, but the rows of --sweep decide config.{field}: leave it out, or "
        "run this network alone, without --sweep"
      )
  if sweep in OWN_SWEEPS:
    return own_rows(sweep, config_rules.plain(config_rules.resolve(config)))
  selections = sorted({row.frame_selection for row in SWEEPS["all"]})
  if config.clips.selection not in selections:
    raise InputError(
      f"config.clips.selection is {config.clips.selection!r}, but the rows of --sweep={sweep}, as "
      f"the poster's, have {' or '.join(selections)}: give one of {', '.join(OWN_SWEEPS)}, whose "
      "rows keep it, or run networks alone, without --sweep"
    )
  return SWEEPS[sweep]


def _flags_in(arguments: Sequence[str]) -> set[str]:
  """The names of the flags in a command line; the values that stand behind them do not count."""
  before = itertools.takewhile(lambda argument: argument != "--", arguments)
  return {argument.lstrip("-").partition("=")[0] for argument in before if argument.startswith("-")}


def _adapted(
  row: Row, config: ConfigDict, given: set[str], own: bool
) -> tuple[dict[str, Any], tuple[str, ...]]:
  """Further fields that a row needs, and the reasons."""
  extra: dict[str, Any] = {}
  notes = []
  rate = config.optim.learning_rate
  others_rate = row.temporal == "rnn" and not (own and config.model.temporal == "rnn")
  if others_rate and "config.optim.learning_rate" not in given:
    # The published code advises 1e-4 for the RNN head and 3e-4 otherwise.
    extra["optim.learning_rate"] = float(f"{rate / 3:.6g}")
    notes.append("a third of the learning rate, as the published code advises for the RNN head")
  weights = config.init.weights
  named = weights in weight_register()
  if weights and not named and row.backbone != config.model.backbone:
    extra["init.weights"] = ""
    notes.append(
      f"random initial weights: {pathlib.Path(weights).name} belongs to {config.model.backbone}"
    )
  if row == BEST_ROW and not own and config.evaluation.distance == "sqeuclidean":
    extra["evaluation.rerank"] = True
  return extra, tuple(notes)


def _chosen(jobs: list[Job], only: str) -> list[Job]:
  number = whole_number(only)
  if number is not None:
    if number >= len(jobs):
      raise InputError(
        f"--sweep_row is {only}: this sweep has {len(jobs)} runs, numbered from 0 to "
        f"{len(jobs) - 1}; --dry_run lists them"
      )
    return [jobs[number]]
  chosen = [job for job in jobs if only in (job.name, job.row.name)]
  if not chosen:
    names = dict.fromkeys(name for job in jobs for name in (job.row.name, job.name))
    raise InputError(
      f"--sweep_row is {only!r}: this sweep has no such row; --dry_run lists them"
      f"{suggestion(only, names)}"
    )
  return chosen


def parse_seeds(text: str) -> list[int]:
  """`"0,1,2"` -> [0, 1, 2].

  Raises:
    InputError: the text is anything else.
  """
  seeds = [whole_number(part.strip()) for part in text.split(",")]
  found = [seed for seed in seeds if seed is not None and seed < 2**32]
  if len(found) < len(seeds):
    raise InputError(f"--seeds is {text!r}: list integers from 0 to 2**32 - 1, such as 0,1,2")
  return found


def arguments_without_sweep(arguments: Sequence[str]) -> list[str]:
  """The command line without the flags of the sweep and --workdir."""
  kept, dropping = [], False
  for argument in arguments:
    if dropping:
      dropping = False
      continue
    name, equals, _ = argument.lstrip("-").partition("=")
    if argument.startswith("-") and name.removeprefix("no") == "dry_run":
      continue
    if argument.startswith("-") and name in _OWN_FLAGS:
      dropping = not equals
      continue
    kept.append(argument)
  return kept


def configuration(config: ConfigDict, job: Job) -> dict[str, Any]:
  """The flat configuration that the run's results will state."""
  resolved = config_rules.plain(config_rules.resolve(config))
  return {**resolved, **job.fields}


def differing(saved: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
  """The fields that alter results and differ between two flat configurations.

  Args:
    saved: that of results; it may be older than a field.
    asked: has all fields.
  """
  saved = config_rules.complete(saved)
  names = filter(alters_results, sorted({*saved, *asked}))
  return [name for name in names if saved.get(name) != asked.get(name)]
