"""Companions: images beside frames that are not frames, such as masks, maps, thumbnails, copies.

A segmentation of `0001.jpg` is called `0001_mask.png`, `mask_0001.png`, `0001-label.png` or only
`0001.png`, and lies in the same folder, or in a folder named for it. An image counts as a companion
only if the frame that it belongs to exists too.
"""

import collections
import os
import re
from collections.abc import Collection, Iterable, Mapping

from cosam_jax.data.left_out import COPIES, MAPS, MASKS, OTHER_ENDING

_WORDS: dict[str, str] = {
  **dict.fromkeys((
    "mask", "masks", "seg", "segs", "segm", "segmentation", "segmentations", "semantic", "panoptic",
    "instance", "instances", "label", "labels", "labelid", "labelids", "instanceid", "instanceids",
    "labeltrainids", "gtfine", "gt", "alpha", "alphas", "matte", "mattes", "sil", "silhouette",
    "silhouettes", "segmentationmask", "segmentationmasks", "segmentationclass", "parsing",
    "annotation", "annotations", "anno",
  ), MASKS),
  **dict.fromkeys((
    "depth", "depths", "disparity", "flow", "normal", "normals", "pose", "poses", "keypoints",
    "skeleton", "heatmap", "heatmaps",
  ), MAPS),
  **dict.fromkeys(("thumb", "thumbs", "thumbnail", "thumbnails", "copy"), COPIES),
}  # fmt: skip
"""Words for companions, in lower case -> their kind."""
_FRAME_WORDS = {
  "img", "imgs", "im", "image", "images", "rgb", "frame", "frames", "color", "colour", "photo",
  "pic", "orig", "original", "src",
}  # fmt: skip
"""Words for a frame, which a mask's name may lack or replace by its own word."""
_PARTS = re.compile(r"[0-9]+|[^\W\d_]+")
_FORMATS = (".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".png")
"""If two formats have as many images, the first has the frames; masks are saved losslessly, as PNG.
"""

_Parts = tuple[str, ...]


def companions(names: Iterable[str]) -> dict[str, str]:
  """Image -> its kind, for the images of a folder that are companions of others in it.

  Args:
    names: of the images, without their folder.
  """
  stems: dict[str, list[str]] = {}
  for name in dict.fromkeys(names):
    stems.setdefault(os.path.splitext(name)[0], []).append(name)
  kinds = _of_other_formats(stems.values())
  parts = {stem: _parts(stem) for stem in stems}
  marked = {stem: kind for stem, one in parts.items() if (kind := _kind(one))}
  if not marked:
    return kinds
  frames = {short for stem, one in parts.items() if stem not in marked for short in _plain(one)}
  for stem, kind in marked.items():
    if frames & _belongs_to(parts[stem]):
      kinds |= dict.fromkeys(stems[stem], kind)
  return kinds


def companion_folders(
  folders: Mapping[_Parts, Collection[str]], siblings: bool = False
) -> dict[_Parts, tuple[str, _Parts]]:
  """Folder -> its kind and the other one, for folders that are named as companions of another one.

  `p1/masks` belongs to `p1` or `p1/img`, `masks/p1` to `p1` or `images/p1`, and `p1_mask` to `p1`,
  if each image in it has a frame there.

  Args:
    folders: the parts of a folder's path -> the names of its images.
    siblings: whether `masks` may belong to a folder of any name beside it.
  """
  marked: dict[_Parts, tuple[str, tuple[_Parts, ...], list[set[_Parts]]]] = {}
  plain: dict[tuple[_Parts, ...], list[tuple[set[_Parts], _Parts]]] = {}
  for parts, names in folders.items():
    said = [_parts(part) for part in parts]
    kind = next(filter(None, map(_kind, said)), None)
    cores = [tuple(word for word in one if word not in _WORDS) for one in said]
    place = tuple(one for one in cores if one)
    if kind:
      marked[parts] = kind, place, [_belongs_to(_parts(os.path.splitext(n)[0])) for n in names]
      continue
    frames = {short for name in names for short in _plain(_parts(os.path.splitext(name)[0]))}
    for i, one in enumerate(place):
      if siblings or _is_frame_word(one):
        plain.setdefault(place[:i] + place[i + 1 :], []).append((frames, parts))
    plain.setdefault(place, []).append((frames, parts))
  found = {}
  for parts, (kind, place, owners) in marked.items():
    for frames, other in plain.get(place, ()):
      if all(one & frames for one in owners):
        found[parts] = kind, other
        break
  return found


def names_companions(folder: str) -> bool:
  """Whether a folder's name means that it holds companions."""
  return _kind(_parts(folder)) is not None


def _of_other_formats(images: Iterable[list[str]]) -> dict[str, str]:
  """Image -> its kind, for images with a frame's name and another ending."""
  images = list(images)
  if all(len(same) == 1 for same in images):
    return {}
  counts = collections.Counter(_ending(name) for same in images for name in same)

  def place(name: str) -> tuple[int, int, str]:
    ending = _ending(name)
    return -counts[ending], _FORMATS.index(ending) if ending in _FORMATS else 99, name.swapcase()

  return {name: OTHER_ENDING for same in images for name in sorted(same, key=place)[1:]}


def _ending(name: str) -> str:
  return os.path.splitext(name)[1].lower()


def _parts(text: str) -> _Parts:
  """The words and numbers of a name, in lower case."""
  return tuple(_PARTS.findall(text.casefold()))


def _kind(parts: _Parts) -> str | None:
  """The kind of companion that a name means."""
  return next((_WORDS[part] for part in parts if part in _WORDS), None)


def _is_frame_word(parts: _Parts) -> bool:
  return all(part in _FRAME_WORDS or part.isdigit() for part in parts) and not parts[0].isdigit()


def _plain(parts: _Parts) -> set[_Parts]:
  """The names by which a companion may refer to a frame: its own, and without a word for frames."""
  shorter = {parts[:i] + parts[i + 1 :] for i, part in enumerate(parts) if part in _FRAME_WORDS} - {
    ()
  }
  return {parts, *shorter}


def _belongs_to(parts: _Parts) -> set[_Parts]:
  """The frames that a companion may belong to: `0001_mask_2` belongs to 0001 or to 0001_2."""
  without = tuple(part for part in parts if part not in _WORDS)
  uncounted = tuple(
    part
    for before, part in zip(("", *parts), parts)
    if part not in _WORDS and not (before in _WORDS and part.isdigit())
  )
  return {without, uncounted} - {()}
