"""The outcome of a search: `search.json`, a sheet of pictures for each query, and a table."""

import dataclasses
import pathlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tqdm

from cosam_jax.errors import InputError
from cosam_jax.evaluation.sightings import NEVER_SEEN, Sighting
from cosam_jax.reports.name_cuts import cut_apart
from cosam_jax.reports.ranking_sheet import Found, Sheet, save_sheet
from cosam_jax.reports.results import write_json
from cosam_jax.runtime.json_files import read_json
from cosam_jax.runtime.output_folders import OutputFolder

MOST_SHEETS = 50
"""At most this many queries get a sheet; search.json has all."""
_RECORD, _SHEETS = "search.json", "sheets"
_TABLE_ROWS, _SHOWN = 20, 2


@dataclasses.dataclass(frozen=True)
class Hit:
  """A gallery tracklet that was found.

  Attributes:
    name: the tracklet's name.
    row: its row in the gallery.
    distance: from the query.
    picture: returns uint8[H, W, 3], or None if there is none.
    seen: where and when it was seen.
    right: whether it is the query's person; None if unknown.
    rates: what a calibration says about the distance, `false_match_rate` among it; may be empty.
  """

  name: str
  row: int
  distance: float
  picture: Callable[[], np.ndarray | None]
  seen: Sighting = NEVER_SEEN
  right: bool | None = None
  rates: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, eq=False)
class QueryResult:
  """A query and the tracklets found for it, nearest first.

  Attributes:
    name: the query's name.
    picture: returns uint8[H, W, 3], or None if there is none.
    hits: the nearest tracklets.
    seen: where and when the query was seen.
    searched: number of gallery entries that were ranked; None: all of them.
  """

  name: str
  picture: Callable[[], np.ndarray | None]
  hits: Sequence[Hit]
  seen: Sighting = NEVER_SEEN
  searched: int | None = None


# (heading, most letters, function that makes the text)
_COLUMNS: tuple[tuple[str, int, Callable[[Hit], str]], ...] = (
  ("nearest", 80, lambda hit: hit.name),
  ("distance", 8, lambda hit: f"{hit.distance:.3g}"),
  ("FMR", 8, lambda hit: f"{hit.rates['false_match_rate']:.2g}" if hit.rates else ""),
  ("camera", 8, lambda hit: hit.seen.camera or ""),
  ("frames", 17, lambda hit: hit.seen.frames_text()),
  ("time", 17, lambda hit: hit.seen.time_text()),
)


def search_folder(directory: pathlib.Path) -> OutputFolder:
  """The folder of a search's `search.json` and sheets."""
  names = (_RECORD, f"{_SHEETS}/[0-9][0-9][0-9].*")
  return OutputFolder(directory, "search", names, _RECORD, _of_earlier_version)


def _of_earlier_version(directory: pathlib.Path) -> list[str]:
  """The files of versions without lists: search.json, and the sheets that it names."""
  try:
    content = read_json(directory / _RECORD, "search", "move it away")
    sheets = [query["sheet"] for query in content["queries"] if query["sheet"]]
    names = [name for name in sheets if re.fullmatch(rf"{_SHEETS}/\d+\.png", name)]
  except (InputError, KeyError, TypeError):
    return []
  return [_RECORD, *names, *(f"{name.removesuffix('png')}json" for name in names)]


def write_search(
  directory: pathlib.Path, results: Sequence[QueryResult], about: Mapping[str, Any]
) -> None:
  """Writes `search.json` and `sheets/000.png`, ..., in place of an earlier call's; prints a table.

  Args:
    directory: the output folder.
    results: one for each query.
    about: other entries of search.json: `query`, `gallery`, `gallery_size`, `distance`, ...

  Raises:
    InputError: a user's files are in the way.
  """
  output, sheets = search_folder(directory), directory / _SHEETS
  source = {name: about[name] for name in ("query", "gallery")}
  before = output.source
  drawn = [result for result in results[:MOST_SHEETS] if _has_picture(result)]
  files: dict[int, str] = {}
  names = [name for result in drawn for name in (result.name, *(hit.name for hit in result.hits))]
  among = tuple(dict.fromkeys(names))
  with output.replacing(source) as partial:
    for result in tqdm.tqdm(drawn, desc="sheets", unit="sheet", disable=None):
      files[id(result)] = f"{_SHEETS}/{len(files):03d}.png"
      save_sheet(partial / files[id(result)], _sheet(result, _note(result, about), among))
    records = [_record(result, files.get(id(result))) for result in results]
    write_json(partial / _RECORD, {**about, "queries": records})
  if before not in (None, source):
    print(f"this search replaces that of {before.get('query')} in {before.get('gallery')}\n")
  print(search_table(results))
  for sentence in _sentences(results, about):
    print(sentence)
  most = max((len(result.hits) for result in results), default=0)
  cut = f", with up to {most} nearest of each; the table shows {_SHOWN}" if most > _SHOWN else ""
  print(f"\n{directory / 'search.json'} has all {len(results):,} queries{cut}")
  if not drawn:
    print("no sheets: neither side has pictures; --mode=embed --input writes them")
  elif len(drawn) < len(results):
    print(f"{sheets} has pictures of {len(drawn)} of them; --query_names chooses others")
  else:
    print(f"{sheets} has a picture of each")


def _note(result: QueryResult, about: Mapping[str, Any]) -> str:
  """A sentence on the gallery for a query's sheet; a query may have been given a part of it."""
  size, searched = about["gallery_size"], result.searched
  part = "" if searched in (None, size) else f"the {searched:,} under other cameras, of "
  return f"The nearest of {part}{size:,} in {about['gallery']}, by {about['distance']}."


def search_table(results: Sequence[QueryResult]) -> str:
  """The first queries and their nearest two, with the known facts; every line fits 80 columns."""
  shown = results[:_TABLE_ROWS]
  hits = [hit for result in shown for hit in result.hits[:_SHOWN]]
  columns = [
    (heading, min(most, max([len(heading), *(len(text(hit)) for hit in hits)])), text)
    for heading, most, text in _COLUMNS
    if heading in ("nearest", "distance") or any(text(hit) for hit in hits)
  ]
  # Names share the width that frames and times leave, and are cut first.
  room = (79 - sum(2 + width for _, width, _ in columns[1:])) // 2 - 1
  query = min(room, max([len("query"), *(len(result.name) for result in shown)]))
  heading, width, name_of = columns[0]
  columns[0] = heading, min(width, room), name_of
  headings = "  ".join(f"{heading:<{width}}" for heading, width, _ in columns)
  lines = [f"{'query':<{query}}  {headings}".rstrip(), "-" * 79]
  names = [result.name for result in shown]
  for result in shown:
    name = _cut(result.name, query, names)
    for hit in result.hits[:_SHOWN]:
      cells = "  ".join(
        f"{_cut(text(hit), width, map(text, hits)):<{width}}" for _, width, text in columns
      )
      lines.append(f"{name:<{query}}  {cells}".rstrip())
      name = ""
    if not result.hits:
      lines.append(f"{name:<{query}}  nobody")
  if len(results) > _TABLE_ROWS:
    lines.append(f"... and {len(results) - _TABLE_ROWS:,} more queries")
  return "\n".join(lines)


def _sentences(results: Sequence[QueryResult], about: Mapping[str, Any]) -> list[str]:
  """Sentences on tracklets left out, and on how often the nearest is right, if that is known."""
  found = []
  counts = [result.searched for result in results if result.searched is not None]
  if counts:
    left = [about["gallery_size"] - count for count in counts]
    many = f"{min(left):,}" if min(left) == max(left) else f"{min(left):,} to {max(left):,}"
    found.append(
      f"left out of {about['gallery_size']:,}: those that each query's own camera saw, "
      f"{many} tracklets"
    )
    if not any(counts):
      found.append("nobody is found: every tracklet of the gallery is from the query's own camera")
  known = [result.hits[0].right for result in results if result.hits]
  judged = [right for right in known if right is not None]
  if judged:
    found.append(
      f"the nearest is the query's person for {sum(judged):,} of {len(judged):,} queries whose "
      "person is known"
    )
  return found


def _has_picture(result: QueryResult) -> bool:
  pictures = (result.picture, *(hit.picture for hit in result.hits))
  return any(picture() is not None for picture in pictures)


def _cut(name: str, width: int, among: Iterable[str]) -> str:
  return cut_apart(name, among, lambda shorter: len(shorter) <= width)


def _sheet(result: QueryResult, note: str, names: tuple[str, ...]) -> Sheet:
  found = [
    Found(
      hit.name,
      hit.picture(),
      identity=hit.seen.identity,
      camera=hit.seen.camera,
      distance=hit.distance,
      right=hit.right,
      where=_where(hit.name, hit.seen),
    )
    for hit in result.hits
  ]
  query = Found(
    result.name,
    result.picture(),
    camera=result.seen.camera,
    where=_where(result.name, result.seen),
  )
  return Sheet(query, {"nearest first": found}, note, names)


def _where(name: str, seen: Sighting) -> tuple[str, ...]:
  """Frames, time and source, but no source if it is part of the name, as with folders of frames."""
  frames = seen.frames_text()
  source = "" if seen.source_name() in name else seen.source_name()
  lines = (f"frames {frames}" if frames else "", seen.time_text(), source)
  return tuple(line for line in lines if line)


def _record(result: QueryResult, sheet: str | None) -> dict[str, Any]:
  hits = [
    {"rank": rank, "name": hit.name, "row": hit.row, "distance": hit.distance}
    | dict(hit.rates)
    | ({} if hit.right is None else {"right": hit.right})
    | hit.seen.record()
    for rank, hit in enumerate(result.hits, 1)
  ]
  searched = {} if result.searched is None else {"searched": result.searched}
  return {"name": result.name, **result.seen.record(), **searched, "sheet": sheet, "results": hits}
