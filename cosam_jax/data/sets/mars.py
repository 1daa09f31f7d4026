"""MARS: a list of frame names and MATLAB matrices that cut it into tracklets.

A row of `track_train_info` or `track_test_info` is [first line, last line, identity, camera],
1-based and inclusive, into `train_name.txt` or `test_name.txt`; `query_IDX` counts test rows from
1. A frame `0065C1T0002F016.jpg` (identity 0065, camera 1, tracklet 2, frame 16) lies in the folder
`bbox_train/0065` or `bbox_test/0065`. Identity `00-1` is junk and dropped; `0000` is a distractor
that stays in the gallery and matches nobody.

Zheng et al., MARS: A Video Benchmark for Large-Scale Person Re-Identification, ECCV 2016.
"""

import os
import pathlib

import numpy as np

from cosam_jax.data import expected, links, listing
from cosam_jax.data.identities import JUNK
from cosam_jax.data.layouts import require_mars_folders, suggest_root
from cosam_jax.data.matlab import read_matrix
from cosam_jax.data.other_content import other_content
from cosam_jax.data.sets.registry import About
from cosam_jax.data.tracklets import FilePaths, Tables, TrackletTable
from cosam_jax.errors import InputError
from cosam_jax.runtime.outside_files import read_text

INFO_FILES = (
  "train_name.txt",
  "test_name.txt",
  "tracks_train_info.mat",
  "tracks_test_info.mat",
  "query_IDX.mat",
)
_WIDEST = 64
_CONTENTS = "MARS: bbox_train/, bbox_test/ and info/ with " + ", ".join(INFO_FILES)
ABOUT = About(
  description="MARS: tracklets of 1,261 pedestrians seen by six cameras on a campus.",
  homepage="http://zheng-lab.cecs.anu.edu.au/Project/project_mars.html",
  citation="""@inproceedings{zheng2016mars,
  title={{MARS}: A Video Benchmark for Large-Scale Person Re-Identification},
  author={Zheng, Liang and Bie, Zhi and Sun, Yifan and Wang, Jingdong and Su, Chi and
    Wang, Shengjin and Tian, Qi},
  booktitle={European Conference on Computer Vision},
  year={2016}
}""",
  unpacking=(
    "Unpack bbox_train.zip and bbox_test.zip and put the official info/ folder (train_name.txt, "
    "test_name.txt, tracks_train_info.mat, tracks_test_info.mat, query_IDX.mat) beside them; "
    "manual_dir is the folder that holds bbox_train, bbox_test and info."
  ),
)


def read_mars(
  data_dir: str | os.PathLike,
  *,
  check_files: bool = True,
  name: str = "mars",
  follow_links: bool = False,
) -> Tables:
  """Reads MARS, or anything in its layout.

  Args:
    data_dir: directory with `bbox_train/`, `bbox_test/` and the five info files, either in `info/`
      or in the directory itself.
    check_files: whether every frame of the tables must be on disk; otherwise only the index is
      read.
    name: the data set's name; `mars` has published counts to compare with.
    follow_links: whether info files may be links out of the directory.

  Returns:
    Tables whose gallery is the reference one (junk dropped, queries taken out: 9,330 tracklets in
    the full release), with the official one (queries in) in `official`.

  Raises:
    InputError: a file is missing or damaged, a row contradicts the names, or a frame is missing.
  """
  root = listing.require_directory(data_dir, _CONTENTS)
  info = root / "info" if (root / "info").is_dir() else root
  missing = [file for file in INFO_FILES if not (info / file).is_file()]
  if missing:
    raise InputError(
      f"info file {info / missing[0]} is missing ({len(missing)} of {len(INFO_FILES)} are); "
      f"data_dir must hold {_CONTENTS}: copy it from the official release or correct data_dir"
      f"{suggest_root(root, ('bbox_train', 'bbox_test', 'info'))}"
    )
  links.require_inside(root, [info / file for file in INFO_FILES], allowed=follow_links)
  train = _read_split(root, info, "train")
  test = _read_split(root, info, "test")
  rows = _query_rows(info / "query_IDX.mat", test)
  kept = test.identities != JUNK
  reference = kept.copy()
  reference[rows] = False
  tables = Tables(
    name=name,
    train=train.select(train.identities != JUNK),
    query=test.select(rows),
    gallery=test.select(reference),
    official=test.select(kept),
  )
  if check_files:
    require_mars_folders({"bbox_train": tables.train, "bbox_test": test.select(kept)})
    listing.require_frames([tables.train, test.select(kept)])
  return expected.check_counts(tables)


def _read_split(root: pathlib.Path, info: pathlib.Path, split: str) -> TrackletTable:
  """All rows of one info matrix as a table, checked against the names that they point to."""
  list_path, mat_path = info / f"{split}_name.txt", info / f"tracks_{split}_info.mat"
  files = read_names(list_path)
  rows = read_matrix(mat_path, f"track_{split}_info")
  if rows.shape[1] != 4:
    raise InputError(
      f"track_{split}_info of {mat_path} has {rows.shape[1]} columns, but a row is [first line, "
      "last line, identity, camera]; use the file of the official release"
    )
  check_rows(files, rows, list_path, mat_path)
  identities, folder_ids = np.unique(_columns(files, 4), return_inverse=True)
  folders = np.char.add(f"bbox_{split}/".encode(), identities)
  store = FilePaths(root, folders, folder_ids.reshape(-1).astype(np.int32), files)
  starts = rows[:, 0] - 1
  return TrackletTable(
    frames=store,
    starts=starts,
    lengths=rows[:, 1] - starts,
    identities=rows[:, 2],
    cameras=rows[:, 3],
    names=_columns(files, 11)[starts].astype(np.str_),
  )


def read_names(path: pathlib.Path) -> np.ndarray:
  """Returns bytes[f], the lines of a name list; a million names take less than a second.

  Raises:
    InputError: the file is not text, or a line is not a MARS name; absolute paths and paths with
      `..` are not MARS names.
  """
  content = read_text(path, "name list", "copy it again from the official release").encode()
  other = other_content(content)
  if other:
    raise InputError(f"name list {path} cannot be read: {other}")
  lines = content.rstrip().splitlines() or [b""]
  # Otherwise one damaged line of megabytes would make the row of every name as wide.
  names = np.array([line[:_WIDEST] for line in lines], np.bytes_)
  wrong = np.flatnonzero(~_well_formed(names))
  if len(wrong):
    text = os.fsdecode(lines[wrong[0]][:200])
    reason = listing.unsafe_reason(text)
    raise InputError(
      f"line {wrong[0] + 1} of {path} is {text!r}, which {reason or 'is not a MARS name'}"
      f" ({len(wrong):,} such lines); a name is like 0065C1T0002F016.jpg: correct the list"
    )
  return names


def check_rows(
  files: np.ndarray, rows: np.ndarray, list_path: pathlib.Path, mat_path: pathlib.Path
) -> None:
  """Compares every row [first, last, identity, camera] with every name that it spans.

  Raises:
    InputError: a row is empty, points past the list, holds a name of another identity or camera, or
      spans two tracklets; the error quotes the first such row and the name.
  """
  first, last, identity, camera = rows.T

  def describe(i: int) -> str:
    return (
      f"row {i + 1} of {mat_path} (lines {first[i]} to {last[i]}, identity {identity[i]}, "
      f"camera {camera[i]})"
    )

  outside = np.flatnonzero((first < 1) | (first > len(files)) | (last > len(files)))
  if len(outside):
    raise InputError(
      f"{describe(outside[0])} points past the names: {list_path} has {len(files):,} lines; the "
      "two files are not of the same release, so copy both again"
    )
  empty = np.flatnonzero(last < first)
  if len(empty):
    raise InputError(
      f"{describe(empty[0])} is an empty tracklet: its last line comes before its first; correct "
      "or remove the row"
    )
  lengths = last - first + 1
  row_of = np.repeat(np.arange(len(rows)), lengths)
  spans = np.arange(len(row_of)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
  lines = np.repeat(first - 1, lengths) + spans
  named_identity, named_camera = name_fields(files)
  wrong = (named_identity[lines] != identity[row_of]) | (named_camera[lines] != camera[row_of])
  if wrong.any():
    k = int(np.argmax(wrong))
    i, line = row_of[k], lines[k]
    others = np.unique(named_identity[lines[row_of == i]])
    two = f", so the tracklet holds {len(others)} identities" if len(others) > 1 else ""
    raise InputError(
      f"{describe(i)} contradicts line {line + 1} of {list_path}, {os.fsdecode(files[line])!r}: "
      f"identity {named_identity[line]}, camera {named_camera[line]}{two}; correct one of the two"
    )
  tracklet = _columns(files, 11)
  mixed = tracklet[lines] != tracklet[first - 1][row_of]
  if mixed.any():
    k = int(np.argmax(mixed))
    raise InputError(
      f"{describe(row_of[k])} spans two tracklets of {list_path}: it begins with "
      f"{os.fsdecode(files[first[row_of[k]] - 1])!r}, but line {lines[k] + 1} is "
      f"{os.fsdecode(files[lines[k]])!r}; correct its first or last line"
    )


def name_fields(files: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Returns (int32[f], int32[f]), the identities and cameras that well-formed names state."""
  letters = _letters(files)
  digits = letters[:, :4].astype(np.int32) - ord("0")
  identities = digits @ np.array([1000, 100, 10, 1], np.int32)
  identities[letters[:, 2] == ord("-")] = JUNK
  return identities, letters[:, 5].astype(np.int32) - ord("0")


def _well_formed(files: np.ndarray) -> np.ndarray:
  """bool[f], which names are `(dddd|00-1)CdTddddFddd+.jpg`; vectorised over the names."""
  letters = _letters(files)
  if letters.shape[1] < len("0001C1T0001F001.jpg"):
    return np.zeros(len(files), bool)
  digit = (letters >= ord("0")) & (letters <= ord("9"))
  good = digit[:, :4].all(1) | (letters[:, :4] == np.frombuffer(b"00-1", np.uint8)).all(1)
  for position, letter in ((4, "C"), (6, "T"), (11, "F")):
    good &= letters[:, position] == ord(letter)
  good &= digit[:, 5] & digit[:, 7:11].all(1) & digit[:, 12:15].all(1)
  lengths = np.char.str_len(files)
  for length in np.unique(lengths):
    same = lengths == length
    if length < len("0001C1T0001F001.jpg"):
      good[same] = False
      continue
    suffix = (letters[:, length - 4 : length] == np.frombuffer(b".jpg", np.uint8)).all(1)
    good &= ~same | (suffix & digit[:, 12 : length - 4].all(1) & (length < _WIDEST))
  return good


def _letters(files: np.ndarray) -> np.ndarray:
  """uint8[f, width], the characters of the names; shorter names end in zeros."""
  files = np.ascontiguousarray(files)
  return files.view(np.uint8).reshape(len(files), files.dtype.itemsize)


def _columns(files: np.ndarray, width: int) -> np.ndarray:
  """bytes[f], the first `width` characters of each name."""
  return np.ascontiguousarray(_letters(files)[:, :width]).view(f"S{width}").reshape(-1)


def _query_rows(path: pathlib.Path, test: TrackletTable) -> np.ndarray:
  """int64[q], the rows of the test table that are queries, checked."""
  numbers = read_matrix(path, "query_IDX").reshape(-1)
  outside = numbers[(numbers < 1) | (numbers > len(test))]
  if len(outside):
    raise InputError(
      f"query_IDX of {path} names row {outside[0]}, but there are {len(test):,} test tracklets, "
      "counted from 1; use the file of the same release"
    )
  rows = numbers - 1
  unique, counts = np.unique(rows, return_counts=True)
  if (counts > 1).any():
    raise InputError(
      f"query_IDX of {path} names row {unique[counts > 1][0] + 1} twice; name each query once"
    )
  junk = rows[test.identities[rows] == JUNK]
  if len(junk):
    raise InputError(
      f"query_IDX of {path} names row {junk[0] + 1}, which is junk (identity 00-1); a query needs "
      "an identity: use the file of the official release"
    )
  return rows
