"""`.npz` files: strangers' are checked before they are unpacked; ours are written whole."""

import json
import os
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from cosam_jax.errors import InputError
from cosam_jax.runtime.outside_files import open_regular, unpacked_reason
from cosam_jax.runtime.whole_files import whole_file


def names_in_npz(path: str | os.PathLike) -> list[str]:
  """The names of the arrays of an `.npz` file; reads no array; errors as `read_npz`."""
  with open_regular(path) as raw, zipfile.ZipFile(raw) as archive:
    return [name.removesuffix(".npy") for name in archive.namelist()]


def read_npz(path: str | os.PathLike) -> dict[str, np.ndarray]:
  """All arrays of an `.npz` file by name; nothing in it is run.

  Raises:
    OSError, ValueError, zipfile.BadZipFile and others: it is damaged, not a regular file, not an
      `.npz`, or far larger in memory than on disk.
  """
  with open_regular(path) as raw:
    if raw.read(4) != b"PK\x03\x04":
      raise ValueError("it is not an .npz file")
    raw.seek(0)
    with zipfile.ZipFile(raw) as archive:
      unpacked = sum(info.file_size for info in archive.infolist())
    reason = unpacked_reason(unpacked, os.fstat(raw.fileno()).st_size)
    if reason:
      raise ValueError(reason)
    raw.seek(0)
    with np.load(raw, allow_pickle=False) as file:
      return {name: file[name] for name in file.files}


def write_npz(
  path: str | os.PathLike,
  about: Mapping[str, Any],
  arrays: Mapping[str, np.ndarray],
  *,
  what: str,
  again: str,
) -> None:
  """Writes arrays and one text, whole or not at all.

  Args:
    path: the file.
    about: plain values, which become the text `about` (JSON).
    arrays: by name.
    what: the content in words, for the error.
    again: what to do again after the error was mended.

  Raises:
    InputError: it cannot be written (no permission, full disk).
  """
  try:
    with whole_file(path) as file:
      np.savez(file, allow_pickle=False, about=np.array(json.dumps(about)), **arrays)
  except OSError as error:
    raise InputError(
      f"the {what} could not be written to {path} ({error.strerror or error}): make room or choose "
      f"another place, and {again} again"
    ) from error
