"""Remarks on a user's input: each is printed once, as soon as it is known, and kept.

Readers of users' folders and videos print by themselves: a caller that gives them no `Telling` gets
one that prints, so that no mode can drop a reader's remarks.
"""

from collections.abc import Callable

import tqdm

from cosam_jax.data.tracklets import Tables
from cosam_jax.errors import printable
from cosam_jax.runtime import quiet


class Telling:
  """Prints and keeps the remarks on an input.

  Args:
    show: prints a remark on a loss or an oddity; `--quiet` does not silence it.
    plain: prints a remark on the format that was found, which is not a warning.

  Attributes:
    told: remarks on the format that was found, and on oddities.
    left_out: remarks on parts that were skipped.
  """

  def __init__(
    self, show: Callable[[str], object] = quiet.show, plain: Callable[[str], object] = print
  ):
    self._show, self._plain = show, plain
    self.told: list[str] = []
    self.left_out: list[str] = []

  def tell(self, *sentences: str) -> None:
    """Says which format was found."""
    self._say(sentences, self.told, self._plain)

  def warn(self, *sentences: str) -> None:
    """Says what is odd, and what is lost."""
    self._say(sentences, self.told, self._show)

  def leave_out(self, *remarks: str, prefix: str = "left out: ") -> None:
    """Says which parts are skipped.

    Args:
      remarks: names of these parts, with numbers and reasons.
      prefix: is printed before each; empty for sentences that say themselves what is left out.
    """
    self._say(remarks, self.left_out, lambda text: self._show(f"{prefix}{text}"))

  def _say(
    self, sentences: tuple[str, ...], said: list[str], show: Callable[[str], object]
  ) -> None:
    for sentence in sentences:
      if sentence not in said:
        said.append(sentence)
        with tqdm.tqdm.external_write_mode():  # A video may end in the middle of a bar.
          show(printable(sentence))


def warn_of(tables: Tables) -> None:
  """Prints a reader's warnings about a data set."""
  for sentence in tables.warnings:
    quiet.warn(printable(sentence))
