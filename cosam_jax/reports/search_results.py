"""What a search found: `search.json`, a sheet of pictures for each query, and a table."""

import dataclasses
import pathlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tqdm

from cosam_jax.reports.ranking_sheet import Found, Sheet, save_sheet
from cosam_jax.reports.results import write_json

MOST_SHEETS = 50
"""Queries that get a sheet; search.json has all."""
_TABLE_ROWS, _NAME, _SHOWN = 20, 18, 2


@dataclasses.dataclass(frozen=True)
class Hit:
  """Somebody found.

  Attributes:
    name: the tracklet's name.
    row: its row in the gallery.
    distance: from the query.
    picture: gives uint8[H, W, 3], or None where there is none.
  """

  name: str
  row: int
  distance: float
  picture: Callable[[], np.ndarray | None]


@dataclasses.dataclass(frozen=True, eq=False)
class QueryResult:
  """A query and whom it found, nearest first.

  Attributes:
    name: the query's name.
    picture: gives uint8[H, W, 3], or None where there is none.
    hits: the nearest.
  """

  name: str
  picture: Callable[[], np.ndarray | None]
  hits: Sequence[Hit]


def write_search(
  directory: pathlib.Path, results: Sequence[QueryResult], about: Mapping[str, Any]
) -> None:
  """Writes `search.json` and `sheets/000.png`, ...; replaces those that were there; prints a table.

  Args:
    directory: where to.
    results: one for each query.
    about: what search.json says besides: `query`, `gallery`, `gallery_size`, `distance`, ...
  """
  directory.mkdir(parents=True, exist_ok=True)
  partial, sheets = directory / ".sheets.partial", directory / "sheets"
  shutil.rmtree(partial, ignore_errors=True)
  drawn = [result for result in results[:MOST_SHEETS] if _has_picture(result)]
  note = f"The nearest of {about['gallery_size']:,} in {about['gallery']}, by {about['distance']}."
  files: dict[int, str] = {}
  for result in tqdm.tqdm(drawn, desc="sheets", unit="sheet", disable=None):
    files[id(result)] = f"sheets/{len(files):03d}.png"
    save_sheet(partial / pathlib.Path(files[id(result)]).name, _sheet(result, note))
  shutil.rmtree(sheets, ignore_errors=True)
  if drawn:
    partial.replace(sheets)
  write_json(
    directory / "search.json",
    {**about, "queries": [_record(result, files.get(id(result))) for result in results]},
  )
  print(search_table(results))
  print(f"\n{directory / 'search.json'} has all {len(results):,} queries")
  if not drawn:
    print("no sheets: neither side has pictures; --mode=embed --input writes them")
  elif len(drawn) < len(results):
    print(f"{sheets} has pictures of {len(drawn)} of them; --query_names chooses others")
  else:
    print(f"{sheets} has a picture of each")


def search_table(results: Sequence[QueryResult]) -> str:
  """The first queries and their nearest two; every line fits 80 columns."""
  lines = [f"{'query':<{_NAME}}nearest (distance)", "-" * 79]
  for result in results[:_TABLE_ROWS]:
    name = _cut(result.name, _NAME - 2)
    found = [f"{_cut(hit.name, 18)} ({hit.distance:.3g})" for hit in result.hits[:_SHOWN]]
    lines.append(f"{name:<{_NAME}}{'  '.join(found) or 'nobody'}")
  if len(results) > _TABLE_ROWS:
    lines.append(f"... and {len(results) - _TABLE_ROWS:,} more queries")
  return "\n".join(lines)


def _has_picture(result: QueryResult) -> bool:
  pictures = (result.picture, *(hit.picture for hit in result.hits))
  return any(picture() is not None for picture in pictures)


def _cut(name: str, width: int) -> str:
  """The name's end, which tells tracklets of one folder apart, where it is too long."""
  return name if len(name) <= width else "…" + name[1 - width :]


def _sheet(result: QueryResult, note: str) -> Sheet:
  found = [Found(hit.name, hit.picture(), distance=hit.distance) for hit in result.hits]
  return Sheet(Found(result.name, result.picture()), {"nearest first": found}, note)


def _record(result: QueryResult, sheet: str | None) -> dict[str, Any]:
  hits = [
    {"rank": rank, "name": hit.name, "row": hit.row, "distance": hit.distance}
    for rank, hit in enumerate(result.hits, 1)
  ]
  return {"name": result.name, "sheet": sheet, "results": hits}
