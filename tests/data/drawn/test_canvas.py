"""The camera and the brushes of the drawing, against formulas for each pixel."""

import cmath
import math

import numpy as np
import pytest
from PIL import Image, ImageDraw

from cosam_jax.data.drawn.canvas import SUPERSAMPLE, Canvas, Pose

SIZE = (96, 64)
RED = (200, 40, 20)
LIT, WIDER = 150, 1.14  # The shade that changes no colour; how much wider people are drawn.


def canvas(yaw=0.0, light=0.0, height=80.0, stature=1.0, pitch=0.12, feet=(32.0, 90.0)):
  return Canvas(SIZE, Pose(yaw, 0.0, 0.4, feet, height, light, pitch), stature)


def overlap(one, other):
  return (one & other).sum() / (one | other).sum()


def grid():
  """The (x, y) of each pixel's middle, in pixels of the frame."""
  y, x = np.mgrid[: SIZE[0], : SIZE[1]]
  return x + 0.5, y + 0.5


def test_points_are_turned_and_projected():
  """A body point is turned as a complex number; what comes nearer is drawn lower."""
  draw = np.random.default_rng(0)
  for yaw in (0.0, 0.5, -2.0, math.pi):
    view = canvas(yaw, height=50.0, stature=0.9, pitch=0.2, feet=(20.0, 70.0))
    for point in draw.uniform(-0.5, 1, (5, 3)):
      turned = complex(point[0], point[2]) * cmath.exp(-1j * yaw)
      unit = 50.0 * 0.9 * SUPERSAMPLE
      x = 20.0 * SUPERSAMPLE + unit * WIDER * turned.real
      y = 70.0 * SUPERSAMPLE + unit * (0.2 * turned.imag - point[1])
      np.testing.assert_allclose(view.project(point), (x, y), atol=1e-9)
      assert view.depth(point) == pytest.approx(turned.imag)
  assert canvas().depth((0, 0, 1)) > canvas().depth((0, 0, -1))
  right = canvas(math.pi / 2)
  assert right.project((0, 0, 1))[0] > right.project((0, 0, 0))[0], "walks to the right"


def test_layers_are_means_over_fine_pixels():
  points = np.array([(30.0, 41.0), (121.0, 60.0), (80.0, 200.0), (12.0, 150.0)])
  view = canvas()
  view.polygon(points, RED, LIT)
  colour, alpha = view.layers()
  fine = Image.new("L", (SIZE[1] * SUPERSAMPLE, SIZE[0] * SUPERSAMPLE))
  ImageDraw.Draw(fine).polygon(points.ravel().tolist(), fill=1)
  blocks = np.asarray(fine, float).reshape(SIZE[0], SUPERSAMPLE, SIZE[1], SUPERSAMPLE)
  wanted = blocks.mean((1, 3))
  assert set(np.unique(blocks.sum((1, 3)))) >= {0, 3, 6, 9}
  np.testing.assert_allclose(alpha, wanted, atol=1 / 255)
  inside = wanted == 1
  np.testing.assert_allclose(colour[inside], np.broadcast_to(RED, (inside.sum(), 3)), atol=0.01)
  assert (colour[alpha == 0] == 0).all()
  # At an edge the shade is averaged too, with what lies around the polygon.
  shade = (wanted * LIT + (1 - wanted) * (LIT - 40)) / LIT
  np.testing.assert_allclose(colour, (wanted * shade)[..., None] * RED, atol=2)
  view.polygon(points, None, LIT // 2)
  half, same = view.layers()
  np.testing.assert_allclose(half[inside], colour[inside] / 2, atol=0.01)
  np.testing.assert_array_equal(same, alpha)
  view.polygon(points, (10, 20, 30))
  np.testing.assert_allclose(view.layers()[0][inside][0], (5, 10, 15), atol=0.01)


def test_a_limb_is_all_that_is_near_a_line():
  start, end, radii = (-0.2, 0.3, 0.0), (0.15, 0.8, 0.0), (0.12, 0.05)
  view = canvas()
  view.limb(start, end, radii, RED)
  x, y = grid()
  p, q = (view.project(point) / SUPERSAMPLE for point in (start, end))
  along = np.clip(((x - p[0]) * (q - p)[0] + (y - p[1]) * (q - p)[1]) / ((q - p) ** 2).sum(), 0, 1)
  away = np.hypot(x - p[0] - along * (q - p)[0], y - p[1] - along * (q - p)[1])
  radius = 80 * 1.07 * (radii[0] + along * (radii[1] - radii[0]))
  assert overlap(view.layers()[1] > 0.5, away < radius) > 0.93


@pytest.mark.parametrize("offset", [(0.0, 0.0), (0.1, -0.2)])
def test_a_blob_is_an_ellipse_around_a_point(offset):
  view = canvas(yaw=0.7)
  view.blob((0.1, 0.5, 0.0), (0.15, 0.25), RED, offset=offset)
  x, y = grid()
  middle = view.project((0.1, 0.5, 0.0)) / SUPERSAMPLE + 80 * np.array(offset) * (WIDER, 1)
  inside = ((x - middle[0]) / (0.15 * 80 * WIDER)) ** 2 + ((y - middle[1]) / (0.25 * 80)) ** 2 < 1
  assert overlap(view.layers()[1] > 0.5, inside) > 0.95


def test_light_makes_its_side_brighter():
  for light in (-1, 1):
    view = canvas(light=light)
    view.limb((0, 0.2, 0), (0, 0.8, 0), (0.2, 0.2), RED)
    colour, _ = view.layers()
    left, right = colour[30:70, :32].sum(), colour[30:70, 32:].sum()
    assert (right - left) * light > 0.02 * left


# Height, half width, half depth, x, z; from the top.
TRUNK = np.array([[0.9, 0.2, 0.1, 0.0, 0.0], [0.3, 0.2, 0.1, 0.0, 0.0]])


@pytest.mark.parametrize(("yaw", "half"), [(0, 0.2), (math.pi / 2, 0.1), (0.6, None)])
def test_a_barrel_is_as_wide_as_an_ellipse_seen_from_there(yaw, half):
  view = canvas(yaw)
  view.barrel(TRUNK, RED)
  seen = view.layers()[1] > 0.5
  rows, columns = (np.flatnonzero(seen.any(axis)) for axis in (1, 0))
  # The widest point of an ellipse of points, turned one by one.
  angles = np.linspace(0, 2 * math.pi, 721)
  across = 0.2 * np.cos(angles) * math.cos(yaw) + 0.1 * np.sin(angles) * math.sin(yaw)
  assert half is None or across.max() == pytest.approx(half, abs=1e-4)
  assert columns[-1] - columns[0] + 1 == pytest.approx(2 * 80 * WIDER * across.max(), abs=1.5)
  assert rows[0] == pytest.approx(90 - 0.9 * 80, abs=1)
  assert rows[-1] == pytest.approx(90 - 0.3 * 80, abs=1)


def test_bands_and_strips_are_where_they_are_said_to_be():
  blue = (0, 0, 255)

  def is_blue(yaw, paint):
    view = canvas(yaw)
    paint(view.barrel(TRUNK, RED))
    colour, _ = view.layers()
    return colour[..., 2] > colour[..., 0]

  band = is_blue(0, lambda barrel: barrel.band(0.25, 0.5, blue))
  rows = np.flatnonzero(band.any(1))
  assert rows[0] == pytest.approx(18 + 0.25 * 48, abs=1)
  assert rows[-1] == pytest.approx(18 + 0.5 * 48, abs=1)
  assert band[rows[3]].sum() == pytest.approx(2 * 0.2 * 80 * WIDER, abs=2)

  def front(barrel):
    barrel.strip((-0.5, 0.5), blue)

  def back(barrel):
    barrel.strip((math.pi - 0.5, math.pi + 0.5), blue)

  seen = is_blue(0, front)
  columns = np.flatnonzero(seen.any(0))
  wide = 2 * 0.2 * 80 * WIDER * math.sin(0.5)
  assert columns[-1] - columns[0] + 1 == pytest.approx(wide, abs=2)
  assert (columns[0] + columns[-1]) / 2 == pytest.approx(31.5, abs=1)
  assert not is_blue(math.pi, front).any()
  assert not is_blue(0, back).any()
  assert is_blue(math.pi, back).sum() == pytest.approx(seen.sum(), rel=0.1)
  # Seen from the side, the front is at the edge to which the person walks.
  side = np.flatnonzero(is_blue(math.pi / 2, front).any(0))
  assert 38 < side[0] <= side[-1] < 43
