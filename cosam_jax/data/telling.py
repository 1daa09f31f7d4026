"""Sentences about somebody's input: each is printed once, as soon as it is known, and kept.

Readers of people's folders and videos print by themselves: whoever calls them without a `Telling`
gets one that prints, so that no mode can drop what a reader has to say.
"""

from collections.abc import Callable

import tqdm

from cosam_jax.data.tracklets import Tables
from cosam_jax.errors import printable
from cosam_jax.runtime import quiet


class Telling:
  """What was said about an input.

  Args:
    show: prints a sentence about a loss or an oddity; `--quiet` does not silence it.
    plain: prints a sentence about what was found, which is no warning.

  Attributes:
    told: sentences on the format that was found, and on oddities.
    left_out: sentences on what was passed over.
  """

  def __init__(
    self, show: Callable[[str], object] = quiet.show, plain: Callable[[str], object] = print
  ):
    self._show, self._plain = show, plain
    self.told: list[str] = []
    self.left_out: list[str] = []

  def tell(self, *sentences: str) -> None:
    """Says what was found."""
    self._say(sentences, self.told, self._plain)

  def warn(self, *sentences: str) -> None:
    """Says what is odd, or fewer than it should be."""
    self._say(sentences, self.told, self._show)

  def leave_out(self, *sentences: str) -> None:
    """Says what is passed over."""
    self._say(sentences, self.left_out, lambda text: self._show(f"left out: {text}"))

  def _say(
    self, sentences: tuple[str, ...], said: list[str], show: Callable[[str], object]
  ) -> None:
    for sentence in sentences:
      if sentence not in said:
        said.append(sentence)
        with tqdm.tqdm.external_write_mode():  # A video's end comes in the middle of a bar.
          show(printable(sentence))


def warn_of(tables: Tables) -> None:
  """Prints a reader's sentences about a data set."""
  for sentence in tables.warnings:
    quiet.warn(printable(sentence))
