"""Clips as usual loaders read and augment them, with the same odds as `data.transforms`.

Imports nothing of the package: workers would load TensorFlow for three numbers.
"""

import importlib.util
import random
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

ENLARGE = 1.125
MEAN = np.float32((0.485, 0.456, 0.406))
STD = np.float32((0.229, 0.224, 0.225))


def _pil(path: str, size: tuple[int, int]) -> Image.Image:
  """PIL's decoder, at the smallest eighth of the frame's size that is not below `size`."""
  image = Image.open(path)
  image.draft("RGB", size[::-1])
  return image.convert("RGB")


def _simplejpeg(path: str, size: tuple[int, int]) -> Image.Image:
  """libjpeg-turbo by simplejpeg, scaled likewise."""
  import simplejpeg

  with open(path, "rb") as file:
    data = file.read()
  return Image.fromarray(simplejpeg.decode_jpeg(data, "RGB", min_height=size[0], min_width=size[1]))


def _torchvision(path: str, size: tuple[int, int]) -> Image.Image:
  """torchvision's decoder, which decodes the whole frame."""
  del size
  from torchvision.io import ImageReadMode, decode_jpeg, read_file

  pixels = decode_jpeg(read_file(path), ImageReadMode.RGB)
  return Image.fromarray(pixels.permute(1, 2, 0).numpy())


DECODERS: dict[str, Callable[[str, tuple[int, int]], Image.Image]] = {
  "PIL": _pil, "simplejpeg": _simplejpeg, "torchvision": _torchvision
}  # fmt: skip

PACKAGES = {"PIL": "pillow", "simplejpeg": "simplejpeg", "torchvision": "torchvision"}
"""The package of each decoder, for pip."""


def installed() -> list[str]:
  """The names of `DECODERS` whose packages are there."""
  return [name for name in DECODERS if importlib.util.find_spec(name) is not None]


class LoaderClips:
  """Item i is clip i, float32[T, H, W, 3], augmented and normalised.

  Args:
    paths: of the frames of each clip.
    size: (H, W).
    decoder: a key of `DECODERS`.
  """

  def __init__(self, paths: Sequence[Sequence[str]], size: tuple[int, int], decoder: str):
    self._paths, self._size, self._decoder = paths, size, decoder

  def __len__(self) -> int:
    return len(self._paths)

  def __getitem__(self, item: int) -> np.ndarray:
    return np.stack([self._frame(path) for path in self._paths[item]])

  def _frame(self, path: str) -> np.ndarray:
    height, width = self._size
    large = round(height * ENLARGE), round(width * ENLARGE)
    image = DECODERS[self._decoder](path, large)
    if random.random() < 0.5:
      image = image.resize((width, height), Image.Resampling.BILINEAR)
    else:
      image = image.resize(large[::-1], Image.Resampling.BILINEAR)
      left = round(random.uniform(0, large[1] - width))
      upper = round(random.uniform(0, large[0] - height))
      image = image.crop((left, upper, left + width, upper + height))
    if random.random() < 0.5:
      image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return (np.asarray(image, np.float32) / 255 - MEAN) / STD
