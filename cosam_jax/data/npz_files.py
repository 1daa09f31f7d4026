"""numpy's files of strangers: looked at before they are unpacked, so that none fills the memory."""

import os
import zipfile

import numpy as np

from cosam_jax.runtime.outside_files import open_regular, unpacked_reason


def names_in_npz(path: str | os.PathLike) -> list[str]:
  """The names of the arrays of an `.npz` file, of which none is read; errors as `read_npz`."""
  with open_regular(path) as raw, zipfile.ZipFile(raw) as archive:
    return [name.removesuffix(".npy") for name in archive.namelist()]


def read_npz(path: str | os.PathLike) -> dict[str, np.ndarray]:
  """All arrays of an `.npz` file by name; nothing in it is run.

  Raises:
    OSError, ValueError, zipfile.BadZipFile and others of a damaged file: it is no regular file,
      no `.npz`, or would become far more in memory than it is on disk.
  """
  with open_regular(path) as raw:
    if raw.read(4) != b"PK\x03\x04":
      raise ValueError("it is no .npz file")
    raw.seek(0)
    with zipfile.ZipFile(raw) as archive:
      unpacked = sum(info.file_size for info in archive.infolist())
    reason = unpacked_reason(unpacked, os.fstat(raw.fileno()).st_size)
    if reason:
      raise ValueError(reason)
    raw.seek(0)
    with np.load(raw, allow_pickle=False) as file:
      return {name: file[name] for name in file.files}
