"""Whether images look like masks, maps or copies of frames, judged by a few files.

A folder's name proves nothing: `normal`, `pose` and `instance` are words for maps, and people name
walks so. Numbers prove nothing either, since every tracklet counts from 0.
"""

import io
import os
import pathlib
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from PIL import Image

from cosam_jax.data.companions import companion_folders
from cosam_jax.data.left_out import COPIES, LeftOut
from cosam_jax.data.links import is_inside
from cosam_jax.data.listing import natural_key
from cosam_jax.runtime.outside_files import MOST_FRAME_BYTES, read_bytes

_LOOKED_AT = 3
_MOST_PIXELS = 1 << 24
_FORMATS = {".jpeg": ".jpg", ".tiff": ".tif"}
_FEW_COLOURS = 8
_COLOURED, _GREY = 6.0, 2.0
"""Mean difference of a pixel's channels, of 255: frames with colour, and images without."""
_SAME_PICTURE = 4.0
"""Largest mean difference, of 255, of two pictures of 16x16 that show the same; thumbnails of 32x64
in JPEG's quality 50 have at most 3.8, frames of MARS at the ends of a tracklet at least 17."""


def folders_of_companions(
  place: pathlib.Path,
  folders: Mapping[tuple[str, ...], Collection[str]],
  left_out: LeftOut,
  *,
  siblings: bool = False,
  root: pathlib.Path | None = None,
) -> set[tuple[str, ...]]:
  """The folders that hold masks, maps or copies of the frames in another one, by name and looks.

  Args:
    place: the folder that they lie in.
    folders: the parts of a folder's path below `place` -> the names of its images.
    left_out: counts these folders, and the others that have such a name.
    siblings: as for `companion_folders`.
    root: the data directory; images that links lead out of it are not looked at. None: anywhere.
  """
  found = set()
  for parts, (kind, other) in companion_folders(folders, siblings).items():
    folder = place.joinpath(*parts)
    if _look_so(kind, _pairs(folder, folders[parts], place.joinpath(*other), folders[other]), root):
      left_out.add(kind, folder.parent, folder.name)
      found.add(parts)
    else:
      left_out.doubt(folder)
  return found


def _pairs(
  folder: pathlib.Path, images: Collection[str], other: pathlib.Path, frames: Collection[str]
) -> list[tuple[pathlib.Path, pathlib.Path]]:
  """(image, its frame), in order; by their names without endings, else by their places."""
  ordered = sorted(frames, key=natural_key)
  stems = {os.path.splitext(frame)[0]: frame for frame in ordered}
  return [
    (folder / image, other / stems.get(os.path.splitext(image)[0], ordered[i % len(ordered)]))
    for i, image in enumerate(sorted(images, key=natural_key))
  ]


def _look_so(
  kind: str, pairs: Sequence[tuple[pathlib.Path, pathlib.Path]], root: pathlib.Path | None
) -> bool:
  """Whether the first of each pair is a mask, map or copy of the second, its frame.

  Copies show the same picture as their frames. Masks and maps have another format, or always the
  size of their frame where frames have several sizes, or few colours, or no colour and the shape
  of their frame, which has colour. Images that cannot be read look like nothing. An empty folder
  is no tracklet.
  """
  if not pairs:
    return True
  if kind != COPIES and all(_format(image) != _format(frame) for image, frame in pairs):
    return True
  last = len(pairs) - 1
  chosen = [pairs[i] for i in sorted({i * last // (_LOOKED_AT - 1) for i in range(_LOOKED_AT)})]
  try:
    looked_at = [(_pixels(image, root), _pixels(frame, root)) for image, frame in chosen]
  except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
    return False
  images, frames = zip(*looked_at, strict=True)
  if kind == COPIES:
    return all(_difference(image, frame) < _SAME_PICTURE for image, frame in looked_at)
  sizes = {frame.shape for frame in frames}
  if len(sizes) > 1 and all(image.shape == frame.shape for image, frame in looked_at):
    return True
  if all(map(_is_flat, images)) and not all(map(_is_flat, frames)):
    return True
  grey = max(map(_colour, images)) < _GREY and max(map(_colour, frames)) > _COLOURED
  return grey and all(_same_shape(image, frame) for image, frame in looked_at)


def _format(path: pathlib.Path) -> str:
  ending = path.suffix.lower()
  return _FORMATS.get(ending, ending)


def _pixels(path: pathlib.Path, root: pathlib.Path | None) -> np.ndarray:
  """float32[H, W, 3], an image below `root`; OSError or ValueError if it cannot be read."""
  if root is not None and not is_inside(root, path):
    raise ValueError("it lies outside")
  with Image.open(io.BytesIO(read_bytes(path, MOST_FRAME_BYTES))) as image:
    if image.width * image.height > _MOST_PIXELS:
      raise ValueError("it is too large")
    deep = image.mode[0] in "IF"  # 16 bits or more, which only maps have.
    pixels = np.asarray(image if deep else image.convert("RGB"), np.float32)
  return np.repeat(pixels[..., None], 3, axis=-1) if deep else pixels


def _colour(image: np.ndarray) -> float:
  """The mean difference between the channels of a pixel."""
  return float(np.mean(image.max(-1) - image.min(-1)))


def _is_flat(image: np.ndarray) -> bool:
  """Whether a few exact colours fill half of it.

  In masks of 128x64 that are saved as JPEG they fill 54 to 98 percent, in MARS's frames at most 16.
  """
  numbers = image.reshape(-1, 3) @ np.array([1, 256, 65536], np.float32)
  counts = np.unique(numbers, return_counts=True)[1]
  return int(np.sort(counts)[-_FEW_COLOURS:].sum()) * 2 >= len(numbers)


def _same_shape(image: np.ndarray, frame: np.ndarray) -> bool:
  """Whether height and width have the same proportion, to a twentieth."""
  ours, theirs = (one.shape[0] / one.shape[1] for one in (image, frame))
  return bool(abs(ours / theirs - 1) < 0.05)


def _difference(image: np.ndarray, frame: np.ndarray) -> float:
  """The mean difference of two pictures that are reduced to 16x16."""
  small = [
    np.asarray(Image.fromarray(one.astype(np.uint8)).resize((16, 16), Image.Resampling.BOX), float)
    for one in (image, frame)
  ]
  return float(np.abs(small[0] - small[1]).mean())
