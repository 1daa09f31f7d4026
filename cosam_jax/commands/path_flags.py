"""Flags that name a file or a folder: `~` in them is the home directory."""

from typing import Any

from absl import flags

from cosam_jax.errors import InputError
from cosam_jax.runtime.user_paths import user_path


class PathParser(flags.ArgumentParser):
  """Reads a path's text as `user_path` does; an empty text stays empty."""

  def parse(self, argument: str) -> str:
    """The path as text; ValueError, which absl expects, if there is no such home directory."""
    try:
      return str(user_path(argument)) if argument.startswith("~") else argument
    except InputError as error:
      raise ValueError(str(error)) from error

  def flag_type(self) -> str:
    """The type's name for `--helpfull`."""
    return "path"


def define(name: str, default: str | None, help_text: str, **options: Any) -> Any:
  """Registers such a flag, as `flags.DEFINE_string` does."""
  return flags.DEFINE(
    PathParser(), name, default, help_text, serializer=flags.ArgumentSerializer(), **options
  )
