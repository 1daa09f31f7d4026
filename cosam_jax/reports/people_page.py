"""`people.html`: one page to look through the people that were found, and to correct them.

It holds its pictures, style and program itself, needs no server, and saves corrections as a small
JSON file, which `--mode=link --corrections` applies.
"""

import base64
import io
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tqdm
from PIL import Image

from cosam_jax.evaluation.corrections import CORRECTIONS_FILE, Corrections
from cosam_jax.reports.charts import COLOURS
from cosam_jax.reports.html_pages import filled
from cosam_jax.reports.people_files import (
  PEOPLE_PAGE,
  Member,
  Person,
  certainty,
  facts_of_member,
  summary_lines,
)

_TALL, _WIDE = 128, 64
MOST_LARGE = 3_000
"""Up to as many pictures have twice this height and width, as the page's larger pictures show."""
MOST_PICTURES = 20_000
"""At most as many pictures are on the page, so that browsers can open it (about 60 MB)."""


def write_people_page(
  folder: pathlib.Path,
  people: Sequence[Person],
  about: Mapping[str, Any],
  corrections: Corrections,
) -> None:
  """Writes the page.

  Args:
    folder: the folder.
    people: the least certain first, as the page shows them.
    about: content of `people.json`.
    corrections: those that were applied, which the page saves too.
  """
  left = MOST_PICTURES
  size = 2 if sum(len(person.members) for person in people) <= MOST_LARGE else 1
  cards = []
  for person in tqdm.tqdm(people, desc="page", unit="person", leave=False, disable=None):
    cards.append(_card(person, size if left > 0 else None))
    left -= len(person.members)
  page = filled(
    "people.html",
    colours=COLOURS,
    lines=summary_lines(about),
    notes=[*about["notes"], *_note_on_pictures(people)],
    cards=cards,
    # A browser ends a script at "</", even inside a text.
    kept=json.dumps(json.loads(corrections.text())).replace("<", "\\u003c"),
    corrections_file=CORRECTIONS_FILE,
  )
  (folder / PEOPLE_PAGE).write_text(page, encoding="utf-8")


def _note_on_pictures(people: Sequence[Person]) -> list[str]:
  """A sentence if the page lacks pictures of the people at its end."""
  shown, lacking = 0, 0
  for count in (len(person.members) for person in people):
    lacking += count if shown >= MOST_PICTURES else 0
    shown += count
  if not lacking:
    return []
  what = "tracklet is" if lacking == 1 else f"{lacking:,} tracklets are"
  return [f"the last {what} shown without pictures, so that browsers can open the page"]


def _card(person: Person, size: int | None) -> dict[str, Any]:
  count = len(person.members)
  noun = "camera" if len(person.cameras) == 1 else "cameras"
  where = f", {noun} {', '.join(person.cameras)}" if person.cameras else ""
  return {
    "number": person.number,
    "facts": f"{count} {'tracklet' if count == 1 else 'tracklets'}{where}",
    "certainty": certainty(person),
    "tiles": [_tile(one, size) for one in person.members],
  }


def _tile(one: Member, size: int | None) -> dict[str, Any]:
  facts = [fact for fact in facts_of_member(one) if fact]
  return {
    "name": one.name,
    "facts": facts,
    "side": one.side,
    "words": ", ".join([one.name, *facts]),
    "source": None if size is None else _thumbnail(one.picture(), size),
  }


def _thumbnail(picture: np.ndarray | None, size: int) -> str | None:
  if picture is None:
    return None
  stream = io.BytesIO()
  image = Image.fromarray(picture).resize((size * _WIDE, size * _TALL), Image.Resampling.LANCZOS)
  image.save(stream, "JPEG", quality=80)
  return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()
