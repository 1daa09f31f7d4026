"""Builds the tables of docs/results.md between marks, from the results files in docs/measured.

  python docs/build_results.py

A row is a network: the mean over its runs (seeds), with the spread over them and an interval over
people, beside another row as `--mode=compare` compares them: the first of its table, or the one
above it. A test fails if docs/results.md is not what this writes.
"""

import dataclasses
import pathlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from cosam_jax.reports.comparison import compare, files_of

DOCS = pathlib.Path(__file__).resolve().parent
MEASURED = "measured/mars8"


@dataclasses.dataclass(frozen=True)
class Table:
  """The rows of one question.

  Attributes:
    folder: of the runs, below docs/measured/mars8.
    rows: words for people -> the name of the first run's folder; `_seedN` follows for others.
    pairs: whether the second row of each two is compared with the first of the two, rather than
      every row with the first of all.
  """

  folder: str
  rows: Mapping[str, str]
  pairs: bool = False


_OSNET = "osnet_x0_25"
_STRONG = f"{_OSNET}_cosam45_tp_restricted"
TABLES: dict[str, Table] = {
  "untrained": Table("untrained", {
    "half-width ResNet-50": "resnet50_half",
    "OSNet x0.25": "osnet",
  }),
  "positions": Table("osnet_2019", {
    "no COSAM": f"{_OSNET}_none_tp",
    "COSAM4,5": f"{_OSNET}_cosam45_tp",
    "COSAM3": f"{_OSNET}_cosam3_tp",
    "COSAM4": f"{_OSNET}_cosam4_tp",
    "COSAM5": f"{_OSNET}_cosam5_tp",
  }),
  "strong_positions": Table("osnet_strong", {
    "no COSAM": f"{_OSNET}_none_tp_restricted",
    "COSAM4,5": _STRONG,
    "COSAM5": f"{_OSNET}_cosam5_tp_restricted",
  }),
  "heads": Table("osnet_2019", {
    "TP, no COSAM": f"{_OSNET}_none_tp",
    "TP, COSAM4,5": f"{_OSNET}_cosam45_tp",
    "TA, no COSAM": f"{_OSNET}_none_ta",
    "TA, COSAM4,5": f"{_OSNET}_cosam45_ta",
    "RNN, no COSAM": f"{_OSNET}_none_rnn",
    "RNN, COSAM4,5": f"{_OSNET}_cosam45_rnn",
  }, pairs=True),
  "masks": Table("osnet_strong", {
    "COSAM4,5 as published": _STRONG,
    "`descriptors_below`": f"{_STRONG}_descriptors_below",
    "`gate_multiplies`": f"{_STRONG}_gate_multiplies",
    "`open_masks`": f"{_STRONG}_open_masks",
    "`order_free`": f"{_STRONG}_order_free",
    "`position_free`": f"{_STRONG}_position_free",
    "`sparse_masks`": f"{_STRONG}_sparse_masks",
    "no COSAM": f"{_OSNET}_none_tp_restricted",
  }),
  "switches": Table("osnet_strong", {
    "the strong recipe": f"{_OSNET}_none_tp_restricted",
    "`no_erasing`": f"{_OSNET}_none_tp_restricted_no_erasing",
    "`average_pool`": f"{_OSNET}_none_tp_restricted_average_pool",
    "`no_neck`": f"{_OSNET}_none_tp_restricted_no_neck",
    "`euclidean_triplet`": f"{_OSNET}_none_tp_restricted_euclidean_triplet",
    "`sequential`": f"{_OSNET}_none_tp",
    "`bilinear`": f"{_OSNET}_none_tp_restricted_bilinear",
    "`enlarged_crops`": f"{_OSNET}_none_tp_restricted_enlarged_crops",
    "`change_each_frame`": f"{_OSNET}_none_tp_restricted_change_each_frame",
    "`neck_of_clips`": f"{_OSNET}_none_tp_restricted_neck_of_clips",
    "`neck_for_classifier`": f"{_OSNET}_none_tp_restricted_neck_for_classifier",
    "`embedding_before_neck`": f"{_OSNET}_none_tp_restricted_embedding_before_neck",
    "`uniform_classifier`": f"{_OSNET}_none_tp_restricted_uniform_classifier",
    "`smoothed_labels`": f"{_OSNET}_none_tp_restricted_smoothed_labels",
    "sampler `every_identity`": f"{_OSNET}_none_tp_restricted_every_identity",
  }),
  "clips": Table("osnet_2019", {
    "4 frames, sequential": f"{_OSNET}_cosam45_tp",
    "2 frames": f"{_OSNET}_cosam45_tp_n2",
    "8 frames": f"{_OSNET}_cosam45_tp_n8",
    "4 frames, random": f"{_OSNET}_cosam45_tp_random",
    "4 frames, restricted": f"{_OSNET}_cosam45_tp_restricted",
  }),
}  # fmt: skip
"""Name in the marks -> table."""


def runs_of(table: Table, name: str) -> list[pathlib.Path]:
  """The results files of a row, seed by seed."""
  folder = DOCS / MEASURED / table.folder
  others = sorted(folder.glob(f"{name}_seed*/results.json"))
  return [*files_of(str(folder / name)), *others]


def built(table: Table) -> str:
  """The table in Markdown."""
  beside = "the row above" if table.pairs else "the first row"
  heads = ("", "runs", "mAP", "Rank-1", f"mAP beside {beside}", "Rank-1 beside it")
  lines, base = [heads, ("---",) * len(heads)], list[pathlib.Path]()
  for number, (words, name) in enumerate(table.rows.items()):
    files, begins = runs_of(table, name), number % 2 == 0 if table.pairs else number == 0
    base = files if begins else base
    record = compare(files, base)
    metrics = record["comparisons"][0]["metrics"]
    cells = [words, _links(files)]
    cells += [_side(metrics[metric]["A"]) for metric in ("mAP", "Rank-1")]
    cells += ["", ""] if begins else [
      _difference(metrics[metric]["difference"]) for metric in ("mAP", "Rank-1")
    ]  # fmt: skip
    lines.append(tuple(cells))
  return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _links(files: Iterable[pathlib.Path]) -> str:
  """A link to each run's results, by its seed."""
  found = []
  for file in files:
    seed = re.search(r"_seed(\d+)$", file.parent.name)
    found.append(f"[{seed[1] if seed else 0}]({file.relative_to(DOCS)})")
  return ", ".join(found)


def _side(side: Mapping[str, Any]) -> str:
  spread = "" if side["spread"] is None else f" ±{100 * side['spread']:.1f}"
  return f"{100 * side['fraction']:.1f}{spread} ({_range(side['interval'])})"


def _difference(difference: Mapping[str, Any]) -> str:
  chance = f"p = {difference['p']:.3f}" if difference["p"] >= 0.0005 else "p < 0.001"
  return f"{100 * difference['fraction']:+.1f} ({_range(difference['interval'])}), {chance}"


def _range(bounds: Iterable[float]) -> str:
  return " to ".join(f"{100 * bound:.1f}" for bound in bounds)


def filled(text: str) -> str:
  """A document with every marked table in its place."""
  for name, table in TABLES.items():
    begin, end = f"<!-- table {name}, by docs/build_results.py -->\n", f"<!-- end of {name} -->\n"
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    assert found, f"docs/results.md lacks the marks of {name}"
    text = f"{before}{begin}\n{built(table)}\n{end}{after}"
  return text


def main() -> None:
  """Writes the page."""
  path = DOCS / "results.md"
  path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
  print(path)


if __name__ == "__main__":
  main()
