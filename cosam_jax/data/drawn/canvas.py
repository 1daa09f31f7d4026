"""The pose of a person in a frame, and the canvas that turns body shapes into pixels.

Body coordinates: x to the person's left, y up from the ground, z forward; the unit is the
person's height. A camera at `yaw` sees `x cos + z sin` across and `z cos - x sin` towards itself.
Everything is drawn twice with the same outlines, once as flat colour and once as shade, at
`SUPERSAMPLE` times the size. Averaging this down gives soft edges and an exact mask.
"""

import dataclasses
import math

import numpy as np
from PIL import Image, ImageDraw

from cosam_jax.data.drawn.looks import RGB

SUPERSAMPLE = 3
_LIT = 150  # Shade at which a colour is shown as it is.
_STRETCH = 1.14  # Frames of 1:2 show people a little wider than they are, as MARS's do.
_ARC = np.linspace(0.5 * math.pi, 1.5 * math.pi, 8)
_CAPSULE = np.concatenate([_ARC, _ARC + math.pi])


@dataclasses.dataclass(frozen=True)
class Pose:
  """Where and how a person stands in a frame; nothing here depends on who the person is."""

  yaw: float
  """Radians: 0 walks towards the camera, pi / 2 to the right, pi away."""
  phase: float
  """Radians of the gait; 2 pi is two steps."""
  stride: float
  """Largest angle of the thigh, radians."""
  feet: tuple[float, float]
  """Pixel (x, y) between the feet on the ground."""
  height: float
  """Height of a person of stature 1, in pixels."""
  light: float
  """The side that the light comes from, -1 (left) to 1 (right)."""
  pitch: float = 0.12
  """How far the camera looks down; a nearer foot is drawn lower."""


class Canvas:
  """Colour and shade layers, and the camera that projects body coordinates onto them."""

  def __init__(self, size: tuple[int, int], pose: Pose, stature: float):
    height, width = size
    self._colour = Image.new("RGBA", (width * SUPERSAMPLE, height * SUPERSAMPLE))
    self._shade = Image.new("L", self._colour.size, _LIT - 40)
    self._draw, self._draw_shade = ImageDraw.Draw(self._colour), ImageDraw.Draw(self._shade)
    self.cos, self.sin = math.cos(pose.yaw), math.sin(pose.yaw)
    self._pose, self.unit = pose, pose.height * stature * SUPERSAMPLE

  def depth(self, point) -> float:
    """How near to the camera a body point is (larger is nearer)."""
    return point[2] * self.cos - point[0] * self.sin

  def project(self, point) -> np.ndarray:
    """The (x, y) of a body point on the supersampled layers."""
    across = (point[0] * self.cos + point[2] * self.sin) * _STRETCH
    down = -point[1] + self._pose.pitch * self.depth(point)
    x, y = self._pose.feet
    return np.array([x * SUPERSAMPLE + self.unit * across, y * SUPERSAMPLE + self.unit * down])

  def polygon(self, points: np.ndarray, colour: RGB | None, shade: int | None = None) -> None:
    """Fills a polygon of layer points in colour, in shade, or in both."""
    flat = np.asarray(points).ravel().tolist()
    if colour is not None:
      self._draw.polygon(flat, fill=(*colour, 255))
    if shade is not None:
      self._draw_shade.polygon(flat, fill=shade)

  def blob(self, centre, radii, colour: RGB, shade: int = _LIT, offset=(0.0, 0.0)) -> None:
    """An ellipse around a body point with `radii` and `offset` across the screen, in units."""
    x, y = self.project(centre) + self.unit * np.array([offset[0] * _STRETCH, offset[1]])
    rx, ry = radii[0] * self.unit * _STRETCH, radii[1] * self.unit
    for grow, move, value in ((1, 0, shade - 30), (0.8, 0.14, shade), (0.45, 0.3, shade + 18)):
      a, b, cx = rx * grow, ry * grow, x + rx * move * self._pose.light
      self._draw_shade.ellipse((cx - a, y - b, cx + a, y + b), fill=value)
    self._draw.ellipse((x - rx, y - ry, x + rx, y + ry), fill=(*colour, 255))

  def limb(self, start, end, radii, colour: RGB, shade: int = _LIT) -> None:
    """A tapering capsule between two body points, darker at its edges."""
    p, q = self.project(start), self.project(end)
    turn = math.atan2(q[1] - p[1], q[0] - p[0])
    arc = np.column_stack([np.cos(_CAPSULE + turn), np.sin(_CAPSULE + turn)])
    centres = np.repeat([p, q], len(_ARC), axis=0)
    sizes = np.repeat(np.asarray(radii) * self.unit * 1.07, len(_ARC))[:, None]
    self.polygon(centres + sizes * arc, colour, shade - 30)
    for grow, move, value in ((0.78, 0.15, shade - 6), (0.42, 0.34, shade + 16)):
      points = centres + sizes * grow * arc
      points[:, 0] += sizes[:, 0] * move * self._pose.light
      self.polygon(points, None, value)

  def barrel(self, rings: np.ndarray, colour: RGB, shade: int = _LIT) -> "Barrel":
    """Draws and returns a shaded trunk of ellipses: rows (height, half width, half depth, x, z)."""
    barrel = Barrel(self, rings)
    self.polygon(barrel.outline(-1, 1), colour, shade - 40)
    for low, high, value in ((-0.86, 0.86, -14), (-0.62, 0.62, 0), (-0.3, 0.3, 14)):
      move = 0.2 * self._pose.light * (1 - high)
      self.polygon(barrel.outline(low + move, high + move), None, shade + value)
    return barrel

  def layers(self) -> tuple[np.ndarray, np.ndarray]:
    """Colour times alpha `float32[h, w, 3]` (0 to 255) and alpha `float32[h, w]` (0 to 1)."""
    colour = np.asarray(self._colour.reduce(SUPERSAMPLE), np.float32)
    shade = np.asarray(self._shade.reduce(SUPERSAMPLE), np.float32) / _LIT
    alpha = colour[..., 3] / 255.0  # After averaging, Pillow divides the colour by alpha again.
    return colour[..., :3] * (shade * alpha)[..., None], alpha


class Barrel:
  """The visible side of a stack of ellipses, addressed by the angle around the body."""

  def __init__(self, canvas: Canvas, rings: np.ndarray):
    self._canvas = canvas
    heights = np.linspace(rings[0, 0], rings[-1, 0], 12)
    order = np.argsort(rings[:, 0])
    columns = [np.interp(heights, rings[order, 0], rings[order, k]) for k in range(1, 5)]
    wide, deep, x, z = columns
    self._centres = np.stack([canvas.project(p) for p in zip(x, heights, z)])
    self._half = np.hypot(wide * canvas.cos, deep * canvas.sin) * canvas.unit * _STRETCH
    self._turn = float(np.mean(np.arctan2(deep * canvas.sin, wide * canvas.cos)))

  def outline(self, low: float, high: float, top: float = 0.0, bottom: float = 1.0) -> np.ndarray:
    """Polygon between two fractions of the half width and two of the height (0 is the top)."""
    x, y, half = self._centres[:, 0], self._centres[:, 1], self._half
    if (top, bottom) != (0.0, 1.0):
      rows = np.linspace(top, bottom, 12) * (len(half) - 1)
      x, y, half = (np.interp(rows, np.arange(len(half)), v) for v in (x, y, half))
    points = np.empty((24, 2))
    points[:12, 0], points[:12, 1] = x + low * half, y
    points[12:, 0], points[12:, 1] = (x + high * half)[::-1], y[::-1]
    return points

  def band(self, top: float, bottom: float, colour: RGB) -> None:
    """A hoop between two fractions of the height."""
    self._canvas.polygon(self.outline(-1, 1, top, bottom), colour)

  def strip(self, angles: tuple[float, float], colour: RGB, top=0.0, bottom=1.0) -> None:
    """The visible part of an upright strip between two angles around the body (0 is the front)."""
    middle, half = sum(angles) / 2 + self._turn, (angles[1] - angles[0]) / 2
    middle = (middle + math.pi) % (2 * math.pi) - math.pi
    low, high = np.clip([middle - half, middle + half], -math.pi / 2, math.pi / 2)
    if high - low > 0.02:
      self._canvas.polygon(self.outline(math.sin(low), math.sin(high), top, bottom), colour)
