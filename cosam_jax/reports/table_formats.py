"""Blocks of the poster's tables as Markdown, CSV, LaTeX, and as text for a terminal."""

import csv
import io
import re
import textwrap
from collections.abc import Callable, Sequence

from cosam_jax.reports.table_blocks import Block, Line

WIDTH = 79
NOT_COMPARABLE = "not comparable with the poster"
CSV_FIELDS = ("table", "dataset", "row", "metric", "ours", "spread", "published", "difference",
              "note", "comparable")  # fmt: skip
_NAME, _KIND, _NUMBER = 24, 11, 11
_LATEX = {"&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
          "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
          "\\": r"\textbackslash{}"}  # fmt: skip


def terminal(block: Block) -> str:
  """A block for the terminal, 79 columns: ours, the poster's and the difference on lines."""
  lines = textwrap.wrap(block.title, WIDTH)
  lines += _wrapped(_obstacle(block))
  columns = "".join(f"{name:>{_NUMBER}}" for name in block.metrics)
  lines += [" " * (_NAME + _KIND) + columns, "-" * WIDTH]
  for line in block.lines:
    kinds = []
    if line.ours:
      kinds.append(("ours", [_percent(line.ours.get(name)) for name in block.metrics]))
    if line.spreads:
      kinds.append(("± seeds", [_percent(line.spreads.get(name)) for name in block.metrics]))
    if line.published:
      kinds.append(("poster", [_published(line, name) for name in block.metrics]))
    if line.comparable:
      kinds.append(("difference", [_difference(line, name) for name in block.metrics]))
    names = textwrap.wrap(line.name, _NAME - 1)
    rows = [
      f"{kind:<{_KIND}}" + "".join(f"{number:>{_NUMBER}}" for number in numbers)
      for kind, numbers in kinds
    ]
    rows += textwrap.wrap(line.note, WIDTH - _NAME)
    for i in range(max(len(names), len(rows))):
      name, row = (part[i] if i < len(part) else "" for part in (names, rows))
      lines.append(f"{name:<{_NAME}}{row}".rstrip())
  lines.append("-" * WIDTH)
  for note in block.notes:
    lines += _wrapped(note)
  return "\n".join(lines)


def markdown(blocks: Sequence[Block]) -> str:
  """One heading and table for each block."""
  parts = []
  for block in blocks:
    heads, rows = _cells(block)
    table = [heads, ["---"] + ["--:"] * (len(heads) - 2) + ["---"], *rows]
    lines = [f"## {block.title}", ""]
    lines += [f"**{_obstacle(block)}**", ""] if block.obstacles else []
    lines += ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in table]
    lines += ["", *(f"- {note}" for note in block.notes)]
    parts.append("\n".join(lines))
  return "\n\n".join(parts) + "\n"


def latex(blocks: Sequence[Block]) -> str:
  r"""One `table` for each block; needs `\usepackage{booktabs}`."""
  parts = [r"% needs \usepackage{booktabs}"]
  for block in blocks:
    heads, rows = _cells(block)
    caption = ". ".join([block.title, *([_obstacle(block)] if block.obstacles else [])])
    lines = [r"\begin{table}", r"\centering", rf"\begin{{tabular}}{{l{'r' * (len(heads) - 2)}l}}"]
    lines += [r"\toprule", _latex_row(heads), r"\midrule", *map(_latex_row, rows), r"\bottomrule"]
    lines += [r"\end{tabular}", rf"\caption{{{_escape(caption)}.}}", r"\end{table}"]
    lines += [f"% {note}" for note in block.notes]
    parts.append("\n".join(lines))
  return "\n\n".join(parts) + "\n"


def comma_separated(blocks: Sequence[Block]) -> str:
  """One line for each number, all digits; empty fields if there is none."""
  text = io.StringIO()
  writer = csv.writer(text, lineterminator="\n")
  writer.writerow(CSV_FIELDS)
  for block in blocks:
    for line in block.lines:
      for name in block.metrics:
        numbers = (
          line.ours.get(name),
          line.spreads.get(name),
          line.published.get(name),
          line.difference(name),
        )
        writer.writerow(
          (block.table, block.dataset, line.name, name)
          + tuple("" if number is None else repr(round(number, 6)) for number in numbers)
          + ("; ".join([line.note] * bool(line.note) + list(block.obstacles)),
             "yes" if line.comparable else "no")
        )  # fmt: skip
  return text.getvalue()


TABLE_FORMATS: dict[str, Callable[[Sequence[Block]], str]] = {
  "md": markdown,
  "csv": comma_separated,
  "tex": latex,
}
"""Suffix of a file -> the function that makes its text."""


def _cells(block: Block) -> tuple[list[str], list[list[str]]]:
  """Heads and rows of a block as text: a name, numbers, a note."""
  heads = ["network"]
  for name in block.metrics:
    heads += [name, f"{name} poster", f"{name} difference"] if block.has_published else [name]
  rows = []
  for line in block.lines:
    row = [line.name]
    for name in block.metrics:
      row.append(_ours(line, name))
      if block.has_published:
        row += [_published(line, name), _difference(line, name)]
    rows.append([*row, line.note])
  return [*heads, "note"], rows


def _ours(line: Line, metric: str) -> str:
  spread = f"±{line.spreads[metric]:.2f}" if metric in line.spreads else ""
  return _percent(line.ours.get(metric)) + spread


def _percent(value: float | None) -> str:
  return "-" if value is None else f"{value:.2f}"


def _published(line: Line, metric: str) -> str:
  value = line.published.get(metric)
  # As printed: one decimal, or two if the source gives two.
  return "-" if value is None else f"{value:.1f}" if value == round(value, 1) else f"{value:.2f}"


def _difference(line: Line, metric: str) -> str:
  difference = line.difference(metric)
  return "-" if difference is None else f"{difference:+.2f}"


def _obstacle(block: Block) -> str:
  return f"{NOT_COMPARABLE}: {'; '.join(block.obstacles)}" if block.obstacles else ""


def _wrapped(text: str) -> list[str]:
  return textwrap.wrap(text, WIDTH, subsequent_indent="  ")


def _escape(text: str) -> str:
  escaped = re.sub(r"[&%$#_{}~^\\]", lambda found: _LATEX[found[0]], text)
  return escaped.replace("±", r"$\pm$")


def _latex_row(cells: Sequence[str]) -> str:
  return " & ".join(map(_escape, cells)) + r" \\"
