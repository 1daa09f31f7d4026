"""Text in pictures drawn with Pillow: one font, cut or wrapped to a width in pixels."""

import functools
import os

from PIL import ImageFont

from cosam_jax.data.cache_folder import settle_libraries

# No font has letters for these; what it draws instead stands for all that it lacks.
_LACKING = ("\U0010ffff", "\ue000")

Font = ImageFont.ImageFont | ImageFont.FreeTypeFont


@functools.lru_cache
def font(size: int) -> Font:
  """A font that comes with the packages, so that pictures look the same everywhere.

  DejaVu of matplotlib has Latin, Greek, Cyrillic, Arabic and Hebrew letters; Pillow's own has the
  English ones. It is a little wider, so it is taken a little smaller.
  """
  settle_libraries()
  import matplotlib

  dejavu = os.path.join(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
  try:
    return ImageFont.truetype(dejavu, round(0.9 * size))
  except OSError:
    return ImageFont.load_default(size)


def fit(text: str, face: Font, width: float) -> str:
  """The text, or its beginning and its end, which tell names apart, as the width holds them.

  Letters that the font lacks are written as Python escapes them (`\\u5f20`), so that names which
  differ look different.
  """
  text = drawable(text, face)
  if face.getlength(text) <= width:
    return text
  kept = min(len(text) - 1, int(width))  # No letter is narrower than a pixel.
  while kept > 0:
    front = kept // 3  # Names mostly differ at the end: numbers of tracklets and frames.
    shorter = f"{text[:front]}...{text[len(text) - (kept - front) :]}"
    if face.getlength(shorter) <= width:
      return shorter
    kept -= 1
  return "..."


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
  """Lines of whole words that the width holds; a word longer than a line is cut."""
  lines = [""]
  for word in drawable(text, face).split():
    longer = f"{lines[-1]} {word}".strip()
    if lines[-1] and face.getlength(longer) > width:
      lines.append(word)
    else:
      lines[-1] = longer
  return [fit(line, face, width) for line in lines]
