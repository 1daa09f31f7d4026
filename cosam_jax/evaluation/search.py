"""The nearest gallery vectors of each query, exactly, for galleries larger than memory.

The gallery is read once, in blocks. A device (or every device of a mesh, each for its share of a
block) keeps the best candidates of each query, a few more than are wanted. Their distances are then
computed again in double precision, which also shows whether rounding may have hidden a better one.
If it may, the query is searched again with more candidates, and at last row by row.

Notation: `Q` queries, `G` gallery entries, `D` embedding size, `k` neighbours wanted.
"""

import dataclasses
import functools
import os
import pathlib
import sys
from typing import Any, Protocol

import numpy as np
import tqdm
from jax.sharding import Mesh

from cosam_jax.errors import InputError
from cosam_jax.evaluation.candidates import (
  DeviceCandidates,
  FaissCandidates,
  unit_distances,
  unit_rows,
)
from cosam_jax.evaluation.distances import (
  check_features,
  check_same_width,
  distance_function,
)
from cosam_jax.runtime.outside_files import open_regular

BLOCK_ROWS = 16384
"""Gallery rows on the devices at once; with 2,048 dimensions 128 MiB."""
BACKENDS = ("device", "faiss")
_SPARE = (16, 256)  # Candidates beyond k in the first and the second attempt.
_SCAN_ROWS = 1024


class Rows(Protocol):
  """A matrix that is read by rows: an array, a memory map, or `VectorFile`."""

  @property
  def shape(self) -> tuple[int, ...]:
    """(G, D)."""
    ...

  def __getitem__(self, rows: Any) -> np.ndarray:
    """The rows of a slice or of an index array, [n, D]."""
    ...


class ChosenRows:
  """Some rows of a matrix, in ascending order; rows are copied only when they are asked for."""

  def __init__(self, matrix: Rows, rows: np.ndarray):
    self._matrix, self._rows = matrix, rows

  @property
  def shape(self) -> tuple[int, ...]:
    """(G, D)."""
    return len(self._rows), *self._matrix.shape[1:]

  def __getitem__(self, rows: Any) -> np.ndarray:
    """The rows of a slice or of an index array, [n, D]."""
    return self._matrix[self._rows[rows]]


class VectorFile:
  """The matrix in a `.npy` file; only the rows in use are in memory.

  Raises:
    InputError: the file does not exist, or is not a matrix of real numbers.
  """

  def __init__(self, path: str | os.PathLike):
    self._path = pathlib.Path(path)
    try:
      open_regular(self._path).close()  # Mapping a named pipe would wait for its writer.
      array = self._open()
    except Exception as error:  # For a damaged header, numpy and Python raise many kinds.
      reason = " ".join(str(getattr(error, "strerror", None) or error).split())[:200]
      raise InputError(
        f"{path} cannot be read as vectors ({reason}): give a .npy file of a float [n, D] matrix"
      ) from error
    if array.ndim != 2 or not array.size or array.dtype.kind != "f":
      raise InputError(
        f"{path} holds {array.dtype}{list(array.shape)}: vectors are a non-empty float [n, D] "
        "matrix"
      )
    self.shape = array.shape

  def __getitem__(self, rows: Any) -> np.ndarray:
    # Mapped anew each time, since pages of an open map would count as this process's memory.
    return np.array(self._open()[rows], np.float32)

  def _open(self) -> np.ndarray:
    return np.load(self._path, mmap_mode="r", allow_pickle=False)


@dataclasses.dataclass(frozen=True, eq=False)
class Neighbours:
  """The nearest neighbours of each query.

  Attributes:
    rows: int64[Q, k], gallery rows, nearest first; equal distances in gallery order.
    distances: float64[Q, k].
  """

  rows: np.ndarray
  distances: np.ndarray


def nearest(
  queries: np.ndarray,
  gallery: Rows,
  k: int,
  *,
  distance: str = "sqeuclidean",
  where: Mesh | None = None,
  backend: str = "device",
  block_rows: int = BLOCK_ROWS,
  progress: bool | None = None,
) -> Neighbours:
  """The `k` nearest gallery entries of each query, without Q x G numbers in memory.

  Args:
    queries: float[Q, D].
    gallery: [G, D], see `Rows`.
    k: number of neighbours; all of the gallery if it has fewer.
    distance: "sqeuclidean" or "cosine", as in `distances`.
    where: the mesh that shares each block; None: the default device.
    backend: finds the candidates: "device" (jax) or "faiss" (the extra of that name).
    block_rows: gallery rows in memory at once.
    progress: whether to show a progress bar; None: if standard error is a terminal.

  Raises:
    InputError: features differ in width or hold NaN or infinity, `k` is below 1, the distance or
      backend is unknown, or FAISS is not installed.
  """
  distance_function(distance)
  if backend not in BACKENDS:
    raise InputError(f"backend is {backend!r}: use one of {', '.join(BACKENDS)}")
  if k < 1:
    raise InputError(f"k is {k}: ask for at least 1 neighbour")
  queries = check_features(queries, "query")
  check_same_width(queries, np.empty((0, gallery.shape[1])))
  size, k = gallery.shape[0], min(k, gallery.shape[0])
  rows = np.empty((len(queries), k), np.int64)
  distances = np.empty((len(queries), k), np.float64)
  hidden = not (sys.stderr.isatty() if progress is None else progress)
  search = (
    FaissCandidates if backend == "faiss" else functools.partial(DeviceCandidates, where=where)
  )
  left = np.arange(len(queries))
  for spare in _SPARE:
    if not len(left):
      break
    count = min(k + spare, size)
    finder = search(queries[left], count, distance)
    largest = 0.0
    with tqdm.tqdm(total=size, desc="search", unit="row", disable=hidden) as bar:
      for first in range(0, size, block_rows):
        block = _block(gallery, first, block_rows)
        largest = max(largest, float(np.einsum("ij,ij->i", block, block).max()))
        finder.add(block, first)
        bar.update(len(block))
    rough, candidates = finder.best()
    bound = _rounding(queries[left], largest, distance)
    sure = np.zeros(len(left), bool)
    for i, query in enumerate(left):
      rows[query], distances[query] = _exactly(queries[query], gallery, candidates[i], k, distance)
      sure[i] = count == size or rough[i, -1] - bound[i] > distances[query, -1]
    left = left[~sure]
  for query in tqdm.tqdm(left, desc="search row by row", disable=hidden or not len(left)):
    rows[query], distances[query] = _scan(queries[query], gallery, k, distance)
  return Neighbours(rows, distances)


def _block(gallery: Rows, first: int, block_rows: int) -> np.ndarray:
  block = np.asarray(gallery[first : first + block_rows], np.float32)
  if not np.isfinite(block).all():
    row = first + int(np.argmin(np.isfinite(block).all(axis=1)))
    raise InputError(
      f"The features of gallery row {row} hold NaN or infinity; features must be finite, so look "
      "at the frames of that tracklet and at the weights of the network."
    )
  return block


def _rounding(queries: np.ndarray, largest: float, distance: str) -> np.ndarray:
  """float64[Q], the largest possible error of a float32 distance.

  The classic bound of a sum of D products, twice: D * 2^-24 * (|q| + |g|)^2.
  """
  norms = np.linalg.norm(queries.astype(np.float64), axis=1)
  scale = np.full(len(queries), 4.0) if distance == "cosine" else (norms + largest**0.5) ** 2
  return 2.0**-23 * (queries.shape[1] + 8) * scale


def _exactly(
  query: np.ndarray, gallery: Rows, rows: np.ndarray, k: int, distance: str
) -> tuple[np.ndarray, np.ndarray]:
  """The `k` nearest of some rows, in double precision: (rows, distances)."""
  exact = exact_distances(query, gallery[rows], distance)
  order = np.lexsort((rows, exact))[:k]
  return rows[order].astype(np.int64), exact[order]


def exact_distances(query: np.ndarray, vectors: np.ndarray, distance: str) -> np.ndarray:
  """float64[n], in double precision; by differences, so that equal vectors have equal distances.

  Args:
    query: float[D].
    vectors: float[n, D].
    distance: "sqeuclidean" or "cosine".
  """
  if distance == "cosine":
    return unit_distances(unit_rows(query[None]), unit_rows(vectors))
  return np.square(query[None].astype(np.float64) - vectors.astype(np.float64)).sum(axis=1)


def _scan(query: np.ndarray, gallery: Rows, k: int, distance: str) -> tuple[np.ndarray, np.ndarray]:
  """The `k` nearest, by every row in double precision: slow, for ties within rounding."""
  rows, near = np.zeros(0, np.int64), np.zeros(0, np.float64)
  for first in range(0, gallery.shape[0], _SCAN_ROWS):
    block = gallery[first : first + _SCAN_ROWS]
    near = np.concatenate([near, exact_distances(query, block, distance)])
    rows = np.concatenate([rows, np.arange(first, first + len(block))])
    order = np.lexsort((rows, near))[:k]
    rows, near = rows[order], near[order]
  return rows, near
