"""Text in pictures drawn with Pillow: one font, cut or wrapped to a width in pixels."""

import functools
import os
from collections.abc import Sequence

from PIL import ImageFont

from cosam_jax.reports.name_cuts import cut_apart
from cosam_jax.runtime.cache import settle_libraries

# No font has these letters; it draws the same sign for them as for all letters that it lacks.
_LACKING = ("\U0010ffff", "\ue000")

Font = ImageFont.ImageFont | ImageFont.FreeTypeFont


@functools.lru_cache
def font(size: int) -> Font:
  """A font that comes with the packages, so that pictures look the same everywhere.

  matplotlib's DejaVu has Latin, Greek, Cyrillic, Arabic and Hebrew letters; Pillow's own font, used
  without it, has the English ones. DejaVu is a little wider, so it is used a little smaller.
  """
  settle_libraries()
  import matplotlib

  dejavu = os.path.join(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
  try:
    return ImageFont.truetype(dejavu, round(0.9 * size))
  except OSError:
    return ImageFont.load_default(size)


def fit(text: str, face: Font, width: float, among: Sequence[str] = ()) -> str:
  """The text, or as much of it as fits the width, cut where it matters least.

  Letters that the font lacks are written as Python escapes them (`\\u5f20`), so that different
  names look different.

  Args:
    text: the text.
    face: the font.
    width: in pixels.
    among: texts from which it must look different, if it is different.
  """
  return cut_apart(
    drawable(text, face),
    (drawable(other, face) for other in among),
    lambda shorter: face.getlength(shorter) <= width,
  )


@functools.lru_cache(maxsize=4096)
def drawable(text: str, face: Font) -> str:
  """The text with an escape for each letter that the font would draw as an empty box."""
  return "".join(letter if _has(face, letter) else ascii(letter)[1:-1] for letter in text)


@functools.lru_cache(maxsize=65536)
def _has(face: Font, letter: str) -> bool:
  if not letter.isprintable():
    return False
  boxes = [face.getmask(lacking) for lacking in _LACKING]
  mask = face.getmask(letter)
  return all(mask.size != box.size or bytes(mask) != bytes(box) for box in boxes)


def wrap(text: str, face: Font, width: float) -> list[str]:
  """Lines of whole words that fit the width; a word longer than a line is cut."""
  lines = [""]
  for word in drawable(text, face).split():
    longer = f"{lines[-1]} {word}".strip()
    if lines[-1] and face.getlength(longer) > width:
      lines.append(word)
    else:
      lines[-1] = longer
  return [fit(line, face, width) for line in lines]
