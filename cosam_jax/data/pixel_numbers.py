"""The numbers in which pixels reach the network: ImageNet's colours, and floats or bytes."""

from typing import Literal, get_args

import numpy as np

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

Pixels = Literal["float32", "uint8", "levels"]
PIXEL_FORMS: tuple[str, ...] = get_args(Pixels)
"""The forms in which frames leave the pipeline.

`float32`: normalised. `uint8`: as whole grey levels 0 .. 255. `levels`: as grey levels that are not
rounded, float32, for networks that are not of this program and have numbers of their own.
"""
LEVELS: Pixels = "levels"


def factor_and_offset() -> tuple[np.ndarray, np.ndarray]:
  """float32[3] each: grey levels times the factor, less the offset, are normalised.

  Normalised colours have, over ImageNet, mean 0 and standard deviation 1 by channel.
  """
  mean, std = (np.array(values, np.float32) for values in (IMAGENET_MEAN, IMAGENET_STD))
  return 1 / (255 * std), mean / std
