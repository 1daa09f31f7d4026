"""Tables rendered and parsed back: every format has the same numbers."""

import csv
import io

import pytest
from poster_results import blocks, record, write

from cosam_jax.reports import poster_tables, table_formats
from cosam_jax.reports.poster_rows import BEST_ROW


def markdown_cells(text):
  rows = [line for line in text.splitlines() if line.startswith("|")]
  cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
  return [cells[0], *cells[2:]]


def latex_cells(text):
  text = text.replace(r"$\pm$", "±").replace(r"\_", "_").replace(r"\%", "%")
  rows = [line.removesuffix(r" \\") for line in text.splitlines() if line.endswith(r"\\")]
  return [[cell.strip() for cell in row.split(" & ")] for row in rows]


def csv_numbers(text):
  rows = csv.DictReader(io.StringIO(text))
  return {(row["row"], row["metric"]): row for row in rows}


def test_every_format_says_the_same_when_parsed_back(mars):
  poster_tables.write_tables(mars)
  block = blocks(mars)["positions", "mars"]
  read = {
    suffix: (mars / "tables" / f"positions.{suffix}").read_text() for suffix in ("md", "csv", "tex")
  }
  cells = markdown_cells(read["md"])
  assert latex_cells(read["tex"]) == cells
  heads, rows = cells[0], cells[1:]
  numbers = csv_numbers(read["csv"])
  assert len(numbers) == len(rows) * len(block.metrics) == 48
  for row, line in zip(rows, block.lines, strict=True):
    found = dict(zip(heads, row, strict=True))
    assert (found["network"], found["note"]) == (line.name, line.note)
    for name in block.metrics:
      exact = numbers[line.name, name]
      wanted = {"ours": line.ours, "spread": line.spreads, "published": line.published}
      for field, values in wanted.items():
        assert (exact[field] == "") == (name not in values)
        if name in values:
          assert float(exact[field]) == pytest.approx(values[name], abs=1e-6)
      ours, _, spread = found[name].partition("±")
      assert (ours == "-") == (exact["ours"] == "")
      if exact["ours"]:
        assert float(ours) == pytest.approx(float(exact["ours"]), abs=0.005001)
        difference = float(exact["ours"]) - float(exact["published"])
        assert float(found[f"{name} difference"]) == pytest.approx(difference, abs=0.005001)
        assert float(exact["difference"]) == pytest.approx(difference, abs=2e-6)
      if exact["spread"]:
        assert float(spread) == pytest.approx(float(exact["spread"]), abs=0.005001)
      assert float(found[f"{name} poster"]) == float(exact["published"])


def terminal_numbers(text):
  """Maps each kind of line to the numbers of its lines."""
  found = {}
  for line in text.splitlines():
    words = line[24:].split()
    if words[:1] in (["ours"], ["poster"], ["difference"]):
      found.setdefault(words[0], []).append(words[1:])
  return found


def test_the_terminals_view_fits_and_has_the_same_numbers(mars):
  view = poster_tables.write_tables(mars)
  tables = view.partition("written to")[0]  # The rest holds a path.
  assert max(map(len, tables.splitlines())) <= 79
  block = blocks(mars)["positions", "mars"]
  found = terminal_numbers(table_formats.terminal(block))
  assert found["poster"] == [
    [f"{line.published[name]:.1f}" for name in block.metrics] for line in block.lines
  ]
  measured = [line for line in block.lines if line.ours]
  assert found["ours"] == [
    [f"{line.ours[name]:.2f}" for name in block.metrics] for line in measured
  ]  # fmt: skip
  assert found["difference"] == [
    [f"{line.ours[name] - line.published[name]:+.2f}" for name in block.metrics]
    for line in measured
  ]


@pytest.mark.parametrize(
  ("dataset", "warnings", "reason"),
  [
    ("synthetic", [], "the poster has no data set synthetic"),
    ("mars", ["mars train: expected 8,298, found 24; this is a subset"], "this is a subset"),
  ],
)
def test_other_data_are_marked_and_get_no_published_number(tmp_path, dataset, warnings, reason):
  write(tmp_path, "best", BEST_ROW, record((60.0, 50.0), dataset=dataset, warnings=warnings))
  block = blocks(tmp_path)["positions", dataset]
  assert reason in block.obstacles[0]
  assert not block.has_published
  assert all(line.difference("mAP") is None for line in block.lines)
  poster_tables.write_tables(tmp_path)
  for suffix in ("md", "tex"):
    text = (tmp_path / "tables" / f"positions.{suffix}").read_text()
    assert table_formats.NOT_COMPARABLE in text
    assert "difference" not in text
    assert "79.9" not in text
  rows = csv_numbers((tmp_path / "tables" / "positions.csv").read_text())
  assert {row["published"] + row["difference"] for row in rows.values()} == {""}
  comparison = blocks(tmp_path)["state_of_the_art", dataset]
  assert len(comparison.lines) == 4  # Others' methods have no number on these data.
