"""Names of protocols: the gallery, and the number of frames of each tracklet."""

import re

from cosam_jax.errors import InputError, suggestion
from cosam_jax.runtime.text_numbers import shown

GALLERIES = ("reference", "official")
LEGAL = "reference, official, or either with a number of frames, such as official_4f"


def parse_protocol(name: str) -> tuple[str, int | None]:
  """Splits "official_4f" into ("official", 4) and "reference" into ("reference", None).

  Raises:
    InputError: it is another name; the error gives the legal ones.
  """
  found = re.fullmatch(r"([a-z]+)(?:_([1-9][0-9]{0,17})f)?", str(name))
  if found is None or found[1] not in GALLERIES:
    raise InputError(f"protocol is {shown(name)}; use {LEGAL}{suggestion(str(name), GALLERIES)}.")
  return found[1], int(found[2]) if found[2] else None


def protocol_name(gallery: str, frames: int) -> str:
  """The name of a gallery with `frames` evenly drawn frames a tracklet, or with all (0)."""
  return f"{gallery}_{frames}f" if frames else gallery
