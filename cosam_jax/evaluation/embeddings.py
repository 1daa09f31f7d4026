"""Embeddings on disk: vectors with everything needed to rank them without network or frames.

One `.npz` file of plain arrays and one text (JSON), read without pickle:

  vectors         float32[n, D]   one for each tracklet, the mean of its clips
  identities      int64[n]        -1 if unknown
  cameras         int64[n]
  names           str[n]
  lengths         int64[n]        frames of the tracklet, of which a protocol may use fewer
  query_rows      int64[Q]        rows of `vectors` that are queries; may be empty
  reference_rows  int64[G]        the gallery without the queries, in gallery order; may be empty
  official_rows   int64[G']       the gallery that leaves them in; may be empty
  clip_vectors    float32[m, D]   every clip of every tracklet, or none at all
  clip_owners     int64[m]        the tracklet of each clip, ascending; clips in the order of time
  about           str             the fields of `Origin` as JSON

Files of earlier versions have int32 in place of int64, and are read.

The columns of `sightings` say where and when each tracklet was seen, if this is known.

Notation: `n` tracklets, `D` embedding size, `m` clips, `Q` queries, `G` gallery entries.
"""

import dataclasses
import functools
import os
import sys
from typing import Any

import numpy as np

from cosam_jax.data.identities import Numbering, numbering_of
from cosam_jax.data.npz_files import read_npz, write_npz
from cosam_jax.data.table_columns import require_whole_names
from cosam_jax.data.tracklets import TrackletTable
from cosam_jax.errors import InputError
from cosam_jax.evaluation import distances, protocol, sightings
from cosam_jax.evaluation.origin import Origin, check_about
from cosam_jax.evaluation.protocol_names import parse_protocol
from cosam_jax.evaluation.sightings import Sighting
from cosam_jax.runtime.json_files import parse_json
from cosam_jax.runtime.user_paths import user_path

FORMAT = 1
_LARGEST = np.iinfo(np.int64).max
_LONGEST = 1 << 31  # Most frames of a tracklet, so that the sum over all fits 64 bits.
EMBEDDINGS_FILE = "embeddings.npz"
_UNKNOWN: Any = None  # Becomes a column of unknown entries.


@dataclasses.dataclass(frozen=True, eq=False)
class Embeddings:
  """Vectors with everything needed to rank them; the module's docstring describes the arrays.

  Raises:
    InputError: the arrays do not fit together, or the vectors hold NaN or infinity.
  """

  origin: Origin
  vectors: np.ndarray
  identities: np.ndarray
  cameras: np.ndarray
  names: np.ndarray
  lengths: np.ndarray
  query_rows: np.ndarray
  reference_rows: np.ndarray
  official_rows: np.ndarray
  clip_vectors: np.ndarray
  clip_owners: np.ndarray
  camera_names: np.ndarray = _UNKNOWN
  sources: np.ndarray = _UNKNOWN
  first_frames: np.ndarray = _UNKNOWN
  last_frames: np.ndarray = _UNKNOWN
  first_times: np.ndarray = _UNKNOWN
  last_times: np.ndarray = _UNKNOWN

  def __post_init__(self):
    for name, (kind, dtype) in _ARRAYS.items():
      given = getattr(self, name)
      array = np.asarray(given)
      if name == "names":
        require_whole_names(given)
      if array.size and not np.issubdtype(array.dtype, kind):
        raise InputError(f"{name} of the embeddings is {array.dtype}: it must be {dtype}")
      if array.size and array.dtype.kind == "u" and int(array.max()) > _LARGEST:
        raise InputError(f"{name} of the embeddings has {array.max()}: at most {_LARGEST} is read")
      object.__setattr__(self, name, array if kind is np.str_ else array.astype(dtype))
    object.__setattr__(
      self, "vectors", distances.check_features(self.vectors, "embedded", self.names)
    )
    self._check_shapes()
    for name in sightings.COLUMNS:
      column = sightings.column(name, getattr(self, name), len(self.vectors))
      object.__setattr__(self, name, column)

  def seen(self, row: int) -> Sighting:
    """The place and time at which a tracklet was seen."""
    return sightings.sighting(self, row, self._numbering)

  @functools.cached_property
  def _numbering(self) -> Numbering:
    return numbering_of(self.origin.dataset, self.origin.numbering)

  def _check_shapes(self) -> None:
    count, width = self.vectors.shape
    wanted: dict[str, tuple[int, ...]] = dict.fromkeys(
      ("identities", "cameras", "names", "lengths"), (count,)
    )
    wanted["clip_vectors"] = (len(self.clip_owners), width)
    for name, shape in wanted.items():
      if getattr(self, name).shape != shape:
        raise InputError(
          f"{name} of the embeddings has shape {getattr(self, name).shape}: with {count} vectors "
          f"of {width} dimensions it must be {shape}"
        )
    for name in ("query_rows", "reference_rows", "official_rows", "clip_owners"):
      rows = getattr(self, name)
      if rows.ndim != 1 or (rows.size and not 0 <= rows.min() <= rows.max() < count):
        raise InputError(f"{name} of the embeddings must list rows from 0 to {count - 1}")
    if ((self.lengths < 1) | (self.lengths > _LONGEST)).any():
      raise InputError(f"lengths of the embeddings must be at least 1 and at most {_LONGEST}")
    owners = self.clip_owners
    if len(owners) and ((np.diff(owners) < 0).any() or len(np.unique(owners)) != count):
      raise InputError("clip_owners of the embeddings must ascend and name every tracklet")
    if not np.isfinite(self.clip_vectors).all():
      row = owners[np.argmin(np.isfinite(self.clip_vectors).all(axis=1))]
      raise InputError(f"a clip of tracklet {self.names[row]} has a vector with NaN or infinity")

  def evaluation(self, name: str | None = None) -> protocol.Evaluation:
    """The queries and the gallery of a protocol.

    Args:
      name: see `protocol.Settings`; None: the protocol that the embeddings were made for.

    Raises:
      InputError: the protocol needs other frames than were embedded, or there are no queries or no
        matches.
    """
    name = self.origin.protocol if name is None else name
    kind, frames = parse_protocol(name)
    embedded = parse_protocol(self.origin.protocol)[1]
    if frames != embedded:
      raise InputError(
        f"protocol is {name!r}, but the embeddings were made of "
        f"{'all' if embedded is None else f'{embedded} evenly drawn'} frames of each tracklet "
        f"({self.origin.protocol}): embed again, or use a protocol with the same frames"
      )
    lengths = self.lengths.astype(np.int64)
    table = TrackletTable(
      frames=_Forgotten(int(lengths.sum())),
      starts=np.cumsum(lengths) - lengths,
      lengths=self.lengths,
      identities=self.identities,
      cameras=self.cameras,
      names=self.names,
      numbering=self._numbering,
    )
    gallery = self.reference_rows if kind == "reference" else self.official_rows
    protocol.check_searchable(
      self.origin.dataset, table.select(self.query_rows), table.select(gallery)
    )
    return protocol.Evaluation(
      dataset=self.origin.dataset,
      protocol=name,
      table=table,
      query_rows=self.query_rows,
      gallery_rows=gallery,
      warnings=self.origin.warnings,
    )


# name -> (dtypes that a file may have, dtype that it becomes)
_ARRAYS: dict[str, tuple[type, str]] = {
  "vectors": (np.floating, "float32"),
  "identities": (np.integer, "int64"),
  "cameras": (np.integer, "int64"),
  "names": (np.str_, "str"),
  "lengths": (np.integer, "int64"),
  "query_rows": (np.integer, "int64"),
  "reference_rows": (np.integer, "int64"),
  "official_rows": (np.integer, "int64"),
  "clip_vectors": (np.floating, "float32"),
  "clip_owners": (np.integer, "int64"),
}


@dataclasses.dataclass(frozen=True)
class _Forgotten:
  """A store that knows only the number of its frames."""

  count: int

  def __len__(self) -> int:
    return self.count

  def name(self, frame: int) -> str:
    return f"frame {frame}"

  def read(self, frame: int) -> bytes:
    raise OSError(f"frame {frame} is not in a file of embeddings")


def write_embeddings(path: str | os.PathLike, embeddings: Embeddings) -> None:
  """Writes one file, whole or not at all.

  Raises:
    InputError: it cannot be written (no permission, full disk).
  """
  about = {"format": FORMAT, **dataclasses.asdict(embeddings.origin)}
  arrays = {name: getattr(embeddings, name) for name in _ARRAYS}
  columns = {name: getattr(embeddings, name) for name in sightings.COLUMNS}
  arrays |= {name: column for name, column in columns.items() if sightings.is_known(column).any()}
  write_npz(path, about, arrays, what="embeddings", again="embed")


def read_embeddings(path: str | os.PathLike) -> Embeddings:
  """Reads a file of `write_embeddings`, and checks it.

  Raises:
    InputError: the file is missing, damaged, of another kind or format, or inconsistent.
  """
  path = user_path(path)
  try:
    content = {name: _sound(array) for name, array in read_npz(path).items()}
    about = parse_json(str(content.pop("about")))
    check_about(about)
    found = about.pop("format")
    if found != FORMAT:
      raise InputError(
        f"{path} has embeddings of format {found!r} and this program reads format {FORMAT}: "
        "embed again"
      )
    origin = Origin(**{**about, "warnings": tuple(about["warnings"])})
    numbering_of(origin.dataset, origin.numbering)
    arrays = {name: content[name] for name in _ARRAYS}
    arrays |= {name: content[name] for name in sightings.COLUMNS if name in content}
  except InputError:
    raise
  except Exception as error:  # For a damaged file, zip, numpy and JSON raise many kinds.
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    raise InputError(
      f"{path} cannot be read as embeddings ({reason}): give a file that --mode=embed wrote"
    ) from error
  try:
    return Embeddings(origin, **arrays)
  except InputError as error:
    raise InputError(f"{path}: {error}; embed again") from error


def _sound(array: np.ndarray) -> np.ndarray:
  """The array; ValueError for text with numbers that are not characters, which numpy lets through.

  Python itself would fail on such a character later.
  """
  if array.dtype.kind == "U" and array.size and array.dtype.itemsize:
    codes = np.ascontiguousarray(array.reshape(-1)).view(array.dtype.byteorder + "u4")
    if codes.max() > sys.maxunicode:
      raise ValueError("text with a character that does not exist")
  return array
