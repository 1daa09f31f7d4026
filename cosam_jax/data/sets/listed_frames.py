"""The frames that a manifest's rows name, by paths and patterns below its folder."""

import glob
import os
import pathlib
import posixpath
from collections.abc import Iterable

from cosam_jax.data import listing
from cosam_jax.data.companion_looks import folders_of_companions
from cosam_jax.data.left_out import DEEPER, OTHER, LeftOut, set_aside
from cosam_jax.errors import InputError


def listed_frames(manifest: pathlib.Path, line: int, text: str, left_out: LeftOut) -> list[str]:
  """The images that a path or pattern names, as paths below the manifest's folder.

  Args:
    manifest: its path.
    line: of the row, for errors.
    text: the path or pattern.
    left_out: counts matches of a pattern that are not read.

  Raises:
    InputError: a path leaves the folder or is not an image, or a pattern matches no image.
  """
  root = manifest.parent
  text = _below(root, text)
  reason = listing.unsafe_reason(text)
  if reason:
    raise InputError(
      f"line {line} of {manifest} has the path {text!r}, which {reason}; a path starts at the "
      "manifest's own folder or lies in it: move the manifest above its frames"
    )
  if glob.has_magic(text) and not os.path.isfile(root / text):  # A too long name is not a file.
    matches = sorted(glob.glob(text, root_dir=root), key=listing.natural_key)
    found = [name for name in matches if not _passed_over(root, text, name, left_out)]
    if not found:
      raise InputError(
        f"line {line} of {manifest}: no {', '.join(listing.IMAGE_SUFFIXES)} file matches the "
        f"pattern {text!r} below {root}, so its tracklet is empty; correct the pattern"
      )
    return [posixpath.normpath(name) for name in found]
  if not listing.is_image(posixpath.basename(text)):
    raise InputError(
      f"line {line} of {manifest} has the path {text!r}, which is not a "
      f"{', '.join(listing.IMAGE_SUFFIXES)} file; for all frames of a folder write {text}/*.jpg"
    )
  return [posixpath.normpath(text)]


def _below(root: pathlib.Path, text: str) -> str:
  """Makes an absolute path in the manifest's folder relative to it; other paths stay."""
  if posixpath.isabs(text) and ".." not in text.split("/"):
    for folder in (os.path.abspath(root), os.path.realpath(root)):
      inside = folder.rstrip("/") + "/"
      if text.startswith(inside):
        return text[len(inside) :].lstrip("/")
  return text


def frames_among(
  root: pathlib.Path, paths: Iterable[str], left_out: LeftOut
) -> tuple[list[str], list[str]]:
  """The folders and file names of a tracklet's frames; counts its masks and the like as left out.

  Args:
    root: the manifest's folder.
    paths: of the tracklet's images below it, in order.
    left_out: counts the images that are not frames.
  """
  every = [posixpath.split(path) for path in paths]
  folders: dict[str, list[str]] = {}
  for folder, name in every:
    folders.setdefault(folder, []).append(name)
  by_parts = {tuple(folder.split("/")): names for folder, names in folders.items()}
  passed = folders_of_companions(root, by_parts, left_out, siblings=True, root=root)
  frames = set()
  for folder, names in folders.items():
    if tuple(folder.split("/")) not in passed:
      names = listing.without_companions(root / folder, names, left_out)
      frames |= {(folder, name) for name in names}
  kept = [one for one in every if one in frames]
  return [folder for folder, _ in kept], [name for _, name in kept]


def _passed_over(root: pathlib.Path, pattern: str, path: str, left_out: LeftOut) -> bool:
  """Whether a pattern's match is not a frame; if so, counts it as left out."""
  folder, name = posixpath.split(path)
  for meant, part in zip(pattern.split("/"), path.split("/")):
    if glob.has_magic(meant) and (reason := set_aside(part)):
      left_out.add(reason, root / folder, name)
      return True
  if listing.is_image(name):
    return False
  left_out.add(DEEPER if os.path.isdir(root / path) else OTHER, root / folder, name)
  return True
