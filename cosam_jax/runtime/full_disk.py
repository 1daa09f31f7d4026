"""Writes that fail since nothing more fits: a full disk, a quota, a limit on the size of files."""

import contextlib
import errno
import os
from collections.abc import Iterator

_FULL = (errno.ENOSPC, errno.EDQUOT)


def is_full(error: OSError) -> bool:
  """Whether room is missing."""
  return error.errno in _FULL


def is_limited(error: OSError) -> bool:
  """Whether a file would be larger than may be."""
  return error.errno == errno.EFBIG


@contextlib.contextmanager
def naming(place: str | os.PathLike) -> Iterator[None]:
  """A write in the block that fails for lack of room names the place, unless it names a file.

  Python names the file of an `open` that fails, and none if a `write` does.

  Args:
    place: the file, or the folder, that is written.
  """
  try:
    yield
  except OSError as error:
    if error.filename is None and (is_full(error) or is_limited(error)):
      error.filename = os.fspath(place)
    raise
