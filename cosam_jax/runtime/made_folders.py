"""Folders that are made for one piece of work, and removed if nothing comes of it."""

import contextlib
import pathlib
from collections.abc import Iterable, Iterator


@contextlib.contextmanager
def new_folders(directory: pathlib.Path) -> Iterator[None]:
  """Makes a folder and those above it; if the block fails, removes those that it made."""
  made = [path for path in (directory, *directory.parents) if not path.exists()]
  directory.mkdir(parents=True, exist_ok=True)
  try:
    yield
  except BaseException:
    for path in made:
      with contextlib.suppress(OSError):  # Somebody put something there.
        path.rmdir()
    raise


def remove_empty(directory: pathlib.Path, names: Iterable[str]) -> None:
  """Removes the folders of removed files if nothing is left in them."""
  parents = {directory / parent for name in names for parent in pathlib.PurePosixPath(name).parents}
  for path in sorted(parents - {directory}, reverse=True):
    with contextlib.suppress(OSError):
      path.rmdir()
