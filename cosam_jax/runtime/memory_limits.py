"""Memory that a container, a service or a job may use: the limits of Linux's control groups.

A process is in a group, which may lie in others, and each may have a limit. Both versions of
control groups count: in version 1 the groups for memory have a tree of their own, in version 2
there is one tree. Source: the kernel's `admin-guide/cgroup-v1/memory.rst` and
`admin-guide/cgroup-v2.rst`.
"""

import pathlib
from collections.abc import Iterator
from typing import NamedTuple

TREE = pathlib.Path("/sys/fs/cgroup")
OWN_GROUPS = pathlib.Path("/proc/self/cgroup")


class Limit(NamedTuple):
  """What a group may use, and uses, in bytes; files that were read are not used, but dropped."""

  most: int
  used: int

  @property
  def free(self) -> int:
    """What is left, at least 0."""
    return max(0, self.most - self.used)


def limits(tree: pathlib.Path = TREE, own: pathlib.Path = OWN_GROUPS) -> list[Limit]:
  """The limits of this process; empty if there is none, or if this is not Linux.

  Args:
    tree: where control groups are mounted.
    own: the file that names the groups of this process.
  """
  found = (_limit(folder, *names) for folder, names in _groups(tree, own))
  return [limit for limit in found if limit is not None]


_FIRST = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_SECOND = ("memory.max", "memory.current", "inactive_file")


def _groups(
  tree: pathlib.Path, own: pathlib.Path
) -> Iterator[tuple[pathlib.Path, tuple[str, str, str]]]:
  """Yields (folder, names of its files and of the count) of each group that this process is in."""
  try:
    lines = own.read_text().splitlines()
  except OSError:
    lines = []
  inside = {"": "/", "memory": "/"}  # A container may show its own group as the root.
  for line in lines:
    _, kinds, place = line.split(":", 2)
    for kind in kinds.split(","):
      inside[kind] = place
  for root, kind, names in (
    (tree, "", _SECOND),
    (tree / "unified", "", _SECOND),
    (tree / "memory", "memory", _FIRST),
  ):
    group = pathlib.PurePosixPath(inside[kind].lstrip("/"))
    for part in (group, *group.parents):
      if ".." not in part.parts:  # A group outside of what this process can see.
        yield root / part, names


def _limit(folder: pathlib.Path, most: str, used: str, dropped: str) -> Limit | None:
  """The limit of a group; None if it has none."""
  try:
    limit = int((folder / most).read_text())
    held = int((folder / used).read_text())
    counts = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    return Limit(limit, held - int(counts.get(dropped, 0)))
  except (OSError, ValueError):  # No such group, or "max".
    return None
