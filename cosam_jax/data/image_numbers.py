"""Numbers in the names of a video's images: finds those that count the frames.

A column is the k-th run of digits from the end of a name (`cam2_000007.jpg`), or from its beginning
(`000007_jpg.rf.0a81.jpg`), over all names.

Notation: `p` images in natural order of their names, `n` boxes, `r` images with a number.
"""

import collections
import dataclasses
import re

import numpy as np

from cosam_jax.data.boxes import FEW
from cosam_jax.errors import InputError

_DIGITS = re.compile("[0-9]+")
_MOST_DIGITS = 18
_PLACES = (*range(-1, -9, -1), *range(8))
"""Columns that are tried, the likeliest first."""
_SHOWN = 3


@dataclasses.dataclass(frozen=True, eq=False)
class Numbered:
  """The images of a folder that are frames, in the order of the video.

  Attributes:
    names: str[r].
    numbers: int64[r], ascending, the numbers by which the names count frames; None if there are
      none.
    left_out: remarks on images that are left out.
    told: remarks on guesses.
  """

  names: list[str]
  numbers: np.ndarray | None = None
  left_out: tuple[str, ...] = ()
  told: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class _Column:
  """The numbers of a column: rows int64[r] of the names that have one, and int64[r] values."""

  rows: np.ndarray
  values: np.ndarray

  def named(self, frames: np.ndarray) -> float:
    """Share of the boxes whose frame is one of the numbers."""
    return float(np.isin(frames, self.values).mean())

  @property
  def ascends(self) -> bool:
    return bool((np.diff(self.values) > 0).all())

  @property
  def differs(self) -> bool:
    return len(np.unique(self.values)) == len(self.values)

  def doubts(self, frames: np.ndarray) -> bool:
    """Whether it counts frames but has some twice, beside each other or since it begins again."""
    if self.differs:
      return False
    steps, count = np.diff(self.values), len(np.unique(self.values))
    beside = (steps >= 0).all() and count > 1 and 4 * count >= len(self.values)
    again = (steps == 1).mean() > 0.5 and frames[-1] <= self.values.max()
    return bool(beside or again)


def numbered(
  names: list[str], source: str, frames: np.ndarray, first_frame: int | None = None
) -> Numbered:
  """Finds the images that are frames, and their numbers.

  A column counts the frames if the numbers of most names ascend in it; of several such columns, the
  one with the frames of the boxes is used. Names without such a number are left out. If there is no
  such column, the order of the names is used.

  Args:
    names: str[p].
    source: names the source of the images, for people.
    frames: int64[n], ascending, the frames of the boxes, as their file counts them.
    first_frame: number of the first image in the boxes, if the user gives it; the order of the
      names is then used.

  Raises:
    InputError: a frame has two images.
  """
  columns = _columns([name.rpartition(".")[0] for name in names])
  counting = [column for column in columns if column.ascends]
  if counting:
    best = max(counting, key=lambda column: (len(column.rows), column.named(frames)))
    told = () if first_frame is not None else _other_numbers(names, best, counting, frames)
    return _chosen(names, source, best, told)
  if first_frame is not None:
    return Numbered(names)
  for column in columns:
    if column.differs and column.named(frames) >= 1 - FEW:
      order = np.argsort(column.values)
      return _chosen(names, source, _Column(column.rows[order], column.values[order]))
  doubtful = [column for column in columns if column.doubts(frames)]
  if doubtful:
    raise _two_of_a_number(names, source, doubtful)
  first = ", ".join(f"{name} the {nth}" for name, nth in zip(names, ("first", "second")))
  said = f"images of {source} are taken in the order of their names, in which no number counts them"
  return Numbered(names, told=(f"{said}: {first}",))


def _columns(stems: list[str]) -> list[_Column]:
  """The columns that most names have, without names that differ too much from the others."""
  runs = [list(_DIGITS.finditer(stem)) for stem in stems]
  found, seen = [], set()
  for place in _PLACES:
    values, heads = np.full(len(stems), -1, np.int64), [""] * len(stems)
    for row, (stem, run) in enumerate(zip(stems, runs, strict=True)):
      if -len(run) <= place < len(run) and len(run[place][0]) <= _MOST_DIGITS:
        values[row] = int(run[place][0])
        heads[row] = _DIGITS.sub("0", stem[: run[place].start()]).casefold()
    if 2 * (values >= 0).sum() <= len(stems):
      continue
    column = _cleared(values, heads, stems)
    if 2 * len(column.rows) > len(stems) and (key := column.values.tobytes()) not in seen:
      seen.add(key)
      found.append(column)
  return found


def _cleared(values: np.ndarray, heads: list[str], stems: list[str]) -> _Column:
  """The column of `values` int64[p] (-1: none), without names that begin unlike most others.

  Only a few such names are left out, and only if they do not continue the numbers. `shot` beside
  `shot (2)` or `shot1` gets the number before.
  """
  rows = np.flatnonzero(values >= 0)
  ((usual, count),) = collections.Counter(heads[row] for row in rows).most_common(1)
  if count < 3:
    return _Column(rows, values[rows])
  others = [int(row) for row in rows if heads[row] != usual]
  if 0 < len(others) <= max(1, len(rows) // 10):
    steps = np.diff(np.sort(values[np.setdiff1d(rows, others)]))
    nearest = [np.abs(values[rows[rows != row]] - values[row]).min() for row in others]
    odd = [r for r, d in zip(others, nearest) if not 0 < d <= max(1, np.median(steps))]
    rows = np.setdiff1d(rows, odd)
  numbers, bare = values[rows], usual.rstrip(" (_-.")
  first = [row for row in np.flatnonzero(values < 0) if stems[row].casefold() == bare]
  if len(first) == 1 and numbers.min() > 0:
    return _Column(np.append(first, rows), np.append(numbers.min() - 1, numbers))
  return _Column(rows, numbers)


def _chosen(names: list[str], source: str, column: _Column, told: tuple[str, ...] = ()) -> Numbered:
  """The images of a column, in the order of its numbers."""
  without = sorted(set(range(len(names))) - set(column.rows.tolist()))
  left_out: tuple[str, ...] = ()
  if without:
    shown = ", ".join(names[row] for row in without[:_SHOWN])
    left_out = (
      f"{len(without):,} of {len(names):,} images of {source}, whose names have no number like "
      f"{names[column.rows[0]]}: {shown}{', ...' if len(without) > _SHOWN else ''}",
    )
  return Numbered([names[row] for row in column.rows], column.values, left_out, told)


def _other_numbers(
  names: list[str], best: _Column, columns: list[_Column], frames: np.ndarray
) -> tuple[str, ...]:
  """A remark on the number that was used, if another has the boxes' frames too, in other images."""
  share = best.named(frames)
  for other in columns:
    if share and other.named(frames) == share and len(other.rows) == len(best.rows):
      both = frames[np.isin(frames, best.values) & np.isin(frames, other.values)]
      if (np.searchsorted(best.values, both) != np.searchsorted(other.values, both)).any():
        name, one, two = names[best.rows[0]], best.values[0], other.values[0]
        return (f"images' names have two numbers: {name} is taken as frame {one}, not {two}",)
  return ()


def _two_of_a_number(names: list[str], source: str, columns: list[_Column]) -> InputError:
  """The error for the column with most numbers."""
  column = max(columns, key=lambda column: len(np.unique(column.values)))
  numbers, counts = np.unique(column.values, return_counts=True)
  first = numbers[counts > 1][0]
  same = [names[row] for row in column.rows[column.values == first]]
  return InputError(
    f"{' and '.join(same[:2])} of {source} are both numbered {first}, and {(counts > 1).sum():,} "
    f"of {len(numbers):,} numbers have more than one image: keep one image of each frame; or, "
    "if each is a frame of its own, say with --boxes_first_frame which frame the first is"
  )
