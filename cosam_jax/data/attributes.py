"""What people wear and carry: the annotation files of MARS and of DukeMTMC-reID.

MARS (`mars_attributes.csv`): a row for each tracklet of a known person, with the whole numbers of
the file. The bags and the hat are 0 (no) and 1 (yes); the file explains no other numbers, so those
have no words here. DukeMTMC (`duke_attribute.mat`): a column for each person, for training and
test, numbers from 1. Its licence (CC BY-NC-SA 4.0, with citations) lies beside that file. Neither
file is part of this package.

Sources: Chen, Li, Wang, "Video-based Person Re-identification via Self-Paced Learning and Deep
Reinforcement Learning Framework" and its MARS annotations; Lin et al., "Improving Person
Re-identification by Attribute and Identity Learning", for DukeMTMC and the words of its numbers.
"""

import csv
import dataclasses
import io
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from cosam_jax.data.matlab import load_mat
from cosam_jax.errors import InputError, suggestion
from cosam_jax.runtime.outside_files import read_text
from cosam_jax.runtime.text_numbers import whole_number
from cosam_jax.runtime.user_paths import user_path

POSTERS = "handbag,hat,backpack"
"""The attributes of the poster's table; for each, the value is yes."""
NOT_ANNOTATED = -1
"""The value that stands for "not annotated"."""

_YES = "yes"
_NO_YES = ("no", _YES)
_MARS_KEYS = ("person-id", "camera", "tracklet")
_MARS_NO_YES = ("shoulder_bag", "backpack", "hat", "handbag")
_DUKE_WORDS = {"gender": ("male", "female"), "shoes": ("dark", "light"), "top": ("short", "long")}


@dataclasses.dataclass(frozen=True, eq=False)
class Attributes:
  """Annotations of tracklets or of people.

  Attributes:
    source: the file.
    dataset: the data set that they belong to, `mars` or `dukemtmc_vidreid`.
    rows: tracklet name, or identity as text -> row of the columns.
    columns: attribute -> int64[rows], `NOT_ANNOTATED` where not annotated.
    words: attribute -> the number of each word, if numbers have words.
  """

  source: str
  dataset: str
  rows: Mapping[str, int]
  columns: Mapping[str, np.ndarray]
  words: Mapping[str, Mapping[str, int]]

  def of(self, attribute: str, names: np.ndarray, identities: np.ndarray) -> np.ndarray:
    """int64[n], an attribute of each tracklet, `NOT_ANNOTATED` if it is not annotated.

    Args:
      attribute: from `parse`.
      names: str[n], tracklet names.
      identities: int[n].
    """
    keys = names.tolist() if self.dataset == "mars" else map(str, identities.tolist())
    rows = np.array([self.rows.get(key, -1) for key in keys], np.int64)
    return np.where(rows < 0, NOT_ANNOTATED, self.columns[attribute][rows])

  def parse(self, text: str) -> tuple[str, int]:
    """Reads `backpack`, which is short for `backpack=yes`, or `tops.c=5`.

    Returns:
      The attribute's name and the value's number.

    Raises:
      InputError: there is no such attribute or value; the error lists the legal ones.
    """
    attribute, equals, value = text.partition("=")
    attribute, value = _plain(attribute), value.strip().lower()
    if attribute not in self.columns:
      raise InputError(
        f"attribute {text!r} is not in {self.source}: it has {', '.join(sorted(self.columns))}"
        f"{suggestion(attribute, self.columns)}"
      )
    words = self.words.get(attribute, {})
    if not equals:
      value = _YES
    present = np.unique(self.columns[attribute])
    legal = {str(number): int(number) for number in present[present != NOT_ANNOTATED]}
    if value in words:
      return attribute, words[value]
    if value in legal:
      return attribute, legal[value]
    names = [f"{word} ({number})" for word, number in words.items()] or list(legal)
    raise InputError(
      f"attribute {text!r}: write {attribute}= and one of {', '.join(names)}"
      f"{suggestion(value, words)}"
    )

  def describe(self, attribute: str, value: int) -> str:
    """`backpack=yes`: an attribute and a value for people."""
    words = {number: word for word, number in self.words.get(attribute, {}).items()}
    return f"{attribute}={words.get(value, value)}"


def read_attributes(path: str | os.PathLike) -> Attributes:
  """Reads MARS's `.csv` or DukeMTMC's `.mat`.

  Raises:
    InputError: a missing file, or one that is neither.
  """
  path = user_path(path)
  if not path.is_file():
    raise InputError(
      f"attributes file {path} is missing: give mars_attributes.csv or duke_attribute.mat"
    )
  if path.suffix.lower() == ".csv":
    return _read_mars(path)
  if path.suffix.lower() == ".mat":
    return _read_duke(path)
  raise InputError(
    f"attributes file {path} is neither .csv (MARS) nor .mat (DukeMTMC): give one of those"
  )


def _plain(name: str) -> str:
  return name.strip().lower().replace(" ", "_")


def _read_mars(path: pathlib.Path) -> Attributes:
  text = read_text(path, "attributes file", "give mars_attributes.csv as UTF-8 text")
  try:
    reader = csv.reader(io.StringIO(text, newline=""))
    rows_by_line = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    lines = [row for _, row in rows_by_line]
    heads = [head.strip() for head in lines[0]] if lines else []
    if tuple(heads[:3]) != _MARS_KEYS or len(heads) < 4:
      raise InputError(
        f"the first line of {path} must begin with {','.join(_MARS_KEYS)} and name attributes"
      )
    for number, line in rows_by_line[1:]:
      if len(line) != len(heads) or not None not in map(whole_number, map(str.strip, line)):
        raise InputError(f"line {number} of {path} must hold {len(heads)} whole numbers")
    values = np.array(lines[1:], dtype=np.int64).reshape(-1, len(heads))
  except (OverflowError, csv.Error) as error:
    raise InputError(f"{path} cannot be read as a table ({error}): copy it again") from error
  rows = {f"{p:04d}C{c}T{t:04d}": row for row, (p, c, t) in enumerate(values[:, :3].tolist())}
  columns = {_plain(name): values[:, 3 + i] for i, name in enumerate(heads[3:])}
  words = {name: dict(zip(_NO_YES, (0, 1))) for name in _MARS_NO_YES if name in columns}
  return Attributes(str(path), "mars", rows, columns, words)


def _read_duke(path: pathlib.Path) -> Attributes:
  try:
    parts = load_mat(path)["duke_attribute"][0, 0]
    tables = [parts[split][0, 0] for split in ("train", "test")]
    people = [[int(cell[0]) for cell in table["image_index"].ravel()] for table in tables]
    names = sorted({*tables[0].dtype.names, *tables[1].dtype.names} - {"image_index"})
    columns = {
      name: np.concatenate([_column(t, name, len(p)) for t, p in zip(tables, people)])
      for name in names
    }
  except InputError as error:
    raise InputError(f"attributes file {error}") from error
  except Exception as error:  # scipy raises many kinds, and a file of another layout causes others.
    raise InputError(
      f"{path} cannot be read as DukeMTMC's attributes ({type(error).__name__}: {error}): give the "
      "duke_attribute.mat of the annotations' release"
    ) from error
  rows = {str(person): row for row, person in enumerate([*people[0], *people[1]])}
  words = {name: dict(zip(_DUKE_WORDS.get(name, _NO_YES), (1, 2))) for name in names}
  return Attributes(str(path), "dukemtmc_vidreid", rows, columns, words)


def _column(table: Any, name: str, count: int) -> np.ndarray:
  """int64[count], an attribute of one split; `NOT_ANNOTATED` if the split does not have it."""
  if name not in table.dtype.names:
    return np.full(count, NOT_ANNOTATED, np.int64)
  column = table[name].ravel().astype(np.int64)
  if column.shape != (count,):
    raise ValueError(f"{name} has {len(column)} values for {count} people")
  return column


def parse_list(attributes: Attributes, text: str) -> list[tuple[str, int]]:
  """Reads a list such as `backpack,hat=no,tops.c=5`: each attribute and value once, in order.

  Raises:
    InputError: an attribute or value that does not exist, or an empty list.
  """
  pieces = [piece for piece in text.split(",") if piece.strip()]
  if not pieces:
    raise InputError(f"attributes are {text!r}: name one, such as {POSTERS}")
  return list(dict.fromkeys(map(attributes.parse, pieces)))
