"""The nearest gallery vectors of each query, exactly, for galleries larger than memory.

The gallery is read once, in blocks. A device (or every device of a mesh, each its share of a
block) keeps the best candidates of each query, a few more than are wanted; their distances are
then computed again in double precision, which also says whether rounding can have hidden a better
one. Where it can, the query is searched again with more candidates, and at last row by row.

Notation: `Q` queries, `G` gallery entries, `D` embedding size, `k` neighbours wanted.
"""

import dataclasses
import functools
import os
import pathlib
import sys
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import tqdm
from jax.sharding import Mesh

from cosam_jax.errors import InputError
from cosam_jax.evaluation.distances import (
  check_features,
  check_same_width,
  distance_function,
)
from cosam_jax.training import mesh as meshes

BLOCK_ROWS = 16384
"""Gallery rows on the devices at once; with 2,048 dimensions 128 MiB."""
QUERY_ROWS = 1024
"""Queries compared at once, so that distances take QUERY_ROWS x BLOCK_ROWS floats at most."""
BACKENDS = ("device", "faiss")
_SPARE = (16, 256)  # Candidates beyond k, at the first and at the second try.
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


class VectorFile:
  """The matrix in a `.npy` file, of which only the rows in use are in memory.

  Raises:
    InputError: no such file, or not a matrix of real numbers.
  """

  def __init__(self, path: str | os.PathLike):
    self._path = pathlib.Path(path)
    try:
      array = self._open()
    except (OSError, ValueError, EOFError) as error:
      raise InputError(
        f"{path} cannot be read as vectors ({error}): give a .npy file of a float [n, D] matrix"
      ) from error
    if array.ndim != 2 or not array.size or array.dtype.kind != "f":
      raise InputError(
        f"{path} holds {array.dtype}{list(array.shape)}: vectors are a non-empty float [n, D] "
        "matrix"
      )
    self.shape = array.shape

  def __getitem__(self, rows: Any) -> np.ndarray:
    # Mapped anew each time: pages of an open map would count as this process's memory.
    return np.array(self._open()[rows], np.float32)

  def _open(self) -> np.ndarray:
    return np.load(self._path, mmap_mode="r", allow_pickle=False)


@dataclasses.dataclass(frozen=True, eq=False)
class Neighbours:
  """What was found.

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
  """The `k` nearest gallery entries of each query; never Q x G numbers in memory.

  Args:
    queries: float[Q, D].
    gallery: [G, D], see `Rows`.
    k: how many; all of the gallery where it has fewer.
    distance: "sqeuclidean" or "cosine", as in `distances`.
    where: the mesh that shares each block; None: the default device.
    backend: who finds candidates: "device" (jax) or "faiss" (the extra of that name).
    block_rows: gallery rows in memory at once.
    progress: whether to show a progress bar; None: if standard error is a terminal.

  Raises:
    InputError: features of different widths or with NaN or infinity, `k` below 1, an unknown
      distance or backend, or FAISS not installed.
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
  search = _Faiss if backend == "faiss" else functools.partial(_Device, where=where)
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


class _Device:
  """Candidates by jax; each device of a mesh looks at its share of a block."""

  def __init__(self, queries: np.ndarray, count: int, distance: str, *, where: Mesh | None):
    self._count, self._distance = count, distance
    self._whole = meshes.replicated(where) if where else None
    self._split = meshes.split_batch(where) if where else None
    self._devices = where.size if where else 1
    chunks = [queries[i : i + QUERY_ROWS] for i in range(0, len(queries), QUERY_ROWS)]
    self._queries = [jax.device_put(chunk, self._whole) for chunk in chunks]
    self._best = [
      jax.device_put(
        (np.full((len(chunk), count), np.inf, np.float32), np.zeros((len(chunk), count), np.int32)),
        self._whole,
      )
      for chunk in chunks
    ]

  def add(self, block: np.ndarray, first: int) -> None:
    """Compares a block whose first row is gallery row `first`; returns before the device ends."""
    share = -(-len(block) // self._devices)
    filled = np.zeros((self._devices * share, block.shape[1]), np.float32)
    filled[: len(block)] = block
    # At most one block waits on the devices while the next one is read.
    jax.block_until_ready(self._best)
    shares = jax.device_put(filled.reshape(self._devices, share, -1), self._split)
    for i, (queries, best) in enumerate(zip(self._queries, self._best)):
      self._best[i] = _merge(
        best, queries, shares, first, len(block), distance=self._distance, count=self._count
      )

  def best(self) -> tuple[np.ndarray, np.ndarray]:
    """float32[Q, count] rounded distances, ascending, and their int[Q, count] gallery rows."""
    distances, rows = zip(*jax.device_get(self._best))
    return np.concatenate(distances), np.concatenate(rows)


@functools.partial(jax.jit, static_argnames=("distance", "count"), donate_argnums=0)
def _merge(best, queries, shares, first, valid, *, distance, count):
  """The best of what is known (float32[q, count], int32[q, count]) and a block [n, share, D]."""
  devices, share, _ = shares.shape
  rows = jnp.arange(devices * share, dtype=jnp.int32).reshape(devices, 1, share)
  # Per device, so that only the best of each share travel: top_k of a split axis would gather it.
  found = jax.vmap(distance_function(distance), (None, 0))(queries, shares)
  found = jnp.where(rows < valid, found, jnp.inf)
  near, at = jax.lax.top_k(-found, min(count, share))
  at = at + share * jnp.arange(devices, dtype=jnp.int32)[:, None, None] + first
  near, at = (jnp.moveaxis(x, 0, 1).reshape(len(queries), -1) for x in (-near, at))
  # top_k puts the first of equals first, and both parts are in gallery order among equals.
  near, at = jnp.concatenate([best[0], near], 1), jnp.concatenate([best[1], at], 1)
  nearest_first, chosen = jax.lax.top_k(-near, count)
  return -nearest_first, jnp.take_along_axis(at, chosen, 1)


class _Faiss:
  """Candidates by FAISS's exhaustive index, a block at a time."""

  def __init__(self, queries: np.ndarray, count: int, distance: str):
    try:
      import faiss
    except ImportError as error:
      raise InputError(
        "FAISS is not installed: pip install 'cosam-jax[faiss]', or search with the backend device"
      ) from error
    self._faiss, self._count, self._cosine = faiss, count, distance == "cosine"
    self._queries = self._prepared(queries)
    self._near = np.full((len(queries), 0), np.inf, np.float32)
    self._rows = np.zeros((len(queries), 0), np.int64)

  def _prepared(self, vectors: np.ndarray) -> np.ndarray:
    # Half the squared distance of unit vectors is 1 - cos; a zero vector would be at 1/2, not 1.
    return _unit(vectors).astype(np.float32) if self._cosine else vectors

  def add(self, block: np.ndarray, first: int) -> None:
    """Compares a block whose first row is gallery row `first`."""
    index = self._faiss.IndexFlatL2(block.shape[1])
    index.add(self._prepared(block))
    near, rows = index.search(self._queries, min(self._count, len(block)))
    if self._cosine:
      near = np.where(np.any(block[rows] != 0, axis=2), near / 2, 1.0)
    near = np.concatenate([self._near, near], 1)
    rows = np.concatenate([self._rows, rows + first], 1)
    order = np.lexsort((rows, near), axis=1)[:, : self._count]
    self._near, self._rows = (np.take_along_axis(x, order, 1) for x in (near, rows))

  def best(self) -> tuple[np.ndarray, np.ndarray]:
    """As of `_Device`."""
    return self._near, self._rows


def _rounding(queries: np.ndarray, largest: float, distance: str) -> np.ndarray:
  """float64[Q], how far a float32 distance may be from the true one.

  The classic bound of a sum of D products, twice: D * 2^-24 * (|q| + |g|)^2.
  """
  norms = np.linalg.norm(queries.astype(np.float64), axis=1)
  scale = np.full(len(queries), 4.0) if distance == "cosine" else (norms + largest**0.5) ** 2
  return 2.0**-23 * (queries.shape[1] + 8) * scale


def _exactly(
  query: np.ndarray, gallery: Rows, rows: np.ndarray, k: int, distance: str
) -> tuple[np.ndarray, np.ndarray]:
  """The `k` nearest of some rows, in double precision: (rows, distances)."""
  exact = _distances(query, gallery[rows], distance)
  order = np.lexsort((rows, exact))[:k]
  return rows[order].astype(np.int64), exact[order]


def _distances(query: np.ndarray, vectors: np.ndarray, distance: str) -> np.ndarray:
  """float64[n]; by differences, so that equal vectors have exactly equal distances."""
  query, vectors = query[None].astype(np.float64), vectors.astype(np.float64)
  if distance == "cosine":
    return 1.0 - (_unit(query) * _unit(vectors)).sum(axis=1)
  return np.square(query - vectors).sum(axis=1)


def _unit(vectors: np.ndarray) -> np.ndarray:
  """float64[n, D], rows of length 1; a zero row stays zero."""
  vectors = vectors.astype(np.float64)
  norms = np.linalg.norm(vectors, axis=1, keepdims=True)
  return vectors / np.where(norms > 0, norms, 1.0)


def _scan(query: np.ndarray, gallery: Rows, k: int, distance: str) -> tuple[np.ndarray, np.ndarray]:
  """The `k` nearest by every row in double precision: slow, for what rounding cannot tell apart."""
  rows, near = np.zeros(0, np.int64), np.zeros(0, np.float64)
  for first in range(0, gallery.shape[0], _SCAN_ROWS):
    block = gallery[first : first + _SCAN_ROWS]
    near = np.concatenate([near, _distances(query, block, distance)])
    rows = np.concatenate([rows, np.arange(first, first + len(block))])
    order = np.lexsort((rows, near))[:k]
    rows, near = rows[order], near[order]
  return rows, near
