"""Files from outside: checked before they are read; text with or without a byte order mark.

Reading a named pipe would wait without end, and a device would fill the memory, so the open file
is checked first, and both are refused. UTF-16, which Windows writes, is refused by name.
"""

import codecs
import os
import pathlib
import stat
from typing import BinaryIO, TextIO

from cosam_jax.errors import InputError

MOST_TEXT_BYTES = 1 << 30
"""The largest text that is read: a gibibyte, far above MARS's name lists (24 MB)."""
MOST_FRAME_BYTES = 256 << 20
"""The largest frame that is read: 256 MiB, above the largest that is decoded, as raw pixels."""
_UNPACKED_AT_WILL, _MOST_UNPACKED_FOLD = 256 << 20, 20
_KINDS = (
  (stat.S_ISDIR, "a folder"),
  (stat.S_ISFIFO, "a named pipe"),
  (stat.S_ISCHR, "a device"),
  (stat.S_ISBLK, "a device"),
  (stat.S_ISSOCK, "a socket"),
)
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class UnusableFileError(OSError):
  """The path is not a regular file, or the file is too large; `strerror` says which."""


def open_regular(path: str | os.PathLike, most_bytes: int | None = None) -> BinaryIO:
  """Opens a regular file for reading, without waiting for anything.

  Args:
    path: of the file.
    most_bytes: the largest size that is accepted; None: any.

  Raises:
    OSError: it cannot be opened; `UnusableFileError`, a kind of OSError, if it is not a regular
      file, or too large.
  """
  # Without O_NONBLOCK, opening a named pipe waits for a process that writes to it.
  descriptor = os.open(
    path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
  )
  try:
    require_regular(os.fstat(descriptor), path, most_bytes)
    return os.fdopen(descriptor, "rb")
  except BaseException:
    os.close(descriptor)
    raise


def require_regular(
  status: os.stat_result, path: str | os.PathLike, most_bytes: int | None = None
) -> None:
  """Raises `UnusableFileError` unless this is a regular file of at most `most_bytes`."""
  if not stat.S_ISREG(status.st_mode):
    kind = next((name for test, name in _KINDS if test(status.st_mode)), "no regular file")
    raise UnusableFileError(0, f"it is {kind}, not a file", os.fspath(path))
  if most_bytes is not None and status.st_size > most_bytes:
    raise UnusableFileError(
      0,
      f"it has {status.st_size:,} bytes, and such a file has at most {most_bytes:,}",
      os.fspath(path),
    )


def read_bytes(path: str | os.PathLike, most_bytes: int | None = None) -> bytes:
  """All bytes of a regular file; OSError as `open_regular`."""
  with open_regular(path, most_bytes) as file:
    return file.read()


def open_to_append(path: str | os.PathLike) -> TextIO:
  """Opens a file, or a new one, to append UTF-8 text; OSError as `open_regular`."""
  flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)
  descriptor = os.open(path, flags, 0o666)
  try:
    require_regular(os.fstat(descriptor), path)
    return os.fdopen(descriptor, "a", encoding="utf-8")
  except BaseException:
    os.close(descriptor)
    raise


def read_text(path: str | os.PathLike, what: str, remedy: str, *, errors: str = "strict") -> str:
  """The text of a file: UTF-8, with a byte order mark or without.

  Line ends stay as they are: `str.splitlines` and `csv` know all of them.

  Args:
    path: of the file.
    what: the file's role, which begins the error's sentence: "boxes", "manifest".
    remedy: what to do, which ends it: "give a text file of lines frame,id,x,y,w,h".
    errors: as for `bytes.decode`: how bytes that are not UTF-8 are treated.

  Raises:
    InputError: it cannot be read, is too large, or is not UTF-8; for UTF-16 the error says so.
  """
  try:
    data = read_bytes(path, MOST_TEXT_BYTES)
  except OSError as error:
    reason = error.strerror or str(error)
    raise InputError(f"{what} {pathlib.Path(path)} cannot be read ({reason}): {remedy}") from error
  if _is_utf_16(data):
    reason = "it is UTF-16 text, as some Windows programs save it, and must be UTF-8"
    raise InputError(f"{what} {pathlib.Path(path)} cannot be read ({reason}): {remedy}")
  try:
    return data.decode("utf-8-sig", errors)
  except UnicodeDecodeError as error:
    reason = "it is not UTF-8 text"
    raise InputError(f"{what} {pathlib.Path(path)} cannot be read ({reason}): {remedy}") from error


def _is_utf_16(data: bytes) -> bool:
  """Whether text begins with UTF-16's mark, or every other one of its first bytes is zero."""
  first = data[:80]
  halves = first[::2], first[1::2]
  return data.startswith(_UTF_16) or any(half and half.count(0) * 2 > len(half) for half in halves)


def unpacked_reason(unpacked: int, size: int) -> str | None:
  """The reason not to unpack a file of `size` bytes to `unpacked` bytes; None if it may be done.

  Numbers hardly compress, so a small file that unpacks to a huge one was not saved on purpose.
  """
  if unpacked <= max(_UNPACKED_AT_WILL, _MOST_UNPACKED_FOLD * size):
    return None
  return f"it would become {unpacked:,} bytes in memory of {size:,} on disk"
