"""Reads matrices of whole numbers from MATLAB files, with errors that name file and variable."""

import io
import pathlib
from typing import Any

import numpy as np
import scipy.io

from cosam_jax.data.matlab_layout import require_sound
from cosam_jax.data.other_content import other_content
from cosam_jax.errors import InputError, renaming
from cosam_jax.runtime.outside_files import read_bytes

_MOST_BYTES = 256 << 20  # MARS's largest has 100 kB.


def load_mat(path: pathlib.Path) -> dict[str, Any]:
  """Name -> value of a MATLAB 5 file.

  Raises:
    InputError: it is a known other format, such as MATLAB 7.3's HDF5 or a web page.
    Exception: it is damaged, or not such a file; of many kinds (ValueError, TypeError, zlib.error,
      NotImplementedError).
  """
  content = read_bytes(path, _MOST_BYTES)
  other = other_content(content)
  if other:
    raise InputError(f"{path} is not a MATLAB 5 file: {other}")
  require_sound(content)
  return scipy.io.loadmat(io.BytesIO(content))


def read_matrix(path: pathlib.Path, variable: str) -> np.ndarray:
  """Returns `int64[rows, columns]`, the variable of that name in a `.mat` file.

  Raises:
    InputError: the file is missing or not a MATLAB file, has no such variable, or the variable is
      not a matrix of whole numbers.
  """
  if not path.is_file():
    raise InputError(f"info file {path} is missing; copy it there from the official release")
  try:
    contents = load_mat(path)
  except InputError as error:
    raise InputError(f"info file {error}, or copy it from the official release") from error
  except Exception as error:
    raise InputError(
      f"info file {path} cannot be read as a MATLAB 5 file ({type(error).__name__}: {error}); "
      "copy it again from the official release"
    ) from error
  found = sorted(name for name in contents if not name.startswith("__"))
  if variable not in contents:
    raise InputError(
      f"info file {path} has no variable {variable!r}, only {', '.join(found) or 'nothing'}"
      f"{renaming(variable, found)}; use the file of the official release"
    )
  values = contents[variable]
  numeric = isinstance(values, np.ndarray) and values.dtype.kind in "iuf" and values.ndim == 2
  if not numeric or not np.array_equal(values, np.floor(values)) or np.isinf(values).any():
    raise InputError(
      f"variable {variable!r} of {path} must be a matrix of whole numbers, got "
      f"{getattr(values, 'dtype', type(values).__name__)} of shape {np.shape(values)}; "
      "use the file of the official release"
    )
  return values.astype(np.int64)
