"""People that were found: `people.csv`, `people.jsonl`, and a sheet of pictures of each.

The least certain people come first: those whose weakest link is least likely to be right.
"""

import csv
import dataclasses
import io
import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tqdm
from PIL import Image, ImageDraw

from cosam_jax.evaluation.corrections import CORRECTIONS_FILE
from cosam_jax.evaluation.sightings import Sighting
from cosam_jax.reports.lettering import fit, font
from cosam_jax.runtime.output_folders import OutputFolder
from cosam_jax.runtime.text_numbers import counted

PEOPLE_PAGE = "people.html"
PEOPLE_RECORD = "people.json"
MOST_SHEETS = 500
"""At most as many people get a sheet; the files have all."""
FEW_TRACKLETS = 100
"""Fewer are unlike those among which the chances of links were measured."""
_COLUMNS = (
  "person", "name", "camera", "source", "first_frame", "last_frame", "first_second", "last_second",
  "chance",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_HEIGHT, _WIDTH, _A_LINE, _GAP, _LINE = 176, 96, 10, 12, 17
_INK, _FAINT, _PAPER, _MISSING = (25, 25, 25), (85, 85, 85), (255, 255, 255), (190, 190, 190)


@dataclasses.dataclass(frozen=True, eq=False)
class Member:
  """A tracklet of a person.

  Attributes:
    name: the tracklet's name.
    seen: where and when.
    picture: returns uint8[H, W, 3], or None if there is none.
    side: which side of the person's weakest link it is on, 0 or 1.
  """

  name: str
  seen: Sighting
  picture: Callable[[], np.ndarray | None]
  side: int = 0


@dataclasses.dataclass(frozen=True, eq=False)
class Person:
  """A person that was found.

  Attributes:
    number: from 1.
    members: the tracklets.
    chance: that the weakest link is right, 0 to 1; None if there is no link, or none is known.
    height: the mean distance of the weakest link; None if there is no link.
    said: whether corrections alone made its links.
  """

  number: int
  members: Sequence[Member]
  chance: float | None = None
  height: float | None = None
  said: bool = False

  @property
  def cameras(self) -> list[str]:
    """The cameras' names."""
    return sorted({one.seen.camera for one in self.members if one.seen.camera})


def people_folder_of(directory: pathlib.Path) -> OutputFolder:
  """The folder of the people that a call found."""
  names = (
    "people.csv",
    "people.jsonl",
    PEOPLE_PAGE,
    CORRECTIONS_FILE,
    PEOPLE_RECORD,
    "sheets/*.jpg",
  )
  return OutputFolder(directory, "link", names, PEOPLE_RECORD)


def write_people(folder: pathlib.Path, people: Sequence[Person]) -> None:
  """Writes `people.csv`, a line for each tracklet, and `people.jsonl`, a line for each person.

  Args:
    folder: the folder.
    people: the least certain first.
  """
  text = io.StringIO(newline="")
  rows = csv.DictWriter(text, _COLUMNS, extrasaction="ignore", lineterminator="\n")
  rows.writeheader()
  lines = []
  for person in sorted(people, key=lambda one: one.number):
    chance = None if person.chance is None else round(person.chance, 4)
    members = [{"name": one.name} | one.seen.record() for one in person.members]
    for member in members:
      rows.writerow({"person": person.number, "chance": chance} | _plain(member))
    record: dict[str, Any] = {"person": person.number, "tracklets": len(members)}
    record |= {"cameras": person.cameras, "chance": chance, "height": person.height}
    lines.append(json.dumps(record | {"members": members}) + "\n")
  (folder / "people.csv").write_text(text.getvalue(), encoding="utf-8", errors="replace")
  (folder / "people.jsonl").write_text("".join(lines), encoding="utf-8")


def save_sheets(folder: pathlib.Path, people: Sequence[Person]) -> int:
  """Draws `sheets/00001.jpg`, ... by the numbers of people who have pictures; returns how many.

  Args:
    folder: the folder.
    people: the least certain first; the first `MOST_SHEETS` are drawn.
  """
  drawn = 0
  (folder / "sheets").mkdir(exist_ok=True)
  for person in tqdm.tqdm(people[:MOST_SHEETS], desc="sheets", unit="sheet", disable=None):
    pictures = [one.picture() for one in person.members]
    if any(picture is not None for picture in pictures):
      _sheet(person, pictures).save(folder / "sheets" / f"{person.number:05d}.jpg", quality=88)
      drawn += 1
  return drawn


def _plain(member: Mapping[str, Any]) -> dict[str, Any]:
  """Cells that a spreadsheet takes for text: it computes what begins with a sign of `_FORMULA`."""
  return {
    name: f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
    for name, cell in member.items()
  }


_SURE = 0.99  # Above it, nobody has measured how sure.


def certainty(person: Person) -> str:
  """What is known about a person's weakest link, in words."""
  if person.said:
    return "said by corrections"
  if person.height is None:
    return "no link" if len(person.members) == 1 else "pieces of one track"
  if person.chance is None:
    return f"weakest link at distance {person.height:.3g}"
  share = "more than 99%" if person.chance > _SURE else f"{100 * person.chance:.0f}%"
  return f"weakest link right in {share} of such cases"


def facts_of_member(one: Member) -> list[str]:
  """Lines below a picture: camera, time or frames."""
  when = one.seen.time_text() or one.seen.frames_text()
  return [f"camera {one.seen.camera}" if one.seen.camera else "", when]


def _sheet(person: Person, pictures: Sequence[np.ndarray | None]) -> Image.Image:
  columns = min(max(len(pictures), 6), _A_LINE)
  lines = -(-len(pictures) // _A_LINE)
  step = _HEIGHT + 3 * _LINE + _GAP
  size = _GAP + columns * (_WIDTH + _GAP), 64 + lines * step
  sheet = Image.new("RGB", size, _PAPER)
  draw = ImageDraw.Draw(sheet)
  draw.text((_GAP, 10), f"Person {person.number}", _INK, font(20))
  seen_by = f"{len(person.members)} tracklets, {certainty(person)}"
  draw.text((_GAP, 36), fit(seen_by, font(14), size[0] - 2 * _GAP), _FAINT, font(14))
  names = [one.name for one in person.members]
  for i, (one, picture) in enumerate(zip(person.members, pictures, strict=True)):
    x, y = _GAP + i % _A_LINE * (_WIDTH + _GAP), 64 + i // _A_LINE * step
    if picture is None:
      draw.rectangle((x, y, x + _WIDTH - 1, y + _HEIGHT - 1), fill=_MISSING)
    else:
      sheet.paste(Image.fromarray(picture).resize((_WIDTH, _HEIGHT)), (x, y))
    for k, line in enumerate([one.name, *facts_of_member(one)]):
      text = fit(line, font(12), _WIDTH, names if k == 0 else ())
      draw.text((x, y + _HEIGHT + 2 + k * _LINE), text, _FAINT, font(12))
  return sheet


def summary_lines(about: Mapping[str, Any]) -> list[str]:
  """Sentences on how many people were found and how often that is wrong, for terminal and page.

  Args:
    about: content of `people.json`.
  """
  found = [
    f"{about['tracklets']:,} tracklets are of {about['people']:,} people, by "
    f"{counted(about['links'], 'link')}"
  ]
  if about["stitched"]:
    verb = "joins" if about["stitched"] == 1 else "join"
    found.append(f"{about['stitched']:,} of the links {verb} pieces of one track")
  if about.get("expected_false_links") is not None:
    wrong, few = about["expected_false_links"], about["tracklets"] < FEW_TRACKLETS
    share = wrong / max(about["links_by_distance"], 1)
    found.append(
      f"expected to be wrong: {'at least ' if few else ''}{wrong:.1f} of "
      f"{counted(about['links_by_distance'], 'link')} by distance ({100 * share:.1f}%), measured "
      f"on {about['calibrated_on']}"
    )
    if few:
      found.append(
        f"only {counted(about['tracklets'], 'tracklet')}: chances come from links among hundreds, "
        "and are likely to be too high for so few; look at each person"
      )
  return found
