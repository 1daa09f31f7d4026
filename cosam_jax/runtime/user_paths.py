"""Paths as people write them: `~` is the home directory, `~name` that of another user."""

import os
import pathlib

from cosam_jax.errors import InputError


def user_path(path: str | os.PathLike) -> pathlib.Path:
  """The path, with the home directory in place of a `~` at its beginning.

  Shells do this themselves for `~/x`, but not for `--workdir=~/x` or in a configuration.

  Args:
    path: as it was given; without `~` it stays as it is. A name such as `~old` stays as it is too
      if a file or folder is called so and no user is.

  Raises:
    InputError: that home directory is unknown; nothing may be made in a folder called `~`.
  """
  text = os.fspath(path)
  if not text.startswith("~"):
    return pathlib.Path(path)
  first, rest = text.partition(os.sep)[::2]
  home = _home_of(first[1:])
  if home is not None:
    return pathlib.Path(home, rest.lstrip(os.sep))
  if first != "~" and os.path.lexists(first):
    return pathlib.Path(path)
  reason = (
    f"there is no user {first[1:]!r}"
    if first != "~"
    else "there is none (HOME names no absolute path, and this user has no entry)"
  )
  raise InputError(
    f"the path {text!r} begins with the home directory {first}, and {reason}: give the whole path, "
    f"or ./{text} for something of that name here"
  )


def user_text(path: str) -> str:
  """As `user_path`, for a text that may also be empty, or a name instead of a path."""
  return str(user_path(path)) if path.startswith("~") else path


def _home_of(user: str) -> str | None:
  """The home directory of a user; an empty name is this process's user; None if unknown."""
  named = os.environ.get("HOME", "") if not user else ""
  if os.path.isabs(named):
    return named
  try:
    import pwd

    home = (pwd.getpwnam(user) if user else pwd.getpwuid(os.getuid())).pw_dir
  except (ImportError, KeyError, ValueError):  # ValueError: a name with a NUL.
    return None
  return home if os.path.isabs(home) else None
