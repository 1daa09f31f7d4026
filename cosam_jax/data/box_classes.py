"""Classes in a file of boxes: finds their column, and the classes that are people.

A class is constant along a track. Confidences are not, and they are not whole numbers above 1.

Notation: `n` lines.
"""

from collections.abc import Iterable

import numpy as np

from cosam_jax.data.box_lines import BoxLines
from cosam_jax.errors import InputError

FIRST = 6
"""The first column after frame,id,x,y,w,h."""
PEOPLE = ("person", "pedestrian", "people", "human", "person_sitting")
_NOTHING = ("", "nan", "none", "null", "na", "n/a", "-", "?")
_MOST_CLASSES = 100


def labels_of(lines: BoxLines, column: int) -> np.ndarray:
  """str[n], the classes in a column; whole numbers are written without a fraction."""
  values = lines.values[:, column]
  texts = np.array([f"{value:g}" for value in np.unique(values)], dtype=object)
  result = texts[np.unique(values, return_inverse=True)[1]] if len(values) else texts
  for row, word in lines.words.get(column, {}).items():
    result[row] = word or "nan"
  return result.astype(str)


def people_of(lines: BoxLines, column: int) -> tuple[str, ...]:
  """The classes that are people: by name, else 0 if it occurs, else 1; a single class always is."""
  found = np.unique(labels_of(lines, column)).tolist()
  named = tuple(name for name in found if name.lower() in PEOPLE)
  if len(found) == 1 or named:
    return named or tuple(found)
  return ("0",) if "0" in found else ("1",)


def are_classes(tracks: np.ndarray, labels: np.ndarray) -> bool:
  """Whether numbers are classes: whole, few, and constant along most tracks."""
  if not ((labels >= 0) & (labels == np.floor(labels))).all():
    return False
  if len(np.unique(labels)) > _MOST_CLASSES:
    return False
  pairs = np.unique(np.stack([tracks, labels]), axis=1)[0]
  _, counts = np.unique(pairs, return_counts=True)
  return bool((counts == 1).sum() * 2 >= len(counts))


def naming(lines: BoxLines, column: int) -> str:
  """The advice to name a column "class"."""
  others = ("confidence", *(["other"] * (column - FIRST - 1))) if column > FIRST else ()
  return lines.heading("frame", "id", "x", "y", "w", "h", *others, "class")


def class_column(
  lines: BoxLines,
  known: int | None = None,
  columns: Iterable[int] | None = None,
  track: int = 1,
) -> int | None:
  """The column without a name that must be a class; None if there is none.

  Args:
    lines: of a file.
    known: the column that is a class by the file's format. Then only the seventh is refused if it
      could be one too: those after it may be a detection's index.
    columns: those without a name; None: all from the seventh on.
    track: the column of the track.

  Raises:
    InputError: several columns could be the class, or a column of words is constant along the
      tracks and none of its words is a person.
  """
  if columns is None:
    columns = range(FIRST, lines.values.shape[1] if known is None else min(FIRST + 1, known))
  tracks = lines.values[:, track]
  found = [
    column
    for column in columns
    if _of_words(lines, column, tracks) or _of_numbers(lines, column, tracks)
  ]
  found += [] if known is None else [known]
  if len(found) > 1:
    names = " and ".join(str(column + 1) for column in found)
    raise InputError(
      f"columns {names} of boxes {lines.path} could each be the class, since both are the same all "
      f"along the tracks: {naming(lines, found[0])}, or say with "
      "--boxes_format=results that all lines count"
    )
  return found[0] if found else None


def asked_column(lines: BoxLines) -> int | None:
  """The column of classes that the user asks for, if the format has none; None if there is none.

  It is the eighth column, or the seventh of seven if that has no fractions.
  """
  columns = lines.values.shape[1]
  last = lines.values[:, min(7, columns - 1)]
  fractions = np.isfinite(last) & (last != np.floor(last))
  return None if columns <= FIRST or (columns == 7 and fractions.any()) else min(7, columns - 1)


def flags_sentence(lines: BoxLines) -> tuple[str, ...]:
  """A sentence if the seventh column has only 0 and 1, so that it may be a class or a mark."""
  if lines.values.shape[1] <= FIRST:
    return ()
  tracks, values = lines.values[:, 1], lines.values[:, FIRST]
  marks = set(np.unique(values).tolist()) == {0, 1}
  if not (marks and _followed(tracks) and are_classes(tracks, values)):
    return ()
  ones = int((values == 1).sum())
  return (
    f"the seventh column is 0 in {len(values) - ones:,} boxes and 1 in {ones:,}, the "
    "same all along the tracks, and was taken for a confidence: all count; if it is a class, "
    f"{naming(lines, FIRST)}",
  )


def _of_numbers(lines: BoxLines, column: int, tracks: np.ndarray) -> bool:
  """Whether numbers are the same all along most tracks and some are above 1.

  After the seventh column, tracks of one box show nothing: a detection's index is a number too.
  """
  values = lines.values[:, column]
  known = np.isfinite(values) & np.isfinite(tracks)
  if 2 * known.sum() < len(values) or not known.any():
    return False
  values, tracks = values[known], tracks[known]
  if values.max() <= 1 or values.min() == values.max() or not are_classes(tracks, values):
    return False
  return column == FIRST or _followed(tracks)


def _of_words(lines: BoxLines, column: int, tracks: np.ndarray) -> bool:
  """Whether most lines have a word there, constant along most tracks."""
  words = {
    row: word.lower()
    for row, word in lines.words.get(column, {}).items()
    if word.lower() not in _NOTHING
  }
  if 2 * len(words) <= len(lines.values):
    return False
  names, codes = np.unique(list(words.values()), return_inverse=True)
  if {*names} & {*PEOPLE} or len(names) == 1:
    return True
  if not are_classes(tracks[list(words)], codes):
    return False
  raise InputError(
    f"column {column + 1} of boxes {lines.path} has the words {', '.join(names[:3])[:90]}, the "
    f"same all along the tracks, and none is {' or '.join(PEOPLE[:2])}: if they are classes, "
    f"{naming(lines, column)}, and say with --boxes_classes which count; if not, say "
    "--boxes_format=results"
  )


def _followed(tracks: np.ndarray) -> bool:
  """Whether tracks have two boxes or more on average; a value never changes in a track of one."""
  return 2 * len(np.unique(tracks)) <= len(tracks)
