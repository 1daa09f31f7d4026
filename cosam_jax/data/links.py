"""Links in a data set: to places inside it, out of it, to nowhere, and in a circle."""

import errno
import os
import pathlib
from collections.abc import Iterable, Sequence

from cosam_jax.errors import InputError

LEADS_OUT = "it leads out of the data directory; allow that with config.data.follow_links=True"


class BrokenLinkError(OSError):
  """A link that leads nowhere; `strerror` names its target."""


def broken_link_reason(path: str | os.PathLike) -> str | None:
  """The reason why a link keeps a path from being opened; None if no link is broken."""
  if os.path.exists(path):
    return None
  place = pathlib.Path(path)
  for link in (place, *place.parents):
    if not link.is_symlink():
      continue
    try:
      target = os.path.realpath(link, strict=True)
    except OSError as error:
      target = os.readlink(link)
      if error.errno == errno.ELOOP:
        return f"{_which(link, place)} is a link that leads back to itself, through {target}"
      return f"{_which(link, place)} is a link to {target}, which does not exist"
  return None


def _which(link: pathlib.Path, place: pathlib.Path) -> str:
  return "it" if link == place else f"{link}"


def is_inside(root: str | os.PathLike, path: str | os.PathLike) -> bool:
  """Whether a path, with all links followed, lies in the directory `root`."""
  top = os.path.realpath(root)
  return os.path.commonpath([top, os.path.realpath(path)]) == top


def require_whole_link(path: str | os.PathLike) -> None:
  """Raises BrokenLinkError if a path is a link that leads nowhere."""
  if os.path.islink(path) and (reason := broken_link_reason(path)):
    raise BrokenLinkError(errno.ENOENT, reason, os.fspath(path))


def require_inside(root: pathlib.Path, paths: Iterable[str | os.PathLike], allowed: bool) -> None:
  """Refuses paths that lead out of `root` when all links are followed, unless that is allowed.

  Raises:
    InputError: it names the first such path and its target.
  """
  for path in () if allowed else paths:
    require_whole_links(root, [os.fspath(path)])
    if not is_inside(root, path):
      raise InputError(
        f"{path} leads out of the data directory {root}, to {os.path.realpath(path)}: put a copy "
        "there, or allow it with config.data.follow_links=True"
      )


def require_whole_links(folder: str | os.PathLike, names: Iterable[str]) -> None:
  """Raises InputError for the first entry of a folder that is a link to nowhere."""
  for name in names:
    path = os.path.join(folder, name)
    if os.path.islink(path) and (reason := broken_link_reason(path)):
      raise InputError(f"{path} cannot be read: {reason}; remove it or make the link again")


def require_no_circle(folder: str | os.PathLike, links: Sequence[str]) -> None:
  """Raises InputError for a link in `folder` that leads back to a folder above it."""
  folder = pathlib.Path(folder)
  passed = {os.path.realpath(place) for place in (folder, *folder.parents)} if links else set()
  for link in links:
    target = os.path.realpath(link)
    if target in passed:
      raise InputError(
        f"{link} is a link that leads back to {target}, which holds it, so its tracklets would be "
        "read without end; remove the link"
      )
