"""Pictures of other packages, most of which have OpenCV's order of colours, as RGB."""

import numpy as np

from cosam_jax.data.clips import check_choice
from cosam_jax.experiment.given_frames import checked_picture

COLOURS = ("bgr", "rgb")


def as_rgb(picture: np.ndarray, colours: str) -> np.ndarray:
  """uint8[height, width, 3] in the order `colours`, one of `COLOURS` -> RGB.

  Raises:
    InputError: there is no such order, or the picture has another type or shape.
  """
  check_choice("colours", colours, COLOURS)
  picture = checked_picture("the picture", picture, "it must be uint8[H, W, 3]")
  return picture if colours == "rgb" else picture[..., ::-1]
