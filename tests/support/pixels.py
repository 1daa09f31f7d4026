"""Finds one picture, or a text, inside another picture, pixel by pixel."""

import numpy as np
from PIL import Image, ImageDraw

from cosam_jax.reports.lettering import font


def places(picture, tile) -> list[tuple[int, int]]:
  """(x, y) of every place where `tile` stands in `picture`, from left to right."""
  picture, tile = np.asarray(picture), np.asarray(tile)
  height, width = tile.shape[:2]
  found = [
    (int(x), int(y))
    for y, x in np.argwhere((picture == tile[0, 0]).all(-1))
    if np.array_equal(picture[y : y + height, x : x + width], tile)
  ]
  return sorted(found)


def written(text: str, colour: tuple[int, int, int], size: int) -> Image.Image:
  """A text as Pillow draws it on white, cut to its ink."""
  tile = Image.new("RGB", (40 + size * len(text), 3 * size), "white")
  ImageDraw.Draw(tile).text((size, size), text, colour, font(size))
  ink = np.argwhere((np.asarray(tile) != 255).any(-1))
  (top, left), (bottom, right) = ink.min(0), ink.max(0) + 1
  return tile.crop((left, top, right, bottom))
