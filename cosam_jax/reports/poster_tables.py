"""The poster's tables with our numbers beside the published ones.

A block is one table on one data set. Numbers from data other than the poster's stand alone, with
neither a published number nor a difference.
"""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cosam_jax.reports import table_formats
from cosam_jax.reports.poster_rows import BEST_ROW
from cosam_jax.reports.published import (
  METRICS,
  POSTER_DATASETS,
  TABLES,
  PublishedRow,
  read_published,
)
from cosam_jax.reports.sweep_results import (
  SUBSET,
  Sample,
  Summary,
  check_protocols,
  data_obstacles,
  read_samples,
  summarise,
)
from cosam_jax.reports.table_blocks import Block, Line
from cosam_jax.runtime.output_folders import OutputFolder

OTHERS = "another method, not part of this program"
NOT_RUN = "not run"

# Every table states these settings, because a number means little without them.
_STATED = ("preset", "train.epochs", "init.weights", "model.width", "optim.learning_rate")
# Fields in which the rows of a table differ on purpose: those of the network and of the data.
_EXPECTED = ("seed", "data.", *BEST_ROW.fields)

TrainedWith = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Picks from a flat configuration the fields that can alter a trained network."""


def write_tables(
  workdir: str | os.PathLike,
  *,
  allow_mixed_protocols: bool = False,
  trained_with: TrainedWith = dict,
) -> str:
  """Writes `workdir/tables/<table>.md`, `.csv` and `.tex`; returns the view for a terminal.

  Args:
    workdir: of a sweep, or a folder with several.
    allow_mixed_protocols: do not refuse results of different protocols, but mark each.
    trained_with: picks the settings that rows should share; a note names those that differ.

  Raises:
    InputError: there are no results, two for the same run, or different protocols; or a user's
      files are in the way.
  """
  workdir = pathlib.Path(workdir)
  folder = workdir / "tables"
  output = OutputFolder(
    folder, "tables", tuple(_file_names()), f"{next(iter(TABLES))}.md", _of_earlier_version,
    "move it away, so that the tables have room",
  )  # fmt: skip
  output.check()
  blocks = blocks_of(
    read_samples(workdir),
    allow_mixed_protocols=allow_mixed_protocols,
    trained_with=trained_with,
  )
  files = []
  with output.replacing() as partial:
    for table in TABLES:
      of_table = [block for block in blocks if block.table == table]
      files += [f"{table}.{{{','.join(table_formats.TABLE_FORMATS)}}}"] if of_table else []
      for suffix, render in table_formats.TABLE_FORMATS.items() if of_table else ():
        text = render(of_table)
        place = partial / f"{table}.{suffix}"
        place.write_text(text, encoding="utf-8", errors="backslashreplace")
  views = [*map(table_formats.terminal, blocks), f"written to {folder}:\n  " + "\n  ".join(files)]
  return "\n\n".join(views)


def _file_names() -> list[str]:
  return [f"{table}.{suffix}" for table in TABLES for suffix in table_formats.TABLE_FORMATS]


def _of_earlier_version(folder: pathlib.Path) -> list[str]:
  """The files of versions without lists: the tables, by their names."""
  found = {path.name for path in folder.iterdir()}
  return [name for name in _file_names() if name in found]


def blocks_of(
  samples: Sequence[Sample],
  *,
  allow_mixed_protocols: bool = False,
  trained_with: TrainedWith = dict,
  published: Mapping[str, Sequence[PublishedRow]] | None = None,
) -> list[Block]:
  """Each table on each data set that has results, unless nobody has a number for it there.

  Args:
    samples: from `read_samples`.
    allow_mixed_protocols: do not refuse different protocols.
    trained_with: see `write_tables`.
    published: from `read_published`; None reads the package's.

  Raises:
    InputError: results on one data set have different protocols.
  """
  if not allow_mixed_protocols:
    check_protocols(samples)
  summaries = summarise(samples)
  found = dict.fromkeys(sample.dataset for sample in samples)
  datasets = [name for name in POSTER_DATASETS if name in found]
  datasets += [name for name in found if name not in POSTER_DATASETS]
  blocks = [
    _block(table, dataset, rows, summaries, samples, trained_with)
    for table, rows in (published or read_published()).items()
    for dataset in datasets
  ]
  return [block for block in blocks if block is not None]


def _block(
  table: str,
  dataset: str,
  rows: Sequence[PublishedRow],
  summaries: Mapping[tuple, Summary],
  samples: Sequence[Sample],
  trained_with: TrainedWith,
) -> Block | None:
  """The table on the data set; None if neither we nor the poster have a number."""
  obstacles = data_obstacles([sample for sample in samples if sample.dataset == dataset])
  of_poster = not obstacles
  pairs = [
    (row, summaries.get((dataset, row.row, row.attribute, row.reranked)))
    for row in rows
    if row.row is not None or (of_poster and dataset in row.numbers)
  ]
  pairs += _subsets(dataset, rows, summaries)
  measured = [summary for _, summary in pairs if summary is not None]
  if not measured and not (of_poster and any(dataset in row.numbers for row in rows)):
    return None
  # On data that the poster does not have, the block has all rows that the table has on any data.
  numbers = [row.numbers.get(dataset) for row in rows if dataset in row.numbers]
  numbers = numbers or [values for row in rows for values in row.numbers.values()]
  names = {name for values in numbers for name in values or ()}
  metrics = tuple(name for name in METRICS.values() if name in names)
  used = [sample for summary in measured for sample in summary.samples]
  protocols = dict.fromkeys(sample.protocol for sample in used)
  lines = tuple(
    _line(row, row.numbers.get(dataset, {}) if of_poster else {}, summary, len(protocols) > 1)
    for row, summary in pairs
  )
  notes = [f"protocol: {protocol}" for protocol in protocols]
  return Block(
    table, dataset, metrics, lines, obstacles, tuple(notes + _settings(used, trained_with))
  )


def _subsets(
  dataset: str, rows: Sequence[PublishedRow], summaries: Mapping[tuple, Summary]
) -> list[tuple[PublishedRow, Summary]]:
  """Results on the gallery of people with the attribute; the poster does not name its gallery."""
  found = [
    (row, summaries.get((dataset, row.row, f"{row.attribute}{SUBSET}", False)))
    for row in rows
    if row.attribute is not None
  ]
  return [
    (dataclasses.replace(row, name=f"{row.name}{SUBSET}"), summary)
    for row, summary in found
    if summary is not None
  ]


def _line(
  row: PublishedRow, published: Mapping[str, float], summary: Summary | None, mixed: bool
) -> Line:
  if summary is None:
    return Line(row.name, {}, {}, published, OTHERS if row.row is None else NOT_RUN, False)
  notes: list[str] = []
  if mixed:
    notes += dict.fromkeys(f"protocol {sample.protocol}" for sample in summary.samples)
  data = data_obstacles(summary.samples)
  notes += [text for text in summary.obstacles if text not in data]
  if summary.seeds > 1:
    notes.append(f"{summary.seeds} seeds")
  notes += [summary.left_out] if summary.left_out else []
  name = f"{row.name}, re-ranked" if row.reranked and "re-ranking" not in row.name else row.name
  comparable = bool(published) and not summary.obstacles
  return Line(name, summary.means, summary.spreads, published, "; ".join(notes), comparable)


def _settings(samples: Sequence[Sample], trained_with: TrainedWith) -> list[str]:
  """Notes on the settings of a block's results, and on those that differ between rows."""
  if not samples:
    return []
  values: dict[str, dict[str, list[str]]] = {}
  for sample in samples:
    for field, value in trained_with(sample.config).items():
      users = values.setdefault(field, {}).setdefault(str(value), [])
      users.append(sample.row.name)
  alike = [f"{name} {next(iter(values[name])) or 'none'}" for name in _STATED
           if len(values.get(name, ())) == 1]  # fmt: skip
  # Epochs alone say little: how many steps one has depends on the sampler.
  least, most = (bound(sample.steps for sample in samples) for bound in (min, max))
  alike.append(f"steps {least:,}" if least == most else f"steps {least:,} to {most:,}")
  notes = ["settings: " + ", ".join(alike)]
  for field, groups in values.items():
    if len(groups) > 1 and not field.startswith(_EXPECTED):
      parts = [
        f"{value or 'none'} ({', '.join(dict.fromkeys(rows))})" for value, rows in groups.items()
      ]
      notes.append(f"rows differ in {field}: " + "; ".join(parts))
  return notes
