"""The form of a flag: its kind, help, default and legal values, as data."""

import dataclasses
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass(frozen=True)
class Flag:
  """One flag.

  Attributes:
    kind: text, path, list, choice, whole (a whole number), number, or yes (true or false).
    help: its text for `--helpfull`.
    default: its value if it is not given.
    legal: the values of a choice.
    least, most: bounds of a number.
    accepts: (whether an item of a list is legal, the legal items in words).
  """

  kind: str
  help: str
  default: Any = None
  legal: tuple[str, ...] = ()
  least: float | None = None
  most: float | None = None
  accepts: tuple[Callable[[str], bool], str] | None = None

  def allowed(self, shown: Callable[[str], str] = str) -> str:
    """The legal values in words; empty for yes or no.

    Args:
      shown: writes a value of a choice.
    """
    bounds = [f"at least {self.least:.10g}"] if self.least is not None else []
    bounds += [f"at most {self.most:.10g}"] if self.most is not None else []
    kind = {
      "yes": "", "text": "a text", "path": "a path", "list": "a list, with commas",
      "whole": "an integer", "number": "a number", "choice": ", ".join(map(shown, self.legal)),
    }[self.kind]  # fmt: skip
    return " ".join([kind, " and ".join(bounds)]).strip()


def text_flag(help_text: str, default: str | None = None) -> Flag:
  """A flag with a text."""
  return Flag("text", help_text, default)


def path_flag(help_text: str, default: str | None = None) -> Flag:
  """A flag with a path."""
  return Flag("path", help_text, default)


def whole_flag(
  help_text: str, default: int | None = None, least: int = 1, most: int = 1_000_000
) -> Flag:
  """A flag with a whole number."""
  return Flag("whole", help_text, default, least=least, most=most)


def choice_flag(help_text: str, *legal: str, default: str | None = None) -> Flag:
  """A flag with one of some values."""
  return Flag("choice", help_text, default, legal)


def list_flag(help_text: str) -> Flag:
  """A flag with a list of texts."""
  return Flag("list", help_text)


def yes_flag(help_text: str, default: bool | None = False) -> Flag:
  """A flag that is true or false."""
  return Flag("yes", help_text, default)
