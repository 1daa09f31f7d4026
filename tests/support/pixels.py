"""Finds one picture inside another, pixel by pixel."""

import numpy as np


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
