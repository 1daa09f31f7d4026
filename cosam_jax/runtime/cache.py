"""Folders for files that are kept from one call to the next.

A user may have no home directory, as in containers, or one that cannot be written to. Only fetched
files need such a folder.
"""

import atexit
import os
import pathlib
import shutil
import sys
import tempfile

from cosam_jax.errors import InputError
from cosam_jax.runtime.user_paths import user_path


def cache_folder() -> pathlib.Path:
  """The folder in which this package keeps things: `$COSAM_CACHE`, else `~/.cache/cosam_jax`.

  Raises:
    InputError: there is no home directory, and `$COSAM_CACHE` names nothing else.
  """
  told = os.environ.get("COSAM_CACHE")
  if told:
    return user_path(told)
  try:
    return user_path("~/.cache/cosam_jax")
  except InputError as error:
    raise InputError(
      "there is no folder to keep files in from one call to the next, since this user has no home "
      "directory: set COSAM_CACHE to a folder that can be written to"
    ) from error


def why_unusable(folder: pathlib.Path) -> str | None:
  """Makes a folder if it is missing; returns the reason why it cannot be used, or None."""
  try:
    folder.mkdir(parents=True, exist_ok=True)
  except OSError as error:
    return error.strerror or str(error)
  return None if os.access(folder, os.W_OK | os.X_OK) else "it is not writable"


def settle_libraries() -> None:
  """Gives libraries folders if they would find none. Call before TensorFlow or matplotlib loads.

  matplotlib would warn. It gets a folder below `cache_folder()`, since finding all fonts anew takes
  seconds; failing that, a temporary one that is removed when this process ends. Keras, which
  TensorFlow loads, would make a folder called `~` in the current directory, for a file that nobody
  needs.
  """
  if not os.path.isabs(os.path.expanduser("~")):
    os.environ.setdefault("KERAS_HOME", os.path.join(os.devnull, "keras"))  # Cannot be made.
  if "matplotlib" in sys.modules or "MPLCONFIGDIR" in os.environ or _matplotlib_has_places():
    return
  try:
    folder = cache_folder() / "matplotlib"
    usable = why_unusable(folder) is None
  except InputError:
    usable = False
  if not usable:
    folder = pathlib.Path(tempfile.mkdtemp(prefix="cosam_jax-matplotlib-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
  os.environ["MPLCONFIGDIR"] = str(folder)


def _matplotlib_has_places() -> bool:
  """Whether the folders that matplotlib chooses by itself can be used."""
  if not os.path.isabs(os.environ.get("HOME", os.sep)):
    return False  # It would write below the current directory.
  try:
    if sys.platform.startswith(("linux", "freebsd")):
      config = os.environ.get("XDG_CONFIG_HOME") or pathlib.Path.home() / ".config"
      cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
      own = [pathlib.Path(config, "matplotlib"), pathlib.Path(cache, "matplotlib")]
    else:
      own = [pathlib.Path.home() / ".matplotlib"]
  except RuntimeError:  # No home directory.
    return False
  return all(why_unusable(folder) is None for folder in own)
