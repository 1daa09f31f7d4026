"""Pictures that look like photos, and masks of them."""

import numpy as np
import PIL.Image


def picture(path, pixels):
  path.parent.mkdir(parents=True, exist_ok=True)
  PIL.Image.fromarray(pixels).save(path)


def photo(seed, size=(128, 64)):
  """Smooth patches with noise, as uint8[H, W, 3]."""
  draw = np.random.default_rng(seed)
  coarse = PIL.Image.fromarray(draw.integers(30, 220, (6, 4, 3), dtype=np.uint8))
  smooth = np.asarray(coarse.resize(size[::-1], PIL.Image.Resampling.BICUBIC), int)
  return (smooth + draw.integers(-6, 7, smooth.shape)).clip(0, 255).astype(np.uint8)


def mask():
  """A person's outline, uint8[128, 64]."""
  y, x = np.mgrid[:128, :64]
  return np.where(((y - 64) / 55) ** 2 + ((x - 32) / 18) ** 2 < 1, 255, 0).astype(np.uint8)
