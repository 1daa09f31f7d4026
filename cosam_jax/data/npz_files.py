"""Strangers' `.npz` files: checked before they are unpacked, so that none fills the memory."""

import os
import zipfile

import numpy as np

from cosam_jax.runtime.outside_files import open_regular, unpacked_reason


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
