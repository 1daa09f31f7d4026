"""The report: one page that needs no connection, and beside it every picture and its data.

`report/index.html` holds its style, charts and thumbnails itself; the mask pictures and all files
that it offers for download lie beside it, so that the folder can be sent to others.
"""

import base64
import dataclasses
import html
import io
import json
import pathlib
import re
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

import tqdm
from PIL import Image

from cosam_jax.data.stored_pictures import read_picture
from cosam_jax.data.tracklets import Tables, TrackletTable
from cosam_jax.errors import InputError, printable
from cosam_jax.reports import facts
from cosam_jax.reports.calibration_table import det_chart
from cosam_jax.reports.charts import COLOURS
from cosam_jax.reports.data_charts import data_charts, data_facts
from cosam_jax.reports.embedding_map import embedding_chart
from cosam_jax.reports.file_names import file_name
from cosam_jax.reports.html_pages import filled
from cosam_jax.reports.ranking_sheet import Found, Sheet, facts_of, save_sheet, verdict
from cosam_jax.reports.rankings import Rankings
from cosam_jax.reports.results import PAGE
from cosam_jax.reports.run_charts import cmc_chart, map_chart, training_charts
from cosam_jax.reports.sheets import make_sheets
from cosam_jax.runtime.output_folders import OutputFolder
from cosam_jax.runtime.outside_files import read_text
from cosam_jax.runtime.quiet import warn

_NAMES = (PAGE, "data_set.json", "results.json", "before_training.json", "scalars.jsonl",
          "validation.jsonl", "rankings/[0-9][0-9]_*", "masks/[0-9][0-9]_*_cosam_*.png",
          "figures/*.svg")  # fmt: skip
_BESIDE = "Files beside this page:"
THUMBNAIL = 144
"""Height of a picture in the page's ranking sheets, in pixels."""


@dataclasses.dataclass(frozen=True, eq=False)
class Sources:
  """The parts of a page.

  Attributes:
    workdir: the run's folder; the page goes to `report` in it.
    results: content of results.json.
    before: content of before_training.json, if that belongs to this run.
    scalars, validation: rows of scalars.jsonl and validation.jsonl.
    tables: the data set.
    rankings, table: the rankings that `evaluate` saved, and the tracklets that it ranked; None if
      either is missing.
    chosen: query number -> the reason why it is shown.
    commands: mode -> the command line that ran it last.
    masks: the folder with pictures of the masks; None if these results have none.
    calibration: that of the weights of these results, as plain values; None if there is none.
  """

  workdir: pathlib.Path
  results: Mapping[str, Any]
  before: Mapping[str, Any] | None
  scalars: Sequence[Mapping[str, float]]
  validation: Sequence[Mapping[str, float]]
  tables: Tables
  rankings: Rankings | None
  table: TrackletTable | None
  chosen: Mapping[int, str]
  commands: Mapping[str, str]
  masks: pathlib.Path | None
  calibration: Mapping[str, Any] | None = None


def page_folder(workdir: pathlib.Path) -> OutputFolder:
  """The folder of a run's page."""
  return OutputFolder(
    workdir / "report", "report", _NAMES, PAGE, _linked, "move it away, so that the page has room"
  )


def _linked(directory: pathlib.Path) -> list[str]:
  """The files of versions without lists: the page, and the files beside it, which it names."""
  try:
    text = read_text(directory / PAGE, "page", "move it away")
  except InputError:
    return []
  if _BESIDE not in text:
    return []
  return [PAGE, *(html.unescape(name) for name in re.findall(r'<a href="([^"#]+)"', text))]


def write_page(sources: Sources) -> pathlib.Path:
  """Writes the report's folder anew; returns the page. The old page stays until all is drawn.

  Raises:
    InputError: a user's files are in the way.
  """
  final = page_folder(sources.workdir)
  with final.replacing() as folder:
    page = filled("page.html", **_content(sources, folder))
    (folder / PAGE).write_text(page, encoding="utf-8")
  return final.directory / PAGE


def _content(sources: Sources, folder: pathlib.Path) -> dict[str, Any]:
  run, results = sources.results["run"], sources.results["results"]
  untrained = sources.before["results"] if sources.before else []
  rankings, seed = sources.rankings, run.get("seed") or 0
  curves = {facts.row_label(record): record["cmc"] for record in [*untrained, *results]}
  data = data_facts(sources.tables)
  charts = training_charts(folder, sources.scalars)
  charts.append(map_chart(folder, facts.tested(untrained, results, run), sources.validation))
  charts.append(cmc_chart(folder, curves))
  if sources.calibration is not None:
    charts.append(det_chart(folder, sources.calibration))
  picture = None
  if rankings is not None:
    shown = rankings.pictured
    who = (rankings.identities[shown], rankings.cameras[shown], rankings.names[shown])
    numbering = sources.tables.query.numbering.joined(sources.tables.gallery.numbering)
    picture = embedding_chart(folder, rankings.vectors, *who, seed=seed, numbering=numbering)
  (folder / "data_set.json").write_text(json.dumps(data, indent=1) + "\n")
  for name in ("results.json", "before_training.json", "scalars.jsonl", "validation.jsonl"):
    if (sources.workdir / name).is_file():
      shutil.copy(sources.workdir / name, folder / name)
  return {
    "colours": COLOURS,
    "title": facts.title(run["config"], results[0]["card"]),
    "program": sources.results["program"],
    "run": run,
    "summary": facts.summary(results, untrained),
    "warnings": facts.warnings(run, results),
    "columns": facts.COLUMNS,
    "has_intervals": any("uncertainty" in record for record in results),
    "rows": facts.number_rows(results, untrained),
    "poster": facts.poster_rows(run["config"], sources.tables, results),
    "protocol": facts.protocol(results[0]["card"]),
    "charts": charts,
    "sheets": _sheets(sources, folder),
    "picture": picture,
    "masks": [] if sources.masks is None else _masks(sources.masks, folder),
    "mask_numbers": facts.mask_rows(run.get("masks", {})),
    "data": data,
    "data_charts": data_charts(folder, sources.tables),
    "times": facts.times(run, sources.scalars, rankings),
    "commands": sources.commands,
    "files": sorted(
      path.relative_to(folder).as_posix()
      for path in folder.rglob("*.*")
      if path.parent != folder or path.name != page_folder(sources.workdir).list_name
    ),
  }


def _sheets(sources: Sources, folder: pathlib.Path) -> list[dict[str, Any]]:
  """The chosen queries for the template; each is also saved as a picture and as data."""
  if sources.rankings is None or sources.table is None:
    return []
  sheets: list[dict[str, Any]] = []
  made = make_sheets(sources.rankings, sources.table, sources.chosen).values()
  for sheet in tqdm.tqdm(made, desc="sheets", unit="sheet", leave=False, disable=None):
    name = file_name(sheet.query.name)
    path = save_sheet(folder / "rankings" / f"{len(sheets) + 1:02d}_{name}.png", sheet)
    sheets.append(_sheet(sheet, path.relative_to(folder)))
  return sheets


def _sheet(sheet: Sheet, path: pathlib.Path) -> dict[str, Any]:
  rows = {
    title: [_tile(entry, f"Place {place}") for place, entry in enumerate(row, start=1)]
    for title, row in sheet.rows.items()
  }
  return {
    "name": sheet.query.name,
    "note": sheet.note,
    "query": _tile(sheet.query, "Query"),
    "rows": rows,
    "png": path.as_posix(),
    "json": path.with_suffix(".json").as_posix(),
  }


def _tile(entry: Found, place: str) -> dict[str, Any]:
  lines = facts_of(entry)
  words = [place, *([verdict(entry)] if verdict(entry) else []), *lines]
  return {
    "place": place,
    "verdict": verdict(entry),
    "facts": lines,
    "source": _thumbnail(entry),
    "alternative": ", ".join(words),
  }


def _thumbnail(entry: Found) -> str | None:
  """The picture as a data URL; None if there is none."""
  if entry.image is None:
    return None
  height, width = entry.image.shape[:2]
  size = (max(1, round(width * THUMBNAIL / height)), THUMBNAIL)
  stream = io.BytesIO()
  image = Image.fromarray(entry.image)
  if height > THUMBNAIL:
    image = image.resize(size, Image.Resampling.LANCZOS)
  image.save(stream, "JPEG", quality=82)
  return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()


def _masks(directory: pathlib.Path, folder: pathlib.Path) -> list[dict[str, Any]]:
  """Copies the pictures that the run drew of its masks; the overview comes first.

  Pictures with other names are not the run's, and are left; unreadable ones are left out with a
  warning.
  """
  pictures = sorted(directory.glob("*.png"), key=lambda path: (path.name != "overview.png", path))
  found = []
  for path in pictures:
    tracklet = re.match(r"\d\d_(.*)_clip(\d+)_cosam_", path.name)
    if tracklet is None and path.name != "overview.png":
      continue
    try:
      height, width = read_picture(path, "PNG").shape[:2]
    except OSError as error:
      warn(f"the page leaves out {printable(str(path))} ({error.strerror or error})")
      continue
    (folder / "masks").mkdir(exist_ok=True)
    shutil.copy(path, folder / "masks" / path.name)
    what = (
      f"Masks over a clip of tracklet {tracklet[1]}, clip {tracklet[2]}"
      if tracklet
      else "Masks over some clips of the test set, a row for each clip"
    )
    found.append({"path": f"masks/{path.name}", "what": what, "width": width, "height": height})
  return found
