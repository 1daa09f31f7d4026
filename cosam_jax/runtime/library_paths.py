"""A safe name for a folder whose own name libraries would misread.

Orbax finds its files by patterns, so `[`, `]`, `?`, `*` and backslashes in a folder's path make it
look at other files; it takes `gs:` and the like for a service, and TensorStore accepts neither `..`
nor names that are not UTF-8. On Linux the safe name is that of the open folder itself (its entry in
`/proc/self/fd`); elsewhere it is a link.
"""

import os
import pathlib
import re
import shutil
import tempfile
import weakref

from cosam_jax.errors import InputError

_PLAIN = re.compile(r"[\w./+=,@~ -]*", re.ASCII)
_OPEN_FOLDERS = pathlib.Path("/proc/self/fd")


class LibraryPath:
  """A folder by a name that every library takes as it stands.

  Attributes:
    path: the folder's own path if that is plain, else another name of it, which works in this
      process and as long as this object lives.

  Args:
    folder: its absolute path; it must exist.

  Raises:
    InputError: neither the path nor any other name can be used.
  """

  def __init__(self, folder: pathlib.Path):
    self._folder = folder
    self.path = folder
    if is_plain(folder):
      return
    if _OPEN_FOLDERS.is_dir():
      descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
      self.path = _OPEN_FOLDERS / str(descriptor)
      weakref.finalize(self, os.close, descriptor)
      return
    place = pathlib.Path(tempfile.mkdtemp(prefix="cosam_jax-"))
    weakref.finalize(self, shutil.rmtree, place, ignore_errors=True)
    self.path = place / "folder"
    self.path.symlink_to(folder, target_is_directory=True)
    if not is_plain(self.path):
      raise InputError(
        f"the path of {folder} has characters that the checkpoints' library misreads, and so "
        f"has the folder of temporary files, {place.parent}: use letters, digits, . _ and - in one "
        "of them (TMPDIR sets the second)"
      )

  def real_names(self, text: str) -> str:
    """A library's message, with the folder's own path put back into it."""
    return text.replace(str(self.path), str(self._folder))


def is_plain(path: pathlib.Path) -> bool:
  """Whether libraries open exactly this path: none of its characters has a meaning to them."""
  return ".." not in path.parts and _PLAIN.fullmatch(str(path)) is not None
