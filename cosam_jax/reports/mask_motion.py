"""Masks in motion, the strongest channels of the gate, and correlation pictures, with Pillow.

Notation: `T` frames in a clip, `h w` grid, `C` channels.
"""

import math
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw

from cosam_jax.evaluation.clip_masks import ClipMasks
from cosam_jax.reports.lettering import fit, font, wrap
from cosam_jax.reports.mask_pictures import colour_range, overlay, tile_size

_HEIGHT, _GAP, _TOP = 224, 6, 26
_LINE, _NARROWEST = 18, 320
_HEAD = 2 * _LINE + 2
_CORRELATION = (
  "Tracklet {}: correlation (NCC) of the marked point with every place of the clip's other frames. "
  "In each row, dark blue is the lowest and yellow the highest."
)
_TEXT, _FAINT, _BAR = (25, 25, 25), (95, 95, 95), (33, 145, 140)
_MILLISECONDS = 250


def save_animation(path: pathlib.Path, clips: Sequence[ClipMasks]) -> None:
  """Saves a WebP of one tracklet's clips: each frame, and beside it the frame under each mask."""
  stages = sorted(clips[0].masks)
  limits = {
    stage: colour_range(np.concatenate([clip.masks[stage] for clip in clips])) for stage in stages
  }
  pages: list[Image.Image] = []
  seen: set[int] = set()
  for clip in clips:
    for i, number in enumerate(clip.numbers):
      image = clip.images[i]
      if image is None or number in seen:
        continue
      seen.add(number)
      size = tile_size([one for c in clips for one in c.images], _HEIGHT)
      step = size[0] + _GAP
      page = Image.new("RGB", ((1 + len(stages)) * step - _GAP, _HEIGHT + _TOP), "white")
      draw = ImageDraw.Draw(page)
      tiles = [Image.fromarray(image).resize(size)]
      tiles += [overlay(image, clip.masks[stage][i], size, limits[stage]) for stage in stages]
      names = [f"frame {number}", *(f"COSAM {stage}" for stage in stages)]
      for column, (name, tile) in enumerate(zip(names, tiles)):
        draw.text((column * step + 2, 4), fit(name, font(14), size[0]), _TEXT, font(14))
        page.paste(tile, (column * step, _TOP))
      pages.append(page)
  if pages:
    pages[0].save(
      path, save_all=True, append_images=pages[1:], duration=_MILLISECONDS, loop=0, quality=80
    )


def channels_picture(strongest: Mapping[str, Sequence[Mapping[str, float]]]) -> Image.Image:
  """Bars of the channel gate's strongest channels, a column for each stage.

  Args:
    strongest: stage -> [{"channel", "gate"}], strongest first, gates in 0 .. 1.
  """
  rows = max(len(one) for one in strongest.values())
  picture = Image.new("RGB", (20 + 320 * len(strongest), 70 + 22 * rows), "white")
  draw = ImageDraw.Draw(picture)
  for column, (stage, one) in enumerate(strongest.items()):
    left = 20 + 320 * column
    draw.text((left, 14), f"COSAM {stage}: strongest channels", _TEXT, font(16))
    for row, entry in enumerate(one):
      y = 46 + 22 * row
      draw.text((left, y), f"{entry['channel']:.0f}", _FAINT, font(13))
      draw.rectangle((left + 50, y, left + 51 + round(180 * entry["gate"]), y + 14), fill=_BAR)
      draw.text((left + 240, y), f"{entry['gate']:.3f}", _TEXT, font(13))
  return picture


def correlation_picture(
  clip: ClipMasks, frame: int, place: tuple[float, float], heat: Mapping[int, np.ndarray]
) -> Image.Image:
  """Shows where the other frames agree with a point; a row for each stage.

  Args:
    clip: the clip.
    frame: position of the point's frame in it, from 0.
    place: (y, x) of the point as fractions of the frame.
    heat: stage -> float[T, h, w], NCC -1 .. 1; the point's own frame is not shown.
  """
  size = tile_size(clip.images, _HEIGHT)
  others = [i for i in range(len(clip.numbers)) if i != frame]
  first = {stage: (f"frame {clip.numbers[frame]}", f"stage {stage}") for stage in sorted(heat)}
  heads = {
    (stage, i): (f"frame {clip.numbers[i]}", f"{values[i].min():.2f} to {values[i].max():.2f}")
    for stage, values in heat.items()
    for i in others
  }
  # Crops of people may be narrower than the words above them.
  words = [line for head in (*first.values(), *heads.values()) for line in head]
  widest = math.ceil(max(font(13).getlength(line) for line in words))
  step = max(size[0], widest) + 2 * _GAP
  row_height = _HEIGHT + _HEAD + _GAP
  width = max(20 + (1 + len(others)) * step, _NARROWEST)
  title = wrap(_CORRELATION.format(clip.tracklet), font(14), width - 20)
  above = 10 + _LINE * len(title) + _GAP
  picture = Image.new("RGB", (width, above + len(heat) * row_height + 10), "white")
  draw = ImageDraw.Draw(picture)
  for number, line in enumerate(title):
    draw.text((10, 10 + _LINE * number), line, _TEXT, font(14))
  for row, (stage, values) in enumerate(sorted(heat.items())):
    top = above + row * row_height + _HEAD
    limits = colour_range_of_ncc(values[others])
    image = clip.images[frame]
    tile = Image.new("RGB", size) if image is None else Image.fromarray(image).resize(size)
    x, y = round(place[1] * size[0]), round(place[0] * size[1])
    mark = ImageDraw.Draw(tile)
    for radius, colour in ((6, "white"), (7, "red"), (8, "white")):
      mark.ellipse((x - radius, y - radius, x + radius, y + radius), outline=colour)
    picture.paste(tile, (10, top))
    _head(draw, (10, top), first[stage])
    for column, i in enumerate(others, start=1):
      left = 10 + column * step
      _head(draw, (left, top), heads[stage, i])
      picture.paste(overlay(clip.images[i], values[i], size, limits), (left, top))
  return picture


def _head(draw: ImageDraw.ImageDraw, below: tuple[int, int], lines: tuple[str, str]) -> None:
  """Two lines above a frame whose upper left corner is `below`."""
  left, top = below
  for line, colour, up in zip(lines, (_TEXT, _FAINT), (2, 1)):
    draw.text((left, top - _LINE * up), line, colour, font(13))


def colour_range_of_ncc(values: np.ndarray) -> tuple[float, float]:
  """The lowest and the highest correlation, moved at least 0.05 apart."""
  low, high = float(values.min()), float(values.max())
  return low, max(high, low + 0.05)
