"""A comparison for people: a table under 80 columns, and sentences in plain words."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from cosam_jax.reports.comparison import SIDES, SURE_BELOW
from cosam_jax.reports.comparison_sides import fields_in_words, remark_on_files

WIDTH = 79
NAMED = 6  # At most this many files of a side are named.


def comparison_table(record: Mapping[str, Any]) -> str:
  """The table, its sources, and the verdicts.

  Args:
    record: from `comparison.compare`.
  """
  card, blocks = record["card"], []
  for comparison in record["comparisons"]:
    head = f"{card['dataset']} (%)"[:22]
    lines = [kind for kind in [_kind(comparison)] if kind]
    lines += [f"{head:<22}{'A':>10}{'B':>16}{'A - B':>9}{'95% interval':>15}{'p':>7}", "-" * WIDTH]
    for name, metric in comparison["metrics"].items():
      lines += _rows(name, metric)
    blocks.append("\n".join(lines))
  facts = [_side(label, record[label]) for label in SIDES]
  facts.append(f"differ in  {fields_in_words(record['differing_fields'])}")
  asked = record["comparisons"][0]
  facts.append(
    f"queries    {asked['queries']:,} of {asked['identities']:,} people count; "
    f"protocol {card['protocol']}, frames {card['frames']}, distance {card['distance']}"
  )
  for mark in record["mixed_protocols"]:
    facts.append(f"MIXED      {mark}")
  facts += [f"warning    {warning}" for warning in record["warnings"]]
  method = record["method"]
  facts.append(
    f"method     {method['interval']}, {method['resamples']:,} draws, seed {method['seed']}; p: "
    f"{method['test']}; {method['runs']}; ± is the standard deviation over a side's runs"
  )
  blocks.append("\n".join(_wrap(fact, " " * 11) for fact in facts))
  blocks.append("\n".join(_wrap(sentence) for sentence in verdicts(record)))
  return "\n\n".join(blocks)


def verdicts(record: Mapping[str, Any]) -> list[str]:
  """Sentences, for each comparison, on whether mAP and Rank-1 differ by more than luck."""
  same = remark_on_files([[run["file"] for run in record[label]] for label in SIDES])
  sentences = [same] if same else []
  for comparison in record["comparisons"]:
    kind = f"{_kind(comparison)}: " if _kind(comparison) else ""
    for name in ("mAP", "Rank-1"):
      sentences.append(kind + _verdict(name, comparison["metrics"][name]["difference"]))
  runs = [len(record[label]) for label in SIDES]
  if min(runs) == 1:
    sentences.append(
      "A side of one run cannot say how another seed would have come out: compare several."
    )
  if record["mixed_protocols"]:
    sentences.append("The two sides follow different protocols, so none of this is evidence.")
  return sentences


def _kind(comparison: Mapping[str, Any]) -> str:
  """The name of a comparison; empty for the usual one, of everybody as ranked."""
  parts = [f"{comparison['attribute']}, {comparison['attribute_gallery']} gallery"] if (
    comparison.get("attribute")) else []  # fmt: skip
  parts += ["re-ranked"] if comparison["reranking"] else []
  return ", ".join(parts)


def _verdict(name: str, difference: Mapping[str, Any]) -> str:
  gain, p = difference["fraction"], difference["p"]
  low, high = difference["interval"]
  size = f"by {_points(abs(gain))} points (95% interval of A - B {_range(low, high)}, p = {p:.3g})"
  if abs(gain) < 1e-9:  # Sums in another order differ in the last digits.
    return f"{name}: A and B are equal."
  ahead = f"{name}: {'A' if gain > 0 else 'B'} is ahead {size}"
  if p >= SURE_BELOW:
    return f"{ahead}, which may be luck in the choice of people."
  with_runs = difference["interval_with_runs"]
  if with_runs is None:
    return f"{ahead}: more than luck in the choice of people."
  between = f"with the training runs drawn too, the interval is {_range(*with_runs)}"
  if with_runs[0] <= 0 <= with_runs[1]:
    return (
      f"{ahead}: more than luck in the choice of people; but {between}, so it may be luck of "
      "training."
    )
  return f"{ahead}: more than luck in the choice of people; {between}: more than luck of training."


def _rows(name: str, metric: Mapping[str, Any]) -> list[str]:
  cells, ranges = [], []
  for label in SIDES:
    side = metric[label]
    spread = "" if side["spread"] is None else f" ±{_points(side['spread'])}"
    cells.append(f"{_points(side['fraction'])}{spread}")
    ranges.append(_range(*side["interval"]))
  difference = metric["difference"]
  gain = f"{100 * difference['fraction']:+.2f}"
  p = f"{difference['p']:.4f}"
  return [
    f"{name:<16}{cells[0]:>16}{cells[1]:>16}{gain:>9}{_range(*difference['interval']):>15}{p:>7}",
    f"{'  95% interval':<16}{ranges[0]:>16}{ranges[1]:>16}",
  ]


def _side(label: str, runs: Sequence[Mapping[str, Any]]) -> str:
  """The runs, seeds and files of a side, in words."""
  files = [run["file"] for run in runs]
  seeds = ", ".join(str(run["seed"]) for run in runs)
  count = f"{len(runs)} runs" if len(runs) > 1 else "1 run"
  more = f" and {len(files) - NAMED} more" if len(files) > NAMED else ""
  place = ", ".join(files[:NAMED]) + more
  return f"{label:<11}{count} (seed {seeds}): {place}"


def _points(fraction: float) -> str:
  return f"{100 * fraction:.2f}"


def _range(low: float, high: float) -> str:
  return f"{100 * low:.1f} to {100 * high:.1f}"


def _wrap(text: str, indent: str = "") -> str:
  return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_on_hyphens=False)
