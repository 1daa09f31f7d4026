"""A ranking as a picture: the query, and the entries found for it, marked right or wrong.

Right entries have a solid green frame and a tick in a disc, wrong ones a dashed red frame and a
cross in a square, and both say so in words; entries of unknown people have a plain frame.
"""

import dataclasses
import json
import math
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from cosam_jax.reports.lettering import fit, font, wrap

TILE_HEIGHT = 176
A_LINE = 10
"""Entries on a line; longer rankings continue below."""
_RIGHT, _WRONG, _PLAIN = (0, 110, 60), (185, 30, 30), (120, 120, 120)
_TEXT, _FAINT, _PAPER, _MISSING = (25, 25, 25), (85, 85, 85), (255, 255, 255), (190, 190, 190)
_MARGIN, _GAP, _BORDER, _ABOVE, _BELOW, _FACT, _NARROWEST, _WIDEST = 20, 8, 4, 26, 72, 17, 96, 140


@dataclasses.dataclass(frozen=True, eq=False)
class Found:
  """A tracklet on a sheet.

  Attributes:
    name: the tracklet's name.
    image: uint8[H, W, 3], one of its frames; None if it cannot be read.
    identity, camera: the data set's own numbers or names; None if they are not known.
    distance: from the query; None for the query itself.
    right: whether it is the query's person under another camera; None if it is not known.
    where: lines that say where and when it was seen, such as frames and time.
  """

  name: str
  image: np.ndarray | None
  identity: int | str | None = None
  camera: int | str | None = None
  distance: float | None = None
  right: bool | None = None
  where: Sequence[str] = ()

  def record(self) -> dict[str, Any]:
    """Everything but the picture, as plain values."""
    fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
    fields["where"] = list(self.where) or None
    return {name: value for name, value in fields.items() if name != "image" and value is not None}


@dataclasses.dataclass(frozen=True, eq=False)
class Sheet:
  """A query and its rankings.

  Attributes:
    query: the tracklet that was searched for.
    rows: title, such as "as ranked" or "re-ranked" -> the entries, nearest first.
    note: a sentence about the query, such as its average precision; may be empty.
    among: names on other sheets, from which the names on this one must look different.
  """

  query: Found
  rows: Mapping[str, Sequence[Found]]
  note: str = ""
  among: Sequence[str] = ()

  def record(self) -> dict[str, Any]:
    """Everything but the pictures, as plain values."""
    rows = {title: [entry.record() for entry in row] for title, row in self.rows.items()}
    return {"query": self.query.record(), "note": self.note, "rankings": rows}


def draw_sheet(sheet: Sheet) -> Image.Image:
  """The query on the left, and to its right a row of entries for each ranking."""
  size = _tile_size(sheet)
  step = max(size[0], _narrowest(sheet)) + _GAP
  lines = _lines(sheet)
  longest = max((len(entries) for _, _, entries in lines), default=0)
  left = _MARGIN + step + 3 * _GAP
  width = max(left + longest * step + _MARGIN, 620)
  note = wrap(sheet.note, font(14), width - 2 * _MARGIN) if sheet.note else []
  top = _MARGIN + 36 + 20 * len(note)
  row_height = 24 + _ABOVE + size[1] + _below(sheet)
  height = top + max(len(lines), 1) * row_height + _MARGIN
  picture = Image.new("RGB", (width, height), _PAPER)
  draw = ImageDraw.Draw(picture)
  among = [*dict.fromkeys([*(entry.name for entry in _entries(sheet)), *sheet.among])]
  title = fit(
    f"Query {sheet.query.name}",
    font(20),
    width - 2 * _MARGIN,
    [f"Query {name}" for name in among],
  )
  draw.text((_MARGIN, _MARGIN), title, _TEXT, font(20))
  for i, line in enumerate(note):
    draw.text((_MARGIN, _MARGIN + 30 + 20 * i), line, _FAINT, font(14))
  draw.text((_MARGIN, top), "Searched for", _TEXT, font(16))
  _tile(picture, (_MARGIN, top + 24), size, step - _GAP, sheet.query, "query", among)
  for i, (title, first, entries) in enumerate(lines):
    y = top + i * row_height
    draw.text((left, y), fit(title, font(16), width - left - _MARGIN), _TEXT, font(16))
    if not entries:
      draw.text((left, y + 24), "nothing in the gallery", _FAINT, font(14))
    for k, entry in enumerate(entries):
      _tile(picture, (left + k * step, y + 24), size, step - _GAP, entry, str(first + k), among)
  return picture


def save_sheet(path: str | os.PathLike, sheet: Sheet) -> pathlib.Path:
  """Writes the picture to `path` (.png), and its content as JSON beside it; returns `path`."""
  path = pathlib.Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  path.with_suffix(".json").write_text(json.dumps(sheet.record(), indent=1) + "\n")
  draw_sheet(sheet).save(path)
  return path


def _lines(sheet: Sheet) -> list[tuple[str, int, Sequence[Found]]]:
  """(title, place of the first entry, entries) for each line; long rankings take several."""
  lines = []
  for title, row in sheet.rows.items():
    for start in range(0, max(len(row), 1), A_LINE):
      heading = title.capitalize() if not start else ""
      lines.append((heading, start + 1, row[start : start + A_LINE]))
  return lines


def facts_of(entry: Found) -> list[str]:
  """The lines below an entry: camera, distance or identity, name, where it was seen."""
  lines = [f"camera {entry.camera}"] if entry.camera is not None else []
  if entry.distance is not None:
    # At most six characters, so that the line is no wider than a narrow tile.
    digits = ".3f" if entry.distance < 1 else ".4g"
    lines.append(f"distance {entry.distance:{digits}}")
  elif entry.identity is not None:
    lines.append(f"person {entry.identity}")
  return [*lines, entry.name, *entry.where]


def verdict(entry: Found) -> str:
  """`right`, `wrong`, or nothing if it is not known."""
  return {True: "right", False: "wrong", None: ""}[entry.right]


def _tile(
  picture: Image.Image,
  corner: tuple[int, int],
  size: tuple[int, int],
  width: int,
  entry: Found,
  heading: str,
  among: Sequence[str],
) -> None:
  """Draws one entry: heading and mark, framed picture, facts; texts are at most `width` wide."""
  draw, (x, y) = ImageDraw.Draw(picture), corner
  colour = {True: _RIGHT, False: _WRONG, None: _PLAIN}[entry.right]
  draw.text((x, y + 4), heading, _TEXT, font(15))
  if entry.right is not None:
    start = x + 8 + int(font(15).getlength(heading))
    _mark(draw, (start, y + 4), entry.right, colour)
    draw.text((start + 21, y + 5), verdict(entry), colour, font(14))
  y += _ABOVE
  if entry.image is None:
    draw.rectangle((x, y, x + size[0] - 1, y + size[1] - 1), fill=_MISSING)
    text = fit("no picture", font(13), size[0] - 2 * _BORDER)
    draw.text((x + size[0] // 2, y + size[1] // 2), text, _TEXT, font(13), anchor="mm")
  else:
    frame = Image.fromarray(entry.image).resize(size, Image.Resampling.BICUBIC)
    picture.paste(frame, (x, y))
  _border(draw, (x, y, x + size[0] - 1, y + size[1] - 1), colour, dashed=entry.right is False)
  for i, line in enumerate(facts_of(entry)):
    face = font(13 if i < 2 else 12)
    draw.text((x, y + size[1] + 3 + _FACT * i), fit(line, face, width, among), _FAINT, face)


def _mark(
  draw: ImageDraw.ImageDraw, corner: tuple[int, int], right: bool, colour: tuple[int, int, int]
) -> None:
  """A tick in a disc or a cross in a square, 17 pixels wide."""
  x, y = corner
  if right:
    draw.ellipse((x, y, x + 16, y + 16), fill=colour)
    draw.line((x + 4, y + 8, x + 7, y + 12, x + 12, y + 4), fill=_PAPER, width=2)
  else:
    draw.rectangle((x, y, x + 16, y + 16), fill=colour)
    draw.line((x + 4, y + 4, x + 12, y + 12), fill=_PAPER, width=2)
    draw.line((x + 12, y + 4, x + 4, y + 12), fill=_PAPER, width=2)


def _border(
  draw: ImageDraw.ImageDraw,
  box: tuple[int, int, int, int],
  colour: tuple[int, int, int],
  *,
  dashed: bool,
) -> None:
  draw.rectangle(box, outline=_PAPER if dashed else colour, width=_BORDER)
  if not dashed:
    return
  x0, y0, x1, y1 = box
  for x in range(x0, x1, 16):
    for y in (y0, y1 - _BORDER + 1):
      draw.rectangle((x, y, min(x + 9, x1), y + _BORDER - 1), fill=colour)
  for y in range(y0, y1, 16):
    for x in (x0, x1 - _BORDER + 1):
      draw.rectangle((x, y, x + _BORDER - 1, min(y + 9, y1)), fill=colour)


def _entries(sheet: Sheet) -> list[Found]:
  return [sheet.query, *(entry for row in sheet.rows.values() for entry in row)]


def _narrowest(sheet: Sheet) -> int:
  """The least width of the texts at which frames and times are not cut."""
  widths = [font(12).getlength(line) for entry in _entries(sheet) for line in entry.where]
  return max(_NARROWEST, min(_WIDEST, math.ceil(max(widths, default=0))))


def _below(sheet: Sheet) -> int:
  """Height of the facts below the pictures, with the gap to the next line of entries."""
  most = max(len(facts_of(entry)) for entry in _entries(sheet))
  return max(_BELOW, _FACT * (most + 1))


def _tile_size(sheet: Sheet) -> tuple[int, int]:
  """(width, height) in the shape of the first picture."""
  entries = _entries(sheet)
  shape = next((entry.image.shape for entry in entries if entry.image is not None), (2, 1))
  return max(24, round(TILE_HEIGHT * min(shape[1] / shape[0], 2.0))), TILE_HEIGHT
