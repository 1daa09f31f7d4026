"""Things that stand or roll in a street: the clutter of the synthetic set.

Each function draws on an `ImageDraw`, with the ground at `(x, y)` and `unit` pixels for the height
of a person. The main colour is an argument, since clutter and clothes share one palette.
"""

import numpy as np
from PIL import Image, ImageDraw

from cosam_jax.data.drawn.looks import PALETTE, RGB

_DARK: RGB = (40, 40, 44)


def random_colour(rng: np.random.Generator) -> RGB:
  """One of the palette's colours."""
  return PALETTE[list(PALETTE)[int(rng.integers(len(PALETTE)))]]


def tint(colour: RGB, factor: float) -> RGB:
  """`colour` made darker (below 1) or lighter (above 1)."""
  red, green, blue = (int(np.clip(c * factor, 0, 255)) for c in colour)
  return red, green, blue


def car(draw: ImageDraw.ImageDraw, x: float, y: float, unit: float, colour: RGB) -> None:
  """A car seen from the side, 1.6 units long."""
  u = unit
  cabin = [(x - 0.5 * u, y - 0.45 * u), (x - 0.3 * u, y - 0.75 * u), (x + 0.3 * u, y - 0.75 * u)]
  draw.polygon([*cabin, (x + 0.55 * u, y - 0.45 * u)], fill=tint(colour, 0.9))
  draw.polygon(
    [(x - 0.4 * u, y - 0.47 * u), (x - 0.25 * u, y - 0.7 * u), (x, y - 0.7 * u), (x, y - 0.47 * u)],
    fill=(150, 172, 186),
  )
  draw.rectangle((x - 0.8 * u, y - 0.48 * u, x + 0.8 * u, y - 0.14 * u), fill=colour)
  draw.rectangle((x - 0.8 * u, y - 0.24 * u, x + 0.8 * u, y - 0.12 * u), fill=tint(colour, 0.6))
  for wheel in (-0.48, 0.5):
    cx, r = x + wheel * u, 0.15 * u
    draw.ellipse((cx - r, y - 2 * r, cx + r, y), fill=_DARK)
    draw.ellipse((cx - r / 2, y - 1.5 * r, cx + r / 2, y - 0.5 * r), fill=(150, 150, 150))


def bicycle(draw: ImageDraw.ImageDraw, x: float, y: float, unit: float, colour: RGB) -> None:
  """A bicycle seen from the side."""
  r, thick = 0.19 * unit, max(1, round(0.022 * unit))
  for cx in (x - 0.3 * unit, x + 0.3 * unit):
    draw.ellipse((cx - r, y - 2 * r, cx + r, y), outline=_DARK, width=thick)
  left, right, seat = (
    (x - 0.3 * unit, y - r),
    (x + 0.3 * unit, y - r),
    (x - 0.12 * unit, y - 0.5 * unit),
  )
  pedal, bar = (x - 0.03 * unit, y - r), (x + 0.22 * unit, y - 0.56 * unit)
  draw.line([left, seat, pedal, left], fill=colour, width=thick)
  draw.line([seat, bar, pedal], fill=colour, width=thick)
  draw.line([right, bar, (bar[0] - 0.08 * unit, bar[1] - 0.03 * unit)], fill=colour, width=thick)


def board(draw: ImageDraw.ImageDraw, x: float, y: float, unit: float, colour: RGB) -> None:
  """A poster on two legs, as wide as a person's trunk and as high as a head."""
  draw.line([(x - 0.2 * unit, y), (x - 0.2 * unit, y - 0.5 * unit)], fill=_DARK, width=2)
  draw.line([(x + 0.2 * unit, y), (x + 0.2 * unit, y - 0.5 * unit)], fill=_DARK, width=2)
  box = (x - 0.28 * unit, y - 0.9 * unit, x + 0.28 * unit, y - 0.35 * unit)
  draw.rectangle(box, fill=colour, outline=tint(colour, 0.6))
  for row in (0.78, 0.66, 0.54):
    line = [(x - 0.2 * unit, y - row * unit), (x + 0.2 * unit, y - row * unit)]
    draw.line(line, fill=tint(colour, 1.5 if sum(colour) < 380 else 0.5), width=2)


def bench(draw: ImageDraw.ImageDraw, x: float, y: float, unit: float, colour: RGB) -> None:
  """A bench with a back of slats."""
  for leg in (-0.42, 0.42):
    cx = x + leg * unit
    draw.rectangle((cx - 0.03 * unit, y - 0.5 * unit, cx + 0.03 * unit, y), fill=_DARK)
  for low, high in ((0.5, 0.42), (0.38, 0.3), (0.26, 0.2)):
    box = (x - 0.52 * unit, y - low * unit, x + 0.52 * unit, y - high * unit)
    draw.rectangle(box, fill=colour)


def pole(draw: ImageDraw.ImageDraw, x: float, y: float, unit: float, colour: RGB) -> None:
  """A post as high as the frame, lit from one side."""
  half = 0.055 * unit
  draw.rectangle((x - half, y - 3 * unit, x + half, y), fill=tint(colour, 0.7))
  draw.rectangle((x - half * 0.6, y - 3 * unit, x + half * 0.2, y), fill=colour)


def bush(draw: ImageDraw.ImageDraw, x: float, y: float, unit: float, colour: RGB) -> None:
  """A bush with a few leaves or blossoms of `colour`."""
  steps = np.random.default_rng(int(abs(x) * 7 + y)).uniform(-1, 1, (22, 2))
  for k, (a, b) in enumerate(steps):
    cx, cy, r = x + 0.34 * a * unit, y - (0.2 + 0.16 * b) * unit, 0.13 * unit
    fill = tint((58, 96, 50), 0.75 + 0.4 * (k / 22))
    draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=fill)
  for a, b in steps[:7]:
    cx, cy, r = x + 0.36 * b * unit, y - (0.24 + 0.18 * a) * unit, 0.035 * unit
    draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=colour)


def tree(draw: ImageDraw.ImageDraw, x: float, y: float, unit: float, colour: RGB) -> None:
  """A tree; `colour` shows as a band around its trunk."""
  half = 0.06 * unit
  draw.rectangle((x - half, y - 0.8 * unit, x + half, y), fill=(84, 66, 50))
  draw.rectangle((x - half, y - 0.45 * unit, x + half, y - 0.38 * unit), fill=colour)
  steps = np.random.default_rng(int(abs(x) * 3 + y)).uniform(-1, 1, (26, 2))
  for k, (a, b) in enumerate(steps):
    cx, cy, r = x + 0.4 * a * unit, y - (1.05 + 0.28 * b) * unit, 0.17 * unit
    fill = tint((66, 104, 58), 0.7 + 0.45 * (k / 26))
    draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=fill)


STANDING = (car, bicycle, bicycle, board, bench, bush, tree, pole)
ROLLING = (car, bicycle)
BLOCKING = (pole, pole, bench, bush, bicycle)


def sprite(thing, height: int, unit: float, colour: RGB) -> tuple[np.ndarray, np.ndarray]:
  """`thing` alone: colour times alpha `float32[height, w, 3]` and alpha `float32[height, w]`.

  Its foot is at the bottom row and its middle at the middle column.
  """
  width = int(1.8 * unit) + 2
  image = Image.new("RGBA", (2 * width, 2 * height))
  thing(ImageDraw.Draw(image), width, 2 * height, 2 * unit, colour)
  pixels = np.asarray(image.reduce(2), np.float32)
  alpha = pixels[..., 3] / 255.0
  return pixels[..., :3] * alpha[..., None], alpha


def place(image: np.ndarray, cover: np.ndarray | None, picture, x: float, bottom: float) -> None:
  """Pastes a sprite into `image`, its middle at column `x`, and adds it to `cover` if given."""
  colour, alpha = picture
  height, width = image.shape[:2]
  left, top = round(x - alpha.shape[1] / 2), round(bottom - alpha.shape[0])
  first, last = max(0, top), min(height, top + alpha.shape[0])
  west, east = max(0, left), min(width, left + alpha.shape[1])
  if first >= last or west >= east:
    return
  there = (slice(first, last), slice(west, east))
  cut = (slice(first - top, last - top), slice(west - left, east - left))
  see = 1 - alpha[cut]
  image[there] = image[there] * see[..., None] + colour[cut]
  if cover is not None:
    cover[there] = 1 - (1 - cover[there]) * see
