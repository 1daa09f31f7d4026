"""A user's own data as a list: CSV with a header, or JSON lines, one row a frame or a pattern.

Fields are `path`, `identity`, `camera`, `tracklet` and, if known, `split`:

    path,identity,camera,tracklet,split
    walk/0001/*.jpg,0001,cam1,0001/cam1/0,train
    other/17.png,0002,cam2,0002/cam2/0,gallery

Paths start at the manifest's own folder and may not leave it. A path is one frame or a pattern
with `*`, `?` or `[..]`, whose files are taken in natural order; a tracklet's frames are in the
order of its rows. Tracklet names are unique in the manifest. Splits are `train`, `query`,
`gallery` or `test`; from `test`, one query for each identity and camera is drawn, and the rest is
gallery. Without the field, half of the identities, drawn by seed, are `test`.
"""

import csv
import dataclasses
import io
import os
import pathlib
from collections.abc import Iterator

import numpy as np

from cosam_jax.data import expected, listing
from cosam_jax.data.draws import shuffled
from cosam_jax.data.holdout import choose_queries
from cosam_jax.data.identities import JUNK
from cosam_jax.data.left_out import LeftOut
from cosam_jax.data.numbering import numbering_by, numbers_of
from cosam_jax.data.other_content import FIRST_BYTES, other_content
from cosam_jax.data.sets.listed_frames import frames_among, listed_frames
from cosam_jax.data.sets.registry import PARTS, data_set_of
from cosam_jax.data.sets.unknown import without_unknown
from cosam_jax.data.tracklets import Tables, TrackletTable, concatenate
from cosam_jax.errors import InputError, renaming, suggestion
from cosam_jax.runtime.json_files import parse_json
from cosam_jax.runtime.outside_files import read_text

SUFFIXES = (".csv", ".jsonl")
REQUIRED = ("path", "identity", "camera", "tracklet")
SPLITS = (*PARTS, "test")


@dataclasses.dataclass
class _Tracklet:
  """The content of one tracklet's rows; `line` is the number of the first."""

  line: int
  identity: str
  camera: str
  split: str | None
  paths: list[str] = dataclasses.field(default_factory=list)


def is_manifest(path: str | os.PathLike) -> bool:
  """Whether a data_dir is a manifest: a path that ends in `.csv` or `.jsonl`, and not a folder."""
  return pathlib.Path(path).suffix.lower() in SUFFIXES and not os.path.isdir(path)


def read_manifest(
  path: str | os.PathLike, *, name: str = "folder", check_files: bool = True, seed: int = 0
) -> Tables:
  """Reads a manifest.

  Args:
    path: a `.csv` or `.jsonl` file.
    name: the data set's name; the published ones have counts to compare with.
    check_files: whether every frame must be on disk; patterns need the disk in any case.
    seed: draws the queries of `test` and, without splits, the identities to test on.

  Raises:
    InputError: the file or a frame is missing, a field is missing or empty, a path leaves the
      folder, a pattern matches nothing, or a tracklet has two identities, cameras or splits.
  """
  path = pathlib.Path(path)
  if not path.is_file():
    raise InputError(f"manifest {path} does not exist: give its place with --data_dir")
  left_out = LeftOut()
  rows = _group(path, left_out)
  identities = numbers_of((row.identity for row in rows.values()), "identity")
  cameras = numbers_of((row.camera for row in rows.values()), "camera")
  table = listing.table_of(
    path.parent,
    (
      listing.ListedTracklet(
        *frames_among(path.parent, row.paths, left_out),
        identities[row.identity],
        cameras[row.camera],
        tracklet,
      )
      for tracklet, row in rows.items()
    ),
    numbering_by(identities, cameras),
  )
  splits, warnings = _splits(path, list(rows.values()), table, seed)
  parts = {split: table.select(splits == split) for split in SPLITS}
  parts, unknown = without_unknown(parts, identities, cameras)
  test = parts["test"]
  every = np.setdiff1d(table.identities, [JUNK]) if data_set_of(name).own else None
  queries = choose_queries(test, seed, every)
  tables = Tables(
    name=name,
    train=parts["train"],
    query=concatenate(parts["query"], test.select(queries)),
    gallery=concatenate(parts["gallery"], test.select(~queries)),
    warnings=(*warnings, *unknown, *left_out.sentences(), *left_out.doubts()),
    manifest=True,
  )
  if check_files:
    listing.require_frames([tables.train, tables.query, tables.gallery])
  return expected.check_counts(tables)


def _group(path: pathlib.Path, left_out: LeftOut) -> dict[str, _Tracklet]:
  """The rows by tracklet, in the order in which the tracklets first appear."""
  tracklets: dict[str, _Tracklet] = {}
  for line, row in _rows(path):
    for field in REQUIRED:
      # An empty identity is an unknown one, as in a table with gaps; a missing field is an error.
      if not row.get(field) and (field != "identity" or field not in row):
        raise InputError(
          f"line {line} of {path} has no {field!r}{renaming(field, set(row) - set(REQUIRED))}; "
          f"each row needs {', '.join(REQUIRED)}"
          f"{' (a camera that nobody knows is written unknown)' if field == 'camera' else ''}"
        )
    split = row.get("split") or None
    if split is not None and split not in SPLITS:
      raise InputError(
        f"line {line} of {path} has split {split!r}, which is none of {', '.join(SPLITS)}"
        f"{suggestion(split, SPLITS)}"
      )
    seen = tracklets.setdefault(
      row["tracklet"], _Tracklet(line, row["identity"], row["camera"], split)
    )
    for field, before in (
      ("identity", seen.identity),
      ("camera", seen.camera),
      ("split", seen.split),
    ):
      now = split if field == "split" else row[field]
      if now != before:
        raise InputError(
          f"tracklet {row['tracklet']!r} of {path} has two values of {field!r}: {before!r} on line "
          f"{seen.line} and {now!r} on line {line}; give each tracklet a name of its own"
        )
    seen.paths += listed_frames(path, line, row["path"], left_out)
  if not tracklets:
    raise InputError(f"manifest {path} has no rows; add one for each frame or pattern")
  return tracklets


def _rows(path: pathlib.Path) -> Iterator[tuple[int, dict[str, str]]]:
  """(line number from 1, fields) of every row; values are stripped strings."""
  text = read_text(path, "manifest", "save it as UTF-8 text")
  other = other_content(text[:FIRST_BYTES].encode()) if text else None
  if other:
    raise InputError(f"manifest {path} cannot be read: {other}")
  if path.suffix.lower() == ".csv":
    yield from _csv_rows(path, text)
    return
  for line, part in enumerate(text.split("\n"), start=1):
    if part.strip():
      yield line, _json_row(path, line, part)


def _csv_rows(path: pathlib.Path, text: str) -> Iterator[tuple[int, dict[str, str]]]:
  """Rows of a table; a spreadsheet may have put semicolons or tabs between its columns."""
  first = text.split("\n", 1)[0]
  separator = max(",;\t", key=first.count) if first.count(",") < len(REQUIRED) - 1 else ","
  try:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    header = [field.strip() for field in next(rows, [])]
    for field in REQUIRED:
      if header.count(field) != 1:
        state = f"has {field!r} twice" if field in header else f"has no {field!r}"
        raise InputError(
          f"the header of {path} {state}, only {', '.join(header) or 'nothing'}"
          f"{renaming(field, set(header) - set(REQUIRED))}; it needs {', '.join(REQUIRED)} and may "
          "have split"
        )
    for row in rows:
      cells = [cell.strip() for cell in row]
      if not any(cells):
        continue  # Spreadsheets leave such rows at the end.
      if any(cells[len(header) :]):
        raise InputError(
          f"line {rows.line_num} of {path} has {len(cells)} cells and the header {len(header)}; "
          f'put quotes (") around a value with {separator!r} in it'
        )
      cells += [""] * (len(header) - len(cells))
      yield rows.line_num, dict(zip(header, cells))
  except csv.Error as error:
    raise InputError(
      f"manifest {path} is not a table in UTF-8 ({error}); save it as one"
    ) from error


def _json_row(path: pathlib.Path, line: int, text: str) -> dict[str, str]:
  try:
    row = parse_json(text, finite=False)  # NaN is an unknown identity.
  except ValueError as error:
    raise InputError(f"line {line} of {path} is not JSON ({error}); correct the line") from error
  if not isinstance(row, dict):
    raise InputError(f"line {line} of {path} must be a JSON object with {', '.join(REQUIRED)}")
  for field, value in row.items():
    whole = isinstance(value, float) and (value != value or value.is_integer())
    plain = isinstance(value, str | int | None) and not isinstance(value, bool)
    if field in (*REQUIRED, "split") and not (whole or plain):
      raise InputError(
        f"line {line} of {path} has {field} {value!r}, which must be a text or a whole number"
      )
    if isinstance(value, str) and not _is_text(value):
      raise InputError(f"line {line} of {path} has {field} {value!a}, which is not text")
  return {field: "" if value is None else str(value).strip() for field, value in row.items()}


def _is_text(value: str) -> bool:
  """Whether a text has whole characters alone; JSON lets halves (surrogates) through."""
  return not any("\ud800" <= letter <= "\udfff" for letter in value)


def _splits(
  path: pathlib.Path, rows: list[_Tracklet], table: TrackletTable, seed: int
) -> tuple[np.ndarray, tuple[str, ...]]:
  """str[n], the split of each tracklet, and sentences about it."""
  unsplit = [row for row in rows if row.split is None]
  if not unsplit:
    return np.array([row.split for row in rows]), ()
  if len(unsplit) < len(rows):
    raise InputError(
      f"line {unsplit[0].line} of {path} has no 'split', but other rows have one; give every row "
      f"one of {', '.join(SPLITS)}, or none"
    )
  people = np.setdiff1d(table.identities, [JUNK])
  if len(people) < 2:
    raise InputError(
      f"manifest {path} has no 'split' and {len(people)} identities, but halves for training and "
      "testing need two; add identities or splits"
    )
  tested = people[shuffled(len(people), seed)[: len(people) // 2]]
  warning = (
    f"{path} has no 'split': {len(people) - len(tested)} identities train and {len(tested)}, drawn "
    f"with seed {seed}, test; a column split chooses them"
  )
  return np.where(np.isin(table.identities, tested), "test", "train"), (warning,)
