"""Boxes with columns in another order are refused with the line that names them."""

import re

import numpy as np
import pytest

from cosam_jax.data.box_files import BoxReading, read_boxes
from cosam_jax.data.box_sense import fitted
from cosam_jax.errors import InputError

HEIGHT, WIDTH = 360, 640


def walk(frames=40, people=4, first=1, rate=25, seed=0, sway=1):
  """Rows (frame, id, x, y, w, h) of people who walk on their own ways, one or more a frame."""
  rng = np.random.default_rng(seed)
  h = rng.uniform(60, 150, people)
  start, speed = rng.uniform(0, 900, (people, 2)), rng.uniform(-60, 60, (people, 2)) * (1, 0.3)
  for f in range(frames):
    for t in range(people):
      x, y = abs((start[t] + speed[t] * f / rate) % 900 - 450)  # To and fro.
      w, tall = np.round(h[t] * np.array((0.4, 1)) + rng.integers(-sway, sway + 1, 2)).astype(int)
      yield first + f, t + 3, round(30 + x), round(y * 0.4), w, tall


def read(tmp_path, rows, separator=",", heading="", **reading):
  text = "".join(separator.join(map(str, row)) + "\n" for row in rows)
  (tmp_path / "b.txt").write_text(f"{heading}\n{text}" if heading else text)
  reading = BoxReading(**reading)
  return fitted(read_boxes(tmp_path / "b.txt", reading), HEIGHT, WIDTH, reading.picture)


ORDERS = {
  "id,frame,x,y,w,h": lambda f, t, x, y, w, h: (t, f, x, y, w, h, 1, -1, -1, -1),
  "frame,x,y,w,h,id": lambda f, t, x, y, w, h: (f, x, y, w, h, t),
  "id,x,y,w,h,frame": lambda f, t, x, y, w, h: (t, x, y, w, h, f),
  "x,y,w,h,id,frame": lambda f, t, x, y, w, h: (x, y, w, h, t, f, 0.9),
  "x,y,w,h,frame,id": lambda f, t, x, y, w, h: (x, y, w, h, f, t),
  "frame,class,id,x,y,w,h": lambda f, t, x, y, w, h: (f, 0, t, x, y, w, h, 0.9),
  "frame,id,class,x,y,w,h": lambda f, t, x, y, w, h: (f, t, 0, x, y, w, h, 0.9),
  "frame,id,confidence,x,y,w,h": lambda f, t, x, y, w, h: (f, t, x % 9 / 10, x, y, w, h),
  "frame,x,y,w,h,confidence,id": lambda f, t, x, y, w, h: (f, x, y, w, h, 0.7, t),
  "frame,x,y,w,h,confidence,class,id": lambda f, t, x, y, w, h: (f, x, y, w, h, 0.7, 0, t),
}


@pytest.mark.parametrize("separator", [",", " "])
@pytest.mark.parametrize("order", ORDERS)
def test_another_order_is_refused_with_the_line_that_names_it(tmp_path, order, separator):
  rows = [ORDERS[order](*row) for row in walk()]
  with pytest.raises(InputError, match=f"seem to have the columns {order}:") as caught:
    read(tmp_path, rows, separator)
  assert "--boxes_format=results" in str(caught.value)
  heading = re.search(r"put the line '(.*?)'", str(caught.value))[1]
  found, wanted = read(tmp_path, rows, separator, heading), read(tmp_path, walk())
  assert found.lengths.tolist() == [40] * 4
  np.testing.assert_array_equal(found.frames, wanted.frames)
  np.testing.assert_array_equal(found.corners, wanted.corners)


def test_corners_before_the_id_and_a_class_behind(tmp_path):
  rows = [(f, x, y, x + w, y + h, t, 0.9, 2 * (t == 6)) for f, t, x, y, w, h in walk()]
  with pytest.raises(InputError, match=r"columns frame,x,y,w,h,id: .*x1,y1,x2,y2"):
    read(tmp_path, rows)
  heading = "# frame,x1,y1,x2,y2,id"
  found = read(tmp_path, rows, heading=heading)
  wanted = read(tmp_path, [row for row in walk() if row[1] != 6])
  assert found.left_out == ("40 boxes of class 2",)
  np.testing.assert_array_equal(found.corners, wanted.corners)
  with pytest.raises(InputError, match=r"--boxes_coordinates=corners"):
    read(tmp_path, rows, heading="# frame,x,y,w,h,id")


def test_upright_before_along(tmp_path):
  rows = [(f, t, y, x, h, w) for f, t, x, y, w, h in walk()]
  with pytest.raises(
    InputError, match=r"none if the columns are frame,id,y,x,h,w: put these names"
  ):
    read(tmp_path, rows)
  np.testing.assert_array_equal(
    read(tmp_path, rows, heading="frame,id,y,x,h,w").corners, read(tmp_path, walk()).corners
  )


def own_ids(rows):
  """The same boxes, each with an id of its own."""
  return [(row[0], i + 1, *row[2:]) for i, row in enumerate(rows)]


REAL = {
  "one box": list(walk(1, 1)),
  "one frame": list(walk(1, 12)),
  "two frames, all ids new": own_ids(walk(2, 12)),
  "few frames, all ids new": own_ids(walk(6, 5)),
  "few frames and fixed sizes, all ids new": own_ids(walk(6, 5, sway=0)),
  "one person": list(walk(40, 1)),
  "one person, ids that break": [(f, f // 2, *row) for f, _, *row in walk(40, 1)],
  "one picture in ten seconds": list(walk(8, 6, rate=0.1)),
  "people who keep their size, ids that break": [
    (f, t + 9 * (f // 2), *row) for f, t, *row in walk(20, 3, sway=0)
  ],
  "short": list(walk(3, 2)),
  "from 0": list(walk(first=0)),
  "lines by track": sorted(walk(), key=lambda row: row[1]),
  "everybody in one place": [(f, t, 50, 50, 40, 90) for f in range(3) for t in range(4)],
  "at the left edge, scores of a detector": [
    (f, t, 0, y, w, h, 7.5) for f, t, _, y, w, h in walk(20, 1)
  ],
  "whole pictures": [(f, 1, 0, 0, WIDTH, HEIGHT, 1, -1, -1, -1) for f in range(20)],
}


@pytest.mark.parametrize("name", REAL)
def test_real_files_are_not_refused(tmp_path, name):
  boxes = read(tmp_path, REAL[name])
  assert len(boxes.frames) == len(REAL[name])
  assert boxes.left_out == ()
  alone = [said for said in boxes.told if "tracks have one box" in said]
  assert len(alone) == ("all ids new" in name)


def test_drawn_scenes_are_not_refused(tmp_path):
  """Of any length, rate and number of people, with ids that break and fields behind the six."""
  rng = np.random.default_rng(7)
  for seed in range(60):
    frames, people = rng.choice([3, 12, 40]), rng.choice([1, 3, 12])
    rows = list(walk(frames, people, rng.integers(3), rng.choice([1, 5, 25]), seed))
    broken, end = rng.choice([0, 0.1, 0.4]), [(), (1, -1, -1, -1), (0.7, 0, -1)][rng.integers(3)]
    ids = {t: t for t in range(50)}
    told = []
    for f, t, *place in rows:
      if rng.random() < broken:
        ids[t] = max(ids.values()) + 1
      told.append((f, ids[t], *place, *end))
    assert len(read(tmp_path, told).frames) == len(rows), seed


def test_many_boxes_that_are_alone_are_no_tracks(tmp_path):
  rows = own_ids(walk(30, 3, sway=0))
  with pytest.raises(InputError, match="90 of 90 tracks have one box, in 30 frames of boxes"):
    read(tmp_path, rows)
  assert read(tmp_path, rows, format="results").lengths.tolist() == [1] * 90
  assert len(read(tmp_path, rows, heading="frame,id,x,y,w,h").ids) == 90


def test_boxes_of_a_few_pixels_or_outside_are_refused_if_they_are_half(tmp_path):
  rows = list(walk(10, 4))
  flat = [(f, t, x, y, w, 3 if t < 5 else h) for f, t, x, y, w, h in rows]
  with pytest.raises(
    InputError,
    match=r"20 of 40 boxes are at most 4 pixels wide or high, or more.* the columns seem",
  ):
    read(tmp_path, flat)
  said = "20 of 40 boxes are at most 4 pixels wide or high, or more than 5 times as wide as high"
  assert said in read(tmp_path, flat, format="results").told
  assert said in read(tmp_path, flat, heading="frame,id,x,y,w,h").told
  assert said.replace("20 of 40", "4 of 8") in read(tmp_path, flat[:8]).told
  away = [(f, t, x + 650 * (t < 5), y, w, h) for f, t, x, y, w, h in rows]
  for reading in ({}, {"format": "results"}, {"picture": (WIDTH, HEIGHT)}):
    with pytest.raises(InputError, match=r"20 of 40 boxes (lie|reach far) out"):
      read(tmp_path, away, **reading)
  few = read(tmp_path, away[:8], picture=(WIDTH, HEIGHT))
  assert len(few.frames) == 4
  assert few.left_out == (f"4 boxes outside the picture of {WIDTH} x {HEIGHT} pixels",)
  large = [(f, t, x, y, w + 9000 * (t < 5), h) for f, t, x, y, w, h in rows]
  with pytest.raises(InputError, match=r"20 of 40 boxes lie outside .* or are more than 2 times"):
    read(tmp_path, large, picture=(WIDTH, HEIGHT))
