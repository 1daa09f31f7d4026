"""Entries of a directory that readers skip, counted for a sentence or two."""

import collections
import os
from collections.abc import Iterable

_SYSTEM = {
  "@eadir", "@tmp", "@recycle", "@recently-snapshot", "@sharebin", "@database", "@download",
  "@synoeastream", "@synoresource", "#recycle", "#snapshot", "~snapshot", "$recycle.bin",
  "recycler", "recycled", "lost+found", "found.000", "system volume information", "__macosx",
  "network trash folder", "temporary items", "thevolumesettingsfolder", "thumbs.db",
  "ehthumbs.db", "desktop.ini",
}  # fmt: skip
"""Thumbnails, trash and records of storage systems and desktops, in lower case."""
SYSTEM = "of the storage system (thumbnails, trash)"
HIDDEN = "hidden"
LOOSE = "images beside folders of tracklets, which belong in a folder of their own"
DEEPER = "folders inside of tracklets' folders"
MASKS = "masks"
MAPS = "maps of depth, motion or poses"
COPIES = "thumbnails and copies"
OTHER_ENDING = "images with a frame's name and another ending (masks or copies)"
NO_SPLIT = "folders that are not a split"
LINKS = "links to folders, which config.data.follow_links=True follows"
OTHER = "of formats that are not read"
_ONE = {
  SYSTEM: f"file or folder {SYSTEM}",
  HIDDEN: "hidden file or folder",
  LOOSE: "image beside folders of tracklets, which belongs in a folder of its own",
  DEEPER: "folder inside of a tracklet's folder",
  MASKS: "mask",
  MAPS: "map of depth, motion or poses",
  COPIES: "thumbnail or copy",
  OTHER_ENDING: "image with a frame's name and another ending (a mask or copy)",
  NO_SPLIT: "folder that is not a split",
  LINKS: "link to a folder, which config.data.follow_links=True follows",
  OTHER: "file of a format that is not read",
}
_SEVERAL = {
  SYSTEM: f"files and folders {SYSTEM}",
  HIDDEN: "hidden files and folders",
  OTHER: f"files {OTHER}",
}
"""Words for one entry of a kind, and for several if they are not the kind's own."""
_SHOWN = 3


def set_aside(name: str) -> str | None:
  """The kind of an entry that is skipped for its name alone; None if it is not skipped."""
  if name.lower() in _SYSTEM:
    return SYSTEM
  return HIDDEN if name.startswith(".") else None


class LeftOut:
  """Counts of entries that were skipped, by kind, with a few examples of each.

  Args:
    known: files that are read in another way, so that they do not count.
  """

  def __init__(self, known: Iterable[str | os.PathLike] = ()) -> None:
    self._known = {os.path.realpath(path) for path in known}
    self._counts: collections.Counter[str] = collections.Counter()
    self._examples: dict[str, list[str]] = {}
    self._suffixes: collections.Counter[str] = collections.Counter()
    self._doubtful: list[str] = []

  def add(self, kind: str, folder: str | os.PathLike, name: str) -> None:
    """Counts an entry of a folder."""
    if self._known and os.path.realpath(os.path.join(folder, name)) in self._known:
      return
    self._counts[kind] += 1
    examples = self._examples.setdefault(kind, [])
    if len(examples) < _SHOWN:
      examples.append(os.path.join(folder, name))
    if kind == OTHER:
      self._suffixes[os.path.splitext(name)[1].lower() or "no suffix"] += 1

  def doubt(self, folder: str | os.PathLike) -> None:
    """Counts a folder that has the name of masks, maps or copies, but other pictures."""
    self._doubtful.append(os.fspath(folder))

  def doubts(self) -> tuple[str, ...]:
    """A sentence on those folders, which are not skipped; none if there are none."""
    if not self._doubtful:
      return ()
    more = ", ..." if len(self._doubtful) > _SHOWN else ""
    return (
      f"{len(self._doubtful):,} folders have the name of masks, maps or copies of frames beside "
      "them, and are read as tracklets, since their pictures look like other frames: "
      f"{', '.join(self._doubtful[:_SHOWN])}{more}; move them away if they are none",
    )

  def sentences(self) -> tuple[str, ...]:
    """One sentence for each kind, with the number of its entries and examples."""
    said = []
    for kind, count in self._counts.items():
      examples = ", ".join(self._examples[kind])
      more = ", ..." if count > _SHOWN else ""
      what = _ONE.get(kind, kind) if count == 1 else _SEVERAL.get(kind, kind)
      if kind == OTHER:
        endings = [ending for ending, _ in self._suffixes.most_common(6)]
        what = f"{what} ({', '.join(endings)})"
      said.append(f"{count:,} {what} {'is' if count == 1 else 'are'} left out: {examples}{more}")
    return tuple(said)
