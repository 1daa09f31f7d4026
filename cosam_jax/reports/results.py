"""results.json, and the table that the terminal shows when an evaluation ends.

A result is a plain mapping, or anything with a method `record` that makes one:
`label`, `card` (the protocol), `metrics` (fractions by name), `cmc` (fractions), `queries` (lists).
"""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import cosam_jax
from cosam_jax.errors import InputError
from cosam_jax.reports.foreign_words import input_words, network_words
from cosam_jax.reports.results_shape import checked_results
from cosam_jax.runtime.json_files import check_ours, read_json
from cosam_jax.runtime.whole_files import whole_file

FORMAT = 1
EVALUATIONS = "evaluations"
"""A folder of a run, with a folder for each evaluation that is not the run's own."""
PAGE = "index.html"
"""A file of a report page's folder, which has a copy of the results."""
COLUMNS = ("mAP", "Rank-1", "Rank-5", "Rank-10", "Rank-20", "mINP")
WIDTH = 79
# Facts that may differ between rows of one table.
_OF_A_ROW = ("reranking", "checkpoint", "checkpoint_hash")


def write_results(
  path: str | os.PathLike, results: Sequence[Any], run: Mapping[str, Any] | None = None
) -> None:
  """Writes results whole or not at all: a reader never sees half a file.

  Every metric is written twice, so that nobody has to guess: as `fraction` (0..1, all digits) and
  as `percent` (two decimals).

  Args:
    path: the file, usually `results.json` in the run's folder, which is made if need be.
    results: see the module's docstring.
    run: other facts that identify the run, such as seed and configuration; plain values.

  Raises:
    InputError: the file cannot be written (no permission, full disk).
  """
  write_json(path, results_content(results, run))


def check_replaceable(*paths: str | os.PathLike) -> None:
  """Refuses, before any work, to replace files that are not results; results may be replaced.

  Raises:
    InputError: somebody's file, or one that is too damaged to tell.
  """
  for path in paths:
    check_ours(path, ("run", "results"))


def results_content(results: Sequence[Any], run: Mapping[str, Any] | None = None) -> dict[str, Any]:
  """The content of a results file, as plain values."""
  return {
    "format": FORMAT,
    "program": f"cosam-jax {cosam_jax.__version__}",
    "run": dict(run or {}),
    "results": [_explicit(_record(result)) for result in results],
  }


def write_json(path: str | os.PathLike, content: Mapping[str, Any]) -> None:
  """Writes plain values whole or not at all, a line for each field; InputError if that fails."""
  text = _pretty(content) + "\n"
  try:
    with whole_file(path) as file:
      file.write(text.encode())
  except OSError as error:
    raise InputError(
      f"The results could not be written to {path}: {error.strerror or error}; make room or choose "
      "another folder, and evaluate again."
    ) from error


def read_results(path: str | os.PathLike) -> dict[str, Any]:
  """Reads a file of `write_results`, and checks it; see `results_shape`.

  Raises:
    InputError: the file is missing, damaged or not results; the error names file and place.
  """
  content = read_json(path, "results", "give a results.json that an evaluation wrote")
  if not isinstance(content, dict) or content.get("format") != FORMAT:
    found = content.get("format") if isinstance(content, dict) else None
    raise InputError(
      f"{path} has results format {found!r} and this program reads format {FORMAT}; evaluate again."
    )
  return checked_results(content, path)


def terminal_table(results: Sequence[Any]) -> str:
  """The numbers in percent, with the protocol below them; every line is under 80 columns.

  Results of the same protocol (re-ranked or not, or with several labels) share one block; those of
  attributes share the last one.

  Args:
    results: see the module's docstring.
  """
  records = list(map(_record, results))
  by_attribute = [record for record in records if record["card"].get("attribute")]
  blocks: dict[str, tuple[Mapping[str, Any], list[str]]] = {}
  for record in records:
    card = record["card"]
    if card.get("attribute"):
      continue
    shared = {key: value for key, value in card.items() if key not in _OF_A_ROW}
    key = json.dumps(shared, sort_keys=True, default=str)
    blocks.setdefault(key, (card, []))[1].extend(_rows(record))
  tables = [_block(card, rows) for card, rows in blocks.values()]
  return "\n\n".join([*tables, *([_attribute_block(by_attribute)] if by_attribute else [])])


def _record(result: Any) -> Mapping[str, Any]:
  return result if isinstance(result, Mapping) else result.record()


def _fraction(value: Any) -> float:
  # Records in memory hold plain numbers; records from a file hold fraction and percent.
  return float(value["fraction"] if isinstance(value, Mapping) else value)


def _explicit(record: Mapping[str, Any]) -> dict[str, Any]:
  fractions = {name: _fraction(value) for name, value in record["metrics"].items()}
  metrics = {
    name: {"fraction": fraction, "percent": round(100 * fraction, 2)}
    for name, fraction in fractions.items()
  }
  return {**record, "metrics": metrics}


def _pretty(value: Any, indent: str = "") -> str:
  """JSON with a line for each field, but a list of numbers or names on one line."""
  inner = indent + " "
  if isinstance(value, Mapping) and value:
    items = [f"{inner}{json.dumps(key)}: {_pretty(value[key], inner)}" for key in value]
    return "{\n" + ",\n".join(items) + f"\n{indent}}}"
  if isinstance(value, (list, tuple)) and any(isinstance(item, Mapping) for item in value):
    items = [inner + _pretty(item, inner) for item in value]
    return "[\n" + ",\n".join(items) + f"\n{indent}]"
  return json.dumps(value, allow_nan=False)


def _rows(record: Mapping[str, Any]) -> list[str]:
  """The numbers, and their intervals if the record has them."""
  reranking = record["card"].get("reranking")
  name = record.get("label") or ""
  if reranking:
    name = f"{name}, re-ranked" if name else "re-ranked"
  numbers = metric_cells(record)
  rows = [f"{_cut(name or 'as ranked', WIDTH - len(numbers)):<{WIDTH - len(numbers)}}{numbers}"]
  uncertainty = record.get("uncertainty")
  if uncertainty:
    low, high = zip(*[uncertainty["intervals"][key] for key in COLUMNS])
    level = f"{100 * uncertainty['level']:.0f}%"
    rows.append(_bounds(f"  {level} interval from", low))
    people = f"    to, drawing {uncertainty['identities']:,} people"
    rows.append(_bounds(people, high))
  return rows


def _bounds(name: str, fractions: Sequence[float]) -> str:
  numbers = "".join(f"{100 * value:>8.1f}" for value in fractions)
  return f"{name:<{WIDTH - len(numbers)}}{numbers}"


def metric_cells(record: Mapping[str, Any]) -> str:
  """The metrics of `COLUMNS` in percent, 8 characters each."""
  return "".join(f"{100 * _fraction(record['metrics'][key]):>8.2f}" for key in COLUMNS)


def _attribute_block(records: Sequence[Mapping[str, Any]]) -> str:
  """A row for each attribute and gallery, with the queries that count."""
  heads = "".join(f"{key:>8}" for key in COLUMNS)
  lines = [f"{'attribute (%)':<23}{'queries':>8}{heads}", "-" * WIDTH]
  for record in records:
    card = record["card"]
    count, gallery = f"{card['valid_queries']:,}", card["attribute_gallery"]
    name = f"{_cut(card['attribute'], 22 - len(gallery))} {gallery}"
    lines.append(f"{name:<23}{count:>8}{metric_cells(record)}")
  lines.append("gallery   whole, or the subset of tracklets with the attribute")
  counts = [f"{count:,} {name}" for name, count in records[0]["card"]["unannotated"].items()]
  lines.append(f"unknown   {', '.join(counts)} without annotation")
  return "\n".join(lines)


def _block(card: Mapping[str, Any], rows: Sequence[str]) -> str:
  heads = "".join(f"{key:>8}" for key in COLUMNS)
  split = f", split {card['split']}" if card.get("split") is not None else ""
  title = _cut(f"{card['dataset']}{split} (%)", WIDTH - len(heads))
  return "\n".join([f"{title:<{WIDTH - len(heads)}}{heads}", "-" * WIDTH, *rows, *_protocol(card)])


def _protocol(card: Mapping[str, Any]) -> list[str]:
  gallery = [f"{card['gallery_size']:,} tracklets", f"{card['distractors']:,} distractors"]
  gallery.append(f"{card['queries_in_gallery']:,} queries in it")
  if card["junk"]:
    gallery.append(f"{card['junk']:,} junk dropped")
  queries = [f"{card['queries']:,}", f"{card['valid_queries']:,} of them count"]
  queries += [f"{count:,}: {reason}" for reason, count in card["not_counted"].items()]
  frames = [f"{card['frames']} ({card['frames_used']:,})"]
  if card["num_frames"] is not None:
    frames.append(f"clips of {card['num_frames']}")
  if card.get("flip"):
    frames.append("with mirror images")
  foreign = card.get("foreign") or {}
  network = {"network": network_words(foreign), "input": input_words(foreign)} if foreign else {}
  facts = {
    **network,
    "protocol": [card["protocol"]],
    "gallery": gallery,
    "queries": queries,
    "frames": frames,
    "distance": [card["distance"]],
  }
  lines = []
  for name, parts in facts.items():
    line = f"{name:<10}"
    for i, part in enumerate(parts):
      piece = part if i + 1 == len(parts) else f"{part}, "
      if len(line) + len(piece.rstrip()) > WIDTH and line.strip():
        lines.append(line.rstrip())
        line = " " * 10
      line += _cut(piece, WIDTH - 10)
    lines.append(line.rstrip())
  return lines


def _cut(text: str, width: int) -> str:
  return text if len(text) <= width else text[: width - 4] + "... "
