"""Text in pictures drawn with Pillow: one font, cut or wrapped to a width in pixels."""

from PIL import ImageFont

Font = ImageFont.ImageFont | ImageFont.FreeTypeFont


def font(size: int) -> Font:
  """Pillow's own font, so that pictures look the same everywhere."""
  return ImageFont.load_default(size)


def fit(text: str, face: Font, width: float) -> str:
  """The text, or as much of it as the width holds."""
  if face.getlength(text) <= width:
    return text
  text = text[: int(width)]  # No letter is narrower than a pixel.
  while text and face.getlength(text + "...") > width:
    text = text[:-1]
  return text + "..."


def wrap(text: str, face: Font, width: float) -> list[str]:
  """Lines of whole words that the width holds; a word longer than a line is cut."""
  lines = [""]
  for word in text.split():
    longer = f"{lines[-1]} {word}".strip()
    if lines[-1] and face.getlength(longer) > width:
      lines.append(word)
    else:
      lines[-1] = longer
  return [fit(line, face, width) for line in lines]
