"""Files that appear whole or not at all: written beside, then renamed."""

import contextlib
import os
import pathlib
import secrets
from collections.abc import Iterator
from typing import BinaryIO

from cosam_jax.runtime.full_disk import naming

_MOST_BYTES = 255
"""The longest file name of most file systems."""


def hidden_name(name: str, end: str) -> str:
  """`.{name}{end}`, the name of an unfinished file; its middle is cut if it is too long.

  So an unfinished file can be written for every legal name.
  """
  kept = os.fsencode(name)[: _MOST_BYTES - 1 - len(os.fsencode(end))]
  # Some file systems refuse half a letter, or bytes that are not text.
  return f".{kept.decode(errors='ignore')}{end}"


@contextlib.contextmanager
def whole_file(path: str | os.PathLike) -> Iterator[BinaryIO]:
  """Opens a file for writing that takes its name only once it is complete and on disk.

  Folders above it are made. If the block fails, the earlier file stays as it was. The file
  has the permissions that the process gives every new file.

  Raises:
    OSError: it cannot be written (no permission, full disk).
  """
  path = pathlib.Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  # Not by `tempfile.mkstemp`, whose files only their owner can read.
  temporary = path.parent / hidden_name(path.name, f".{secrets.token_hex(4)}")
  flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
  descriptor = os.open(temporary, flags, 0o666)
  try:
    with naming(path), os.fdopen(descriptor, "wb") as file:
      yield file
      file.flush()
      os.fsync(file.fileno())
    os.replace(temporary, path)
  except BaseException:
    with contextlib.suppress(OSError):
      os.unlink(temporary)
    raise
