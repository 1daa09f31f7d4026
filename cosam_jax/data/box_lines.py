"""Lines of numbers in a text file, as trackers, spreadsheets and annotation tools write boxes.

Separator, header and number of columns are found once, from the whole file. Lines that do not fit
are left out and recorded, with their numbers and the reason.

Notation: `n` lines of numbers, `c` columns.
"""

import array
import collections
import dataclasses
import io
import math
import os
import pathlib
import re
import sys
from collections.abc import Iterator

import numpy as np

from cosam_jax.runtime.outside_files import read_text

LINES_WANTED = "give a text file of lines frame,id,x,y,w,h"
FEWEST_COLUMNS = 6
_SAMPLE = 1000
"""Number of lines from which the separator is found."""
_SEPARATORS = (";", "\t", ",", None)
_COMMENTS = ("#", "%", "//")
_USUAL = (("frame", "id", "x", "y", "w", "h"), ("frame", "id", "x", "y", "width", "height"))
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+")


@dataclasses.dataclass
class BadLines:
  """Lines that are left out: for each reason their count and the number of the first."""

  counts: collections.Counter = dataclasses.field(default_factory=collections.Counter)
  first: dict[str, int] = dataclasses.field(default_factory=dict)

  def add(self, reason: str, lines: np.ndarray | list[int]) -> None:
    """Adds lines with these numbers, ascending."""
    if len(lines):
      self.counts[reason] += len(lines)
      self.first.setdefault(reason, int(lines[0]))

  @property
  def total(self) -> int:
    """The count over all reasons."""
    return self.counts.total()

  def sentences(self) -> Iterator[str]:
    """One for each reason, the most frequent first."""
    for reason, count in self.counts.most_common():
      if count == 1:
        yield f"line {self.first[reason]}, which {reason}"
      else:
        yield f"{count:,} lines, the first is line {self.first[reason]}, which {reason}"


@dataclasses.dataclass(frozen=True, eq=False)
class BoxLines:
  """The lines of a file.

  Attributes:
    path: of the file.
    names: the header's names, in lower case; None if there is no header.
    values: float64[n, c]; NaN for fields that are not numbers.
    words: column -> row -> the text that stands there instead of a number.
    numbers: int64[n], line numbers from 1.
    bad: the lines that are left out.
    separator: the text between columns; None for blanks.
  """

  path: pathlib.Path
  names: tuple[str, ...] | None
  values: np.ndarray
  words: dict[int, dict[int, str]]
  numbers: np.ndarray
  bad: BadLines
  separator: str | None = ","

  def heading(self, *names: str) -> str:
    """The advice to write these names above the lines, in the form that `read_lines` reads."""
    line = " ".join(names) if self.separator == "\t" else (self.separator or " ").join(names)
    tabs = " (with tabs between)" if self.separator == "\t" else ""
    return f"put the line '# {line}'{tabs} above the others"


def read_lines(path: str | os.PathLike) -> BoxLines:
  """Reads a file; blank lines and comments (#, %, //) are skipped.

  Raises:
    InputError: it cannot be read, or is not UTF-8 text.
  """
  text = read_text(path, "boxes", LINES_WANTED)
  separator = _separator(text)
  names, start, commented = None, 0, False
  for number, line in _lines(text, comments=True):
    fields = _fields(line.lstrip("#%/ "), separator)
    if any(math.isfinite(_number(field)) for field in fields):
      break
    if len(fields) >= FEWEST_COLUMNS or not line.startswith(_COMMENTS):
      names = tuple(re.sub(r"[\s.\-]+", "_", field.strip().lower()) for field in fields)
      start, commented = number, line.lstrip().startswith(_COMMENTS)
      if len(fields) >= FEWEST_COLUMNS:
        break
  if names is not None and len(names) < FEWEST_COLUMNS:
    names, start = None, 0
  counts: collections.Counter[int] = collections.Counter()
  for number, line in _lines(text):
    if number > start:
      counts[len(_without_end(_fields(line, separator)))] += 1
  most = max(counts, key=counts.__getitem__, default=0)
  if names is not None and commented and len(names) < most:
    # The header is a comment with fewer names than there are columns. If its names have the usual
    # order it adds nothing.
    usual = names[:FEWEST_COLUMNS] in _USUAL and "class" not in names
    names = None if usual else (*names, *[""] * (most - len(names)))
  columns = len(_without_end(list(names))) if names and not commented else most
  if names is not None:
    names = names[:columns]
  bad, values, numbers = BadLines(), array.array("d"), array.array("q")
  words: dict[int, dict[int, str]] = collections.defaultdict(dict)
  for number, line in _lines(text):
    if number <= start:
      continue
    fields = _without_end(_fields(line, separator))
    if len(fields) < FEWEST_COLUMNS:
      bad.add(f"is {line.strip()[:60]!r}: a line is frame,id,x,y,w,h", [number])
      continue
    # A last field that is empty in only some lines is a missing value, not a closing separator.
    fields += [""] * (
      len(fields) == columns - 1 and line.rstrip(" \r\n").endswith(separator or "\0")
    )
    if len(fields) != columns:
      bad.add(f"has {len(fields)} columns, and the file has {columns}", [number])
      continue
    row = [_number(field) for field in fields]
    without = [column for column, value in enumerate(row) if math.isnan(value)]
    if len(row) - len(without) < FEWEST_COLUMNS - 1:
      bad.add(f"is {line.strip()[:60]!r}: a line is frame,id,x,y,w,h", [number])
      continue
    for column in without:
      words[column][len(numbers)] = sys.intern(fields[column])
    values.extend(row)
    numbers.append(number)
  table = np.frombuffer(values, np.float64) if values else np.zeros(0)
  return BoxLines(
    path=pathlib.Path(path),
    names=names,
    values=table.reshape(len(numbers), columns if len(numbers) else 0),
    words=dict(words),
    numbers=np.array(numbers, np.int64),
    bad=bad,
    separator=separator,
  )


def _lines(text: str, comments: bool = False) -> Iterator[tuple[int, str]]:
  """(number, line) of the lines that are not blank; leading comments only if asked for."""
  for number, line in enumerate(io.StringIO(text, newline=None), 1):
    if line.strip() and (comments or not line.lstrip().startswith(_COMMENTS)):
      yield number, line.strip("\n")


def _fields(line: str, separator: str | None) -> list[str]:
  if separator is None:
    return line.split()
  return [field.strip().strip("\"'") for field in line.split(separator)]


def _without_end(fields: list[str]) -> list[str]:
  """Drops the empty field that a separator at the end of a line makes."""
  return fields[:-1] if fields and not fields[-1] else fields


def _number(field: str) -> float:
  """A field's number; NaN if it is not one. A comma inside a field is a decimal comma."""
  if "," in field and _DECIMAL_COMMA.fullmatch(field):
    field = field.replace(",", ".")
  if not field.isascii() or "_" in field:  # Python takes 1_0 and other scripts' digits.
    return math.nan
  try:
    return float(field)
  except ValueError:
    return math.nan


def _separator(text: str) -> str | None:
  """The separator: the one that gives the most lines of at least six numbers."""
  scores = dict.fromkeys(_SEPARATORS, 0)
  for _, (_, line) in zip(range(_SAMPLE), _lines(text), strict=False):
    for separator in _SEPARATORS:
      fields = _fields(line, separator)
      scores[separator] += sum(not math.isnan(_number(f)) for f in fields) >= FEWEST_COLUMNS - 1
  best = max(scores.values())
  if not best:
    first = next((line for _, line in _lines(text)), "")
    return next((s for s in _SEPARATORS[:3] if s and s in first), None)
  return next(separator for separator in _SEPARATORS if scores[separator] == best)
