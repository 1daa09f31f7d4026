"""The notebook shows one whole run of itself, and it still runs."""

import os
import re

import pytest
import tiny

nbformat = pytest.importorskip("nbformat", reason="needs the extra notebook")
TOUR = tiny.ROOT / "docs" / "tour.ipynb"


def code_of(notebook) -> list:
  return [cell for cell in notebook.cells if cell.cell_type == "code"]


def pictures_in(cells) -> int:
  return sum(
    any(kind.startswith("image/") for kind in output.get("data", {}))
    for cell in cells
    for output in cell.outputs
  )


def test_what_is_shown_is_one_run_from_top_to_bottom():
  cells = code_of(nbformat.read(TOUR, as_version=4))
  assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
  assert all(
    output.output_type != "error" and output.get("name") != "stderr"
    for cell in cells
    for output in cell.outputs
  )
  assert pictures_in(cells) == 10
  assert TOUR.stat().st_size < 500_000


@pytest.mark.slow
def test_it_runs_and_the_ranking_improves():
  from nbclient import NotebookClient

  notebook = nbformat.read(TOUR, as_version=4)
  # Without the tests' hasty compilation: here training takes longer than compiling.
  environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
  environment["PYTHONPATH"] = str(tiny.ROOT)
  where = {"metadata": {"path": str(TOUR.parent)}}
  NotebookClient(notebook, timeout=900, kernel_name="python3", resources=where).execute(
    env=environment
  )
  cells = code_of(notebook)
  assert pictures_in(cells) == 10
  printed = "".join(output.get("text", "") for cell in cells for output in cell.outputs)
  before, after = (
    float(re.search(rf"^{label} training +(\S+)", printed, re.MULTILINE)[1])
    for label in ("before", "after")
  )
  assert after > before + 10
