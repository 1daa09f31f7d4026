"""The places where people walk: a street for each camera, and a scene for each tracklet.

A `Scene` draws all its randomness when it is made, from its camera and its tracklet alone; a person
is put into it only afterwards. So nothing around a figure can tell who it is.
"""

import dataclasses
import math

import numpy as np
from PIL import Image, ImageDraw

from cosam_jax.data.drawn import objects
from cosam_jax.data.drawn.body import draw_figure
from cosam_jax.data.drawn.canvas import Pose
from cosam_jax.data.drawn.looks import Look, random_look

_GROUNDS = ((128, 126, 122), (104, 106, 110), (146, 136, 122), (92, 106, 78), (120, 104, 92))
_WALLS = ((168, 160, 150), (136, 112, 98), (188, 190, 194), (120, 128, 138), (176, 150, 120))


class Camera:
  """One camera: its street (a picture that repeats sideways), its tilt and its colours."""

  def __init__(self, rng: np.random.Generator, size: tuple[int, int]):
    height, width = size
    self.size = size
    self.pitch = float(rng.uniform(0.06, 0.2))
    self.gain = float(rng.uniform(0.75, 1.15))
    self.cast = rng.uniform(0.86, 1.14, 3)
    self.horizon = float(rng.uniform(0.3, 0.5)) * height
    self.street = self._draw_street(rng, 8 * width)  # At twice the size of a frame.

  def _draw_street(self, rng: np.random.Generator, width: int) -> Image.Image:
    height, wide = 2 * self.size[0], 2 * width
    horizon = 2 * self.horizon
    image = Image.new("RGB", (wide, height), (176, 190, 204))
    draw = ImageDraw.Draw(image)
    x = 0.0
    while x < wide:  # Draws houses with windows.
      front = min(wide - x, rng.uniform(0.5, 1.2) * height)
      wall = objects.tint(_WALLS[int(rng.integers(len(_WALLS)))], rng.uniform(0.6, 1.1))
      draw.rectangle((x, rng.uniform(-0.3, 0.4) * horizon, x + front, horizon), fill=wall)
      step, pane = rng.uniform(0.1, 0.2) * height, objects.tint(wall, rng.uniform(0.4, 0.7))
      for wx in np.arange(x + 0.3 * step, x + front - 0.5 * step, step):
        for wy in np.arange(0.1 * step, horizon - 0.6 * step, step):
          draw.rectangle((wx, wy, wx + 0.45 * step, wy + 0.55 * step), fill=pane)
      x += front
    ground = _GROUNDS[int(rng.integers(len(_GROUNDS)))]
    draw.rectangle((0, horizon, wide, height), fill=ground)
    seam = objects.tint(ground, 0.84)
    for k in range(1, 9):  # Draws rows of slabs, closer together far away.
      y = horizon + (height - horizon) * (k / 9) ** 1.7
      draw.line([(0, y), (wide, y)], fill=seam, width=1 + k // 4)
    slab = wide / round(wide / (0.35 * height))
    for x in np.arange(0, wide, slab):
      draw.line([(x, horizon), (x + 0.3 * slab, height)], fill=seam, width=2)
    for _ in range(14):
      _stand(draw, rng, horizon, height, float(rng.uniform(0, wide)), wide)
    return image

  def view(self, start: float, width: int) -> Image.Image:
    """A copy of the street from pixel `start` on, `width` pixels of a frame, at twice the size."""
    wide = self.street.width
    left = round(2 * start) % wide
    cut = Image.new("RGB", (2 * width, self.street.height))
    for shift in range(-left, 2 * width, wide):
      cut.paste(self.street, (shift, 0))
    return cut


def _stand(draw, rng, horizon: float, height: float, x: float, wide: float = 0.0) -> None:
  """Draws a random object on the ground, smaller if farther; repeats it `wide` to either side."""
  near = float(rng.uniform(0, 0.6))
  thing = objects.STANDING[int(rng.integers(len(objects.STANDING)))]
  colour = objects.random_colour(rng)
  y = horizon + (height - horizon) * (0.06 + 0.94 * near)
  for shift in (0.0, -wide, wide) if wide else (0.0,):
    thing(draw, x + shift, y, height * (0.28 + 0.6 * near), colour)


@dataclasses.dataclass
class _Walker:
  """Another person in the scene, drawn anew in each frame."""

  look: Look
  yaw: float
  start: float
  speed: float
  feet: float
  height: float


class Scene:
  """One tracklet without its person: path, light, background, passers-by, objects in front.

  Args:
    camera: the camera that sees it.
    rng: the tracklet's randomness; all of it is drawn in `__init__`.
    frames: number of frames.
    missed: whether the box is a detector's mistake, with only a part of a person at its edge.

  Attributes:
    blocking: objects between the camera and the person, as (sprite, column at frame 0, columns a
      frame, row of its foot).
    passing: people between the camera and the person.
  """

  def __init__(
    self, camera: Camera, rng: np.random.Generator, frames: int, *, missed: bool = False
  ):
    height, width = camera.size
    self.camera, self.frames = camera, frames
    self._path(rng, missed)
    self._light(rng)
    speed = float(rng.uniform(0.012, 0.022)) * height * math.sin(self._yaw[0])
    drift = float(rng.uniform(-0.004, 0.004)) * height
    steps = speed + drift + rng.normal(0, 0.004 * height, frames)
    self._scroll = np.cumsum(steps)
    self._scroll -= self._scroll.min()
    self._backdrop(rng)
    self._crowd(rng, speed)
    self._front(rng, speed)
    # The sensor's noise is one long strip, cut at a random place for each frame.
    self._noise = rng.normal(0, float(rng.uniform(1, 6)), (2 * height, 2 * width, 3))
    self._cuts = rng.integers(0, (height, width), (frames, 2))

  def _path(self, rng: np.random.Generator, missed: bool) -> None:
    height, width = self.camera.size
    n = self.frames
    self._yaw = rng.uniform(-math.pi, math.pi) + np.cumsum(rng.normal(0, 0.03, n))
    self._phase = rng.uniform(0, 2 * math.pi) + rng.uniform(0.36, 0.6) * np.arange(n)
    self._stride = float(rng.uniform(0.3, 0.46))
    tall, feet = rng.uniform(0.8, 0.92), rng.uniform(0.93, 0.985)
    if rng.random() < 0.12:  # A box that cuts the feet off.
      tall, feet = rng.uniform(0.95, 1.08), rng.uniform(1.04, 1.14)
    jitter = np.cumsum(rng.normal(0, 0.007, (n, 3)), 0) * 0.9 + rng.normal(0, 0.004, (n, 3))
    jitter = np.clip(jitter, -0.06, 0.06)
    middle = 0.5 + rng.uniform(-0.08, 0.08)
    if missed:
      middle += rng.choice([-1, 1]) * rng.uniform(0.4, 0.55)
      feet += rng.uniform(-0.1, 0.4)
    self._x = width * (middle + 1.5 * jitter[:, 0])
    self._feet = height * (feet + jitter[:, 1] * 0.7)
    self._tall = height * tall * (1 + jitter[:, 2])

  def _light(self, rng: np.random.Generator) -> None:
    height, width = self.camera.size
    self._side = float(rng.uniform(-1, 1))
    slope = rng.uniform(-0.3, 0.3, 2)
    y, x = np.linspace(-0.5, 0.5, height)[:, None], np.linspace(-0.5, 0.5, width)[None]
    gain = self.camera.gain * rng.uniform(0.8, 1.2)
    cast = self.camera.cast * rng.uniform(0.95, 1.05, 3)
    self._gain = ((1 + slope[0] * y + slope[1] * x)[..., None] * gain * cast).astype(np.float32)
    self._haze = float(rng.uniform(0, 0.22))
    self._blur = int(rng.choice([1, 1, 2, 3]))
    self._small = float(rng.choice([1.0, 1.0, 0.75, 0.55]))
    self.quality = int(rng.integers(55, 93))

  def _backdrop(self, rng: np.random.Generator) -> None:
    height, width = self.camera.size
    wide = width + math.ceil(self._scroll.max()) + 1
    image = self.camera.view(rng.uniform(0, 8 * width), wide)
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(2, 4 + wide // width))):
      _stand(draw, rng, 2 * self.camera.horizon, 2 * height, float(rng.uniform(0, 2 * wide)))
    self._strip = np.asarray(image.reduce(2), np.float32)

  def _crowd(self, rng: np.random.Generator, speed: float) -> None:
    """Things that move behind the person: people walking, cars and bicycles."""
    height, width = self.camera.size
    self._behind, self._rolling = [], []
    for _ in range(int(rng.choice([0, 1, 2], p=[0.45, 0.35, 0.2]))):
      own = float(rng.choice([-1, 1]) * rng.uniform(0.006, 0.016)) * height
      size = float(rng.uniform(0.4, 0.72))
      feet = self.camera.horizon + (height - self.camera.horizon) * (size - 0.1)
      yaw = math.copysign(rng.uniform(0.6, 2.4), own)
      start = rng.uniform(0, width) - (own - speed) * self.frames / 2
      walker = _Walker(random_look(rng), yaw, start, own - speed, feet, size * height)
      self._behind.append(walker)
    for _ in range(int(rng.choice([0, 1], p=[0.5, 0.5]))):
      thing = objects.ROLLING[int(rng.integers(len(objects.ROLLING)))]
      own = float(rng.choice([-1, 1]) * rng.uniform(0.015, 0.05)) * height
      picture = objects.sprite(thing, height, 0.62 * height, objects.random_colour(rng))
      start = rng.uniform(0, width) - (own - speed) * self.frames / 2
      self._rolling.append((picture, start, own - speed, rng.uniform(0.62, 0.8) * height))

  def _front(self, rng: np.random.Generator, speed: float) -> None:
    """Nothing, an object, or a passer-by between the camera and the person."""
    height, width = self.camera.size
    self.blocking, self.passing = [], []
    kind = rng.choice(["none", "object", "person"], p=[0.5, 0.32, 0.18])
    middle = rng.uniform(0.1, 0.9) * self.frames
    if kind == "object":
      thing = objects.BLOCKING[int(rng.integers(len(objects.BLOCKING)))]
      unit, colour = rng.uniform(0.6, 0.85) * height, objects.random_colour(rng)
      picture = objects.sprite(thing, height, unit, colour)
      move = -1.3 * speed if abs(speed) > 0.008 * height else 0.014 * height
      start = width * rng.uniform(0.2, 0.8) - move * middle
      self.blocking.append((picture, start, move, rng.uniform(1.0, 1.1) * height))
    elif kind == "person":
      move = float(rng.choice([-1, 1]) * rng.uniform(0.03, 0.06)) * height
      start = width * 0.5 - move * middle
      feet, tall = rng.uniform(1.05, 1.2) * height, rng.uniform(0.95, 1.1) * height
      yaw = math.copysign(math.pi / 2, move)
      self.passing.append(_Walker(random_look(rng), yaw, start, move, feet, tall))

  def pose(self, frame: int) -> Pose:
    """The pose in `frame` of the person who walks here."""
    feet = (float(self._x[frame]), float(self._feet[frame]))
    yaw, phase = float(self._yaw[frame]), float(self._phase[frame])
    tall = float(self._tall[frame])
    return Pose(yaw, phase, self._stride, feet, tall, self._side, self.camera.pitch)

  def render(self, look: Look) -> tuple[np.ndarray, np.ndarray]:
    """Lets `look` walk through the scene.

    Returns:
      Frames `uint8[frames, height, width, 3]`, RGB, and masks `uint8[frames, height, width]`,
      255 for pixels of which at least half is the figure, with nothing in front of it, else 0.
    """
    pairs = [self._render(look, frame) for frame in range(self.frames)]
    return np.stack([image for image, _ in pairs]), np.stack([mask for _, mask in pairs])

  def _render(self, look: Look, frame: int) -> tuple[np.ndarray, np.ndarray]:
    height, width = self.camera.size
    at = int(self._scroll[frame])
    image = self._strip[:, at : at + width].copy()
    for picture, start, speed, bottom in self._rolling:
      objects.place(image, None, picture, start + speed * frame, bottom)
    for walker in self._behind:
      self._walk(image, None, walker, frame)
    pose = self.pose(frame)
    y, x = np.ogrid[:height, :width]
    shadow = ((x - pose.feet[0] + 3 * pose.light) / (0.16 * pose.height)) ** 2
    shadow = shadow + ((y - pose.feet[1]) / (0.035 * pose.height)) ** 2
    image *= (1 - 0.5 * np.exp(-shadow))[..., None]
    colour, alpha = draw_figure(look, pose, self.camera.size)
    image = image * (1 - alpha)[..., None] + colour
    cover = np.zeros((height, width), np.float32)
    for picture, start, speed, bottom in self.blocking:
      objects.place(image, cover, picture, start + speed * frame, bottom)
    for walker in self.passing:
      self._walk(image, cover, walker, frame)
    mask = np.where(alpha * (1 - cover) > 0.5, 255, 0).astype(np.uint8)
    return self._expose(image, frame), mask

  def _walk(self, image: np.ndarray, cover: np.ndarray | None, walker: _Walker, frame: int) -> None:
    x = walker.start + walker.speed * frame
    if not -0.4 * walker.height < x < image.shape[1] + 0.4 * walker.height:
      return
    pose = Pose(
      walker.yaw,
      float(self._phase[frame]) + walker.start,
      self._stride,
      (x, walker.feet),
      walker.height,
      self._side,
      self.camera.pitch,
    )
    colour, alpha = draw_figure(walker.look, pose, self.camera.size)
    image *= (1 - alpha)[..., None]
    image += colour
    if cover is not None:
      np.maximum(cover, alpha, out=cover)

  def _expose(self, image: np.ndarray, frame: int) -> np.ndarray:
    """Adds light, haze, motion blur, a small sensor and its noise, whoever is in the frame."""
    height, width = self.camera.size
    image = image * self._gain * (1 - self._haze) + 150 * self._haze
    if self._blur > 1:
      padded = np.pad(image, ((0, 0), (self._blur - 1, 0), (0, 0)), mode="edge")
      image = np.mean([padded[:, k : k + width] for k in range(self._blur)], axis=0)
    y, x = self._cuts[frame]
    image = image + self._noise[y : y + height, x : x + width]
    pixels = np.clip(image, 0, 255).astype(np.uint8)
    if self._small < 1:
      small = Image.fromarray(pixels).resize(
        (round(width * self._small), round(height * self._small)), Image.Resampling.BILINEAR
      )
      pixels = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))
    return pixels
