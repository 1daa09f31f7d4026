"""The stated formula of a frame's quality, by loops and by cases that people can judge."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from cosam_jax.data.frame_quality import frame_quality, sharpness

SIZE = (64, 32)
CROP = np.random.default_rng(0).integers(0, 256, (64, 32, 3), dtype=np.uint8)


def by_loops(crop):
  """The variance of the Laplacian of grey levels, a pixel at a time."""
  grey = [[0.299 * r + 0.587 * g + 0.114 * b for r, g, b in row] for row in crop.tolist()]
  found = [
    grey[y - 1][x] + grey[y + 1][x] + grey[y][x - 1] + grey[y][x + 1] - 4 * grey[y][x]
    for y in range(1, len(grey) - 1)
    for x in range(1, len(grey[0]) - 1)
  ]
  mean = sum(found) / len(found)
  return sum((value - mean) ** 2 for value in found) / len(found)


def test_sharpness_is_the_formula():
  soft = np.asarray(Image.fromarray(CROP).filter(ImageFilter.GaussianBlur(2)))
  for crop in (CROP, soft):
    variance = by_loops(crop)
    assert sharpness(crop, SIZE) == pytest.approx(variance / (variance + 100), rel=1e-5)
  assert sharpness(soft, SIZE) < 0.9 * sharpness(CROP, SIZE)
  assert sharpness(np.full_like(CROP, 90), SIZE) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("side", "wanted"), [(1, 1), (2, 1), (0.5, 0.5), (0.25, 0.25)])
def test_size_is_by_the_side(side, wanted):
  sharp = sharpness(CROP, SIZE)
  box = np.array([50, 50, 32 * side, 64 * side])
  assert frame_quality(CROP, SIZE, box, (500, 500)) == pytest.approx(wanted * sharp)


def test_without_a_box_its_own_size_counts():
  assert frame_quality(CROP, SIZE) == pytest.approx(sharpness(CROP, SIZE))
  half = CROP[::2, ::2]
  assert frame_quality(half, SIZE) == pytest.approx(sharpness(half, SIZE) / 2)


@pytest.mark.parametrize(
  ("corner", "wanted"),
  [
    ((50, 50), 1),
    ((0, 50), 1 / 2),  # Left.
    ((50, 0), 1 / 2),  # Above.
    ((168, 50), 1 / 2),  # Right.
    ((50, 236), 1),  # Below, where feet are.
    ((0, 0), 1 / 4),
    ((-16, 50), 1 / 4),  # Half of it is outside, and it reaches the left.
    ((50, 268), 1 / 2),  # Half of it is below the picture.
    ((-40, 50), 0),
  ],
)
def test_the_border_counts(corner, wanted):
  box = np.array([*corner, 32, 64])
  found = frame_quality(CROP, SIZE, box, (300, 200))
  assert found == pytest.approx(wanted * sharpness(CROP, SIZE))


def test_a_tiny_network_or_a_box_without_area_is_no_error():
  assert frame_quality(CROP, (2, 2)) == 0
  assert frame_quality(CROP, SIZE, np.array([5, 5, 0, 10]), (300, 200)) == 0
