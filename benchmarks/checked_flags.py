"""Command lines of the comparisons: every value is checked before anything is loaded or measured.

Loads the standard library only, so that `--help` answers at once, on a Python without packages too.
"""

import argparse
import importlib.util
import os
import pathlib
from collections.abc import Callable, Collection, Mapping
from typing import NoReturn


class Parser(argparse.ArgumentParser):
  """Shows the script's docstring as it is written, and refuses a value in one sentence."""

  def __init__(self, description: str | None):
    super().__init__(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)

  def error(self, message: str) -> NoReturn:
    """Ends the program with status 2."""
    self.exit(2, f"error: {message}; --help lists what is allowed\n")


refused = argparse.ArgumentTypeError
"""What a type of flags raises: the sentence without the flag's name."""


def whole(least: int = 1, multiple: int = 1) -> Callable[[str], int]:
  """A type of flags: whole numbers from `least` on that `multiple` divides."""

  def number(text: str) -> int:
    try:
      value = int(text)
    except ValueError:
      value = least - 1
    if value < least or value % multiple:
      of = "" if multiple == 1 else f", a multiple of {multiple}"
      raise refused(f"{text!r} is not a whole number from {least} on{of}")
    return value

  return number


def real(least: float, most: float) -> Callable[[str], float]:
  """A type of flags: numbers from `least` to `most`."""

  def number(text: str) -> float:
    try:
      value = float(text)
    except ValueError:
      value = float("nan")
    if not least <= value <= most:
      raise refused(f"{text!r} is not a number from {least} to {most}")
    return value

  return number


def some_of(choices: Collection[str]) -> Callable[[str], list[str]]:
  """A type of flags: some of `choices`, with commas between them."""

  def names(text: str) -> list[str]:
    found = list(dict.fromkeys(text.split(",")))
    if unknown := [name for name in found if name not in choices]:
      wrong = ", ".join(map(repr, unknown))
      raise refused(f"{wrong}: use some of {', '.join(choices)}")
    return found

  return names


def file_to_write(text: str) -> pathlib.Path:
  """A type of flags: a file in a folder that can be written to."""
  path = pathlib.Path(text)
  if path.is_dir() or not os.access(path.parent, os.W_OK):
    raise refused(f"{text!r} is not a file in a folder that can be written to")
  return path


def missing(packages: Mapping[str, str]) -> str | None:
  """What has to be installed, in words; None if everything is there.

  Args:
    packages: name of a module -> the package that has it.
  """
  absent = [package for name, package in packages.items() if not _is_there(name)]
  if not absent:
    return None
  verb = "is" if len(absent) == 1 else "are"
  return f"{', '.join(absent)} {verb} not installed: pip install {' '.join(absent)}"


def _is_there(module: str) -> bool:
  try:
    return importlib.util.find_spec(module) is not None
  except ValueError:  # A test has put something without a place in its stead.
    return False
