"""Clips as PIL reads and augments them, for a DataLoader; the same odds as `data.transforms`.

Imports nothing of the package: workers would load TensorFlow for three numbers.
"""

import random
from collections.abc import Sequence

import numpy as np
from PIL import Image

ENLARGE = 1.125
MEAN = np.float32((0.485, 0.456, 0.406))
STD = np.float32((0.229, 0.224, 0.225))


class PilClips:
  """Item i is clip i, float32[T, H, W, 3], augmented and normalised.

  Args:
    paths: of the frames of each clip.
    size: (H, W).
  """

  def __init__(self, paths: Sequence[Sequence[str]], size: tuple[int, int]):
    self._paths, self._size = paths, size

  def __len__(self) -> int:
    return len(self._paths)

  def __getitem__(self, item: int) -> np.ndarray:
    return np.stack([self._frame(path) for path in self._paths[item]])

  def _frame(self, path: str) -> np.ndarray:
    height, width = self._size
    image = Image.open(path).convert("RGB")
    if random.random() < 0.5:
      image = image.resize((width, height), Image.Resampling.BILINEAR)
    else:
      large = round(width * ENLARGE), round(height * ENLARGE)
      image = image.resize(large, Image.Resampling.BILINEAR)
      left = round(random.uniform(0, large[0] - width))
      upper = round(random.uniform(0, large[1] - height))
      image = image.crop((left, upper, left + width, upper + height))
    if random.random() < 0.5:
      image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return (np.asarray(image, np.float32) / 255 - MEAN) / STD
