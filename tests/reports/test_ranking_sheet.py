"""A ranking's picture: places, right and wrong told apart without colour, the data beside it."""

import json

import numpy as np
import pytest
from PIL import Image, ImageDraw

from cosam_jax.reports.ranking_sheet import (
  A_LINE,
  TILE_HEIGHT,
  Found,
  Sheet,
  draw_sheet,
  facts_of,
  save_sheet,
)


def entry(number, right=None, grey=128, shape=(64, 32)):
  image = None if grey is None else np.full((*shape, 3), grey, np.uint8)
  return Found(f"{number:04d}C1T1", image, number, 1 + number % 3, 1.5 * number, right)


def sheet_of(rows, note=""):
  return Sheet(Found("0007C1T1", np.full((64, 32, 3), 60, np.uint8), 7, 1), rows, note)


def greyscale(picture):
  return np.asarray(picture.convert("L"), int)


def test_right_and_wrong_differ_without_colour():
  """In greyscale their shapes differ, not only their shades."""
  right, wrong, unknown = (
    greyscale(draw_sheet(sheet_of({"as ranked": [entry(7, truth)]}))) < 150
    for truth in (True, False, None)
  )
  for a, b in ((right, wrong), (right, unknown), (wrong, unknown)):
    assert (a != b).sum() > 150
  # The wrong entry's frame is dashed: along its top edge ink and paper take turns.
  shades = greyscale(draw_sheet(sheet_of({"as ranked": [entry(7, False)]})))
  turns = (np.abs(np.diff((shades < 150).astype(int), axis=1)) > 0).sum(axis=1)
  assert turns.max() > 8


def test_entries_stand_in_their_order():
  greys = [40, 90, 140, 190, 240]
  picture = draw_sheet(sheet_of({"as ranked": [entry(i, None, g) for i, g in enumerate(greys)]}))
  levels = greyscale(picture)
  row = levels[np.argmax((levels == 90).sum(axis=1))]
  places = [np.flatnonzero(row == grey).mean() for grey in greys]
  assert places == sorted(places)
  assert np.allclose(np.diff(places), np.diff(places)[0], atol=1)


def test_each_ranking_has_a_row_and_long_ones_go_on_below():
  one = draw_sheet(sheet_of({"as ranked": [entry(1)] * 3})).height
  two = draw_sheet(sheet_of({"as ranked": [entry(1)] * 3, "re-ranked": [entry(1)] * 3})).height
  assert draw_sheet(sheet_of({"as ranked": [entry(1)] * (A_LINE + 1)})).size[1] == two > one
  widths = [draw_sheet(sheet_of({"a": [entry(1)] * n})).width for n in (A_LINE, A_LINE + 5)]
  assert widths[0] == widths[1]


@pytest.mark.parametrize(
  ("rows", "words"),
  [
    ({}, []),
    ({"as ranked": []}, ["As ranked", "nothing in the gallery"]),
    ({"as ranked": [entry(3, True, None)]}, ["As ranked", "1", "right", "no picture", "camera 1"]),
  ],
)
def test_nothing_found_and_nothing_readable_still_give_a_picture(rows, words, monkeypatch):
  said, draw = [], ImageDraw.ImageDraw.text

  def record(self, xy, text, *others, **options):
    said.append(text)
    draw(self, xy, text, *others, **options)

  monkeypatch.setattr(ImageDraw.ImageDraw, "text", record)
  levels = greyscale(draw_sheet(sheet_of(rows, "a note " * 60)))
  assert " ".join(said).count("a note") == 60
  about = ["query", "camera 1", "person 7", "0007C1T1"]
  assert said[said.index("Searched for") + 1 :][: len(about) + len(words)] == about + words
  inside = (TILE_HEIGHT // 2 - 8) * (TILE_HEIGHT - 8)  # Of a picture's border.
  assert (levels == 60).sum() >= inside  # The query's own picture.
  assert ((levels == 190).sum() > 0.9 * inside) == ("no picture" in words)
  assert (levels[:, -10:] == 255).all()


def test_odd_shapes_and_long_names_stay_inside():
  wide = Found("x" * 300, np.zeros((20, 200, 3), np.uint8), distance=1.0)
  picture = draw_sheet(Sheet(wide, {"t" * 300: [wide] * 10}, "n" * 500))
  assert (greyscale(picture)[:, -10:] == 255).all()


def test_the_data_lies_beside_the_picture(tmp_path):
  path = save_sheet(tmp_path / "new" / "a.png", sheet_of({"as ranked": [entry(7, True)]}, "why"))
  assert Image.open(path).format == "PNG"
  assert json.loads(path.with_suffix(".json").read_text()) == {
    "query": {"name": "0007C1T1", "identity": 7, "camera": 1},
    "note": "why",
    "rankings": {
      "as ranked": [
        {"name": "0007C1T1", "identity": 7, "camera": 2, "distance": 10.5, "right": True}
      ]
    },
  }
  assert facts_of(entry(7)) == ["camera 2", "distance 10.5", "0007C1T1"]


def test_frames_and_times_are_not_cut():
  """Text below a narrow picture gets the room that it needs, up to a limit."""
  widths = []
  for line in (
    "",
    "frames 123456-123999",
    "a_long_name_of_a_video_of_some_camera.mp4",
    "x" * 500,
  ):
    seen = Found("7", np.zeros((64, 16, 3), np.uint8), distance=1.0, where=(line,) * 3)
    widths.append(draw_sheet(Sheet(seen, {"nearest first": [seen] * A_LINE})).width)
  assert widths[0] < widths[1] < widths[2] == widths[3]
  assert facts_of(seen)[-3:] == ["x" * 500] * 3
