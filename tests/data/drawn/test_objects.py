"""Things in the street: where they stand, their colour, and how they are pasted."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from cosam_jax.data.drawn import objects
from cosam_jax.data.drawn.looks import PALETTE

COLOUR = (201, 33, 77)


def test_tints_and_colours():
  assert objects.tint((100, 200, 30), 0.5) == (50, 100, 15)
  assert objects.tint((100, 200, 31), 1.5) == (150, 255, 46)
  rng = np.random.default_rng(0)
  assert {objects.random_colour(rng) for _ in range(300)} == set(PALETTE.values())


@pytest.mark.parametrize("thing", sorted(set(objects.STANDING), key=lambda one: one.__name__))
def test_things_stand_on_the_ground_around_their_middle(thing):
  image = Image.new("RGBA", (400, 500))
  thing(ImageDraw.Draw(image), 200, 400, 100, COLOUR)
  pixels = np.asarray(image)
  seen = pixels[..., 3] > 0
  rows, columns = (np.flatnonzero(seen.any(axis)) for axis in (1, 0))
  assert 390 <= rows[-1] <= 410
  assert abs((columns[0] + columns[-1]) / 2 - 200) < 15
  assert columns[-1] - columns[0] < 1.8 * 100, "a sprite is so wide"
  assert (pixels[..., :3][seen] == COLOUR).all(-1).sum() > 20


@pytest.mark.parametrize(("thing", "wide", "tall"), [
  (objects.car, 1.6, 0.75), (objects.bicycle, 0.98, 0.59), (objects.board, 0.56, 0.9),
  (objects.bench, 1.04, 0.5), (objects.pole, 0.11, 3.0),
])  # fmt: skip
def test_sizes_are_in_heights_of_a_person(thing, wide, tall):
  for unit in (80, 120):
    image = Image.new("RGBA", (4 * unit, 4 * unit))
    thing(ImageDraw.Draw(image), 2 * unit, 3.5 * unit, unit, COLOUR)
    seen = np.asarray(image)[..., 3] > 0
    rows, columns = (np.flatnonzero(seen.any(axis)) for axis in (1, 0))
    assert abs(columns[-1] - columns[0] - wide * unit) < 4
    assert abs(rows[-1] - rows[0] - tall * unit) < 4


def block(draw, x, y, unit, colour):
  """A rectangle of 2 x 1.5 units, in the units of `draw`."""
  draw.rectangle((x - unit, y - 1.5 * unit, x + unit - 1, y - 1), fill=colour)


def test_a_sprite_stands_on_its_last_row_around_its_middle_column():
  colour, alpha = objects.sprite(block, 30, 4, COLOUR)
  assert alpha.shape == (30, 9)  # 1.8 units and two columns.
  wanted = np.zeros((30, 9), np.float32)
  wanted[24:, 8] = wanted[24:, 0] = 0.5
  wanted[24:, 1:8] = 1
  np.testing.assert_allclose(alpha, wanted, atol=0.01)
  np.testing.assert_allclose(colour, wanted[..., None] * COLOUR, atol=1.5)


def pasted_slowly(image, cover, picture, x, bottom):
  colour, alpha = picture
  height, width = alpha.shape
  for i in range(height):
    for j in range(width):
      row, column = round(bottom - height) + i, round(x - width / 2) + j
      if 0 <= row < image.shape[0] and 0 <= column < image.shape[1]:
        image[row, column] = image[row, column] * (1 - alpha[i, j]) + colour[i, j]
        cover[row, column] = 1 - (1 - cover[row, column]) * (1 - alpha[i, j])


def test_sprites_are_pasted_pixel_by_pixel_and_cut_at_the_edges():
  draw = np.random.default_rng(0)
  places = [(6, 8), (0, 8), (11.5, 12.5), (-3, 3), (40, 8), (6, -1), (6, 40), (5.4, 6.6), (13, 2)]
  changed = 0
  for x, bottom in places:
    alpha = draw.random((7, 5)).astype(np.float32)
    picture = draw.random((7, 5, 3)) * alpha[..., None] * 255, alpha
    image, cover = draw.random((12, 14, 3)) * 255, draw.random((12, 14))
    wanted, wanted_cover, before = image.copy(), cover.copy(), image.copy()
    pasted_slowly(wanted, wanted_cover, picture, x, bottom)
    objects.place(image, cover, picture, x, bottom)
    np.testing.assert_allclose(image, wanted, rtol=1e-6)
    np.testing.assert_allclose(cover, wanted_cover, rtol=1e-6)
    without = before.copy()
    objects.place(without, None, picture, x, bottom)
    np.testing.assert_array_equal(without, image)
    changed += (image != before).any()
  assert changed == 5, "four places are wholly outside"
