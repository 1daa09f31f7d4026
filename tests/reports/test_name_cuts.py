"""Different names stay different when they are cut, whichever part of them differs."""

import numpy as np
import pytest

from cosam_jax.reports.lettering import fit, font
from cosam_jax.reports.name_cuts import cut_apart
from cosam_jax.reports.ranking_sheet import Found, Sheet, draw_sheet
from cosam_jax.reports.search_results import Hit, QueryResult, search_table

LONG = "2024-05-01_recording_from_the_gate/person_0001"
NAMES = {
  "beginning": lambda i: f"cam{i}{LONG}/track_0001",
  "end": lambda i: f"{LONG}_long_beginning_{i}",
  "middle": lambda i: f"{LONG}/camera_number_{i}/{LONG}",
}


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("width", [8, 14, 30])
def test_what_differs_is_kept(kind, width):
  names = [NAMES[kind](i) for i in range(9)]
  shown = [cut_apart(name, names, lambda text: len(text) <= width) for name in names]
  assert len(set(shown)) == len(names)
  assert all(len(text) <= width for text in shown)
  # Each remaining part stands in the name.
  assert all(part in name for name, text in zip(names, shown) for part in text.split("..."))


def test_short_and_single_names():
  assert cut_apart("abc", ["abd"], lambda text: len(text) <= 3) == "abc"
  assert cut_apart("abcdefghij", ["abcdefghij"], lambda text: len(text) <= 8) == "ab...hij"
  assert cut_apart("abcdefghij", [], lambda text: len(text) <= 1) == "..."


@pytest.mark.parametrize("kind", NAMES)
def test_tables_and_sheets_tell_names_apart(kind):
  names = [NAMES[kind](i) for i in range(3)]
  hit = Hit("x", 0, 1.0, lambda: None)
  table = search_table([QueryResult(name, lambda: None, [hit]) for name in names])
  rows = [line.split("  x ")[0] for line in table.splitlines() if "  x " in line]
  assert len(set(rows)) == 3
  image = np.zeros((64, 32, 3), np.uint8)
  sheets = [Sheet(Found(name, image), {"nearest first": []}, "", names) for name in names]
  assert len({draw_sheet(sheet).tobytes() for sheet in sheets}) == 3
  shown = {fit(name, font(12), 96, names) for name in names}
  assert len(shown) == 3
