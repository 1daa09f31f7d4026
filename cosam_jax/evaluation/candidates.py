"""Candidates: the best few of each query by float32 distances, a gallery block at a time.

Both kinds are used in the same way: make one with the queries, `add` every block, ask for `best`.

Notation: `Q` queries, `D` embedding size.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from cosam_jax.errors import InputError
from cosam_jax.evaluation.distances import distance_function
from cosam_jax.training import mesh as meshes

QUERY_ROWS = 1024
"""Queries compared at once: the distances take at most QUERY_ROWS x block rows floats."""
_VALUES_AT_A_TIME = 1 << 20
ROUNDED = 4 * float(np.finfo(np.float32).eps)
"""Distances below this multiple of the vectors' squares are found by differences, not products.

Those of products are rounded by about 1e-15 of the squares: nothing for others, and all of those.
"""


class DeviceCandidates:
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
    """Compares a block that begins with gallery row `first`; returns before the device is done."""
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
    """float32[Q, count], the rounded distances, ascending, and int[Q, count], the gallery rows."""
    distances, rows = zip(*jax.device_get(self._best))
    return np.concatenate(distances), np.concatenate(rows)


@functools.partial(jax.jit, static_argnames=("distance", "count"), donate_argnums=0)
def _merge(best, queries, shares, first, valid, *, distance, count):
  """The best among those so far (float32[q, count], int32[q, count]) and a block [n, share, D]."""
  devices, share, _ = shares.shape
  rows = jnp.arange(devices * share, dtype=jnp.int32).reshape(devices, 1, share)
  # Each device takes the best of its share, and only these travel; top_k over a split axis would
  # gather the whole axis.
  found = jax.vmap(distance_function(distance), (None, 0))(queries, shares)
  found = jnp.where(rows < valid, found, jnp.inf)
  near, at = jax.lax.top_k(-found, min(count, share))
  at = at + share * jnp.arange(devices, dtype=jnp.int32)[:, None, None] + first
  near, at = (jnp.moveaxis(x, 0, 1).reshape(len(queries), -1) for x in (-near, at))
  # top_k puts the first of equals first, and both parts are in gallery order among equals.
  near, at = jnp.concatenate([best[0], near], 1), jnp.concatenate([best[1], at], 1)
  nearest_first, chosen = jax.lax.top_k(-near, count)
  return -nearest_first, jnp.take_along_axis(at, chosen, 1)


class FaissCandidates:
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
    self._near: np.ndarray = np.full((len(queries), 0), np.inf, np.float32)
    self._rows: np.ndarray = np.zeros((len(queries), 0), np.int64)

  def _prepared(self, vectors: np.ndarray) -> np.ndarray:
    # Half the squared distance of unit vectors is 1 - cos; a zero vector would be at 1/2, not 1.
    return unit_rows(vectors).astype(np.float32) if self._cosine else vectors

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
    """See `DeviceCandidates`."""
    return self._near, self._rows


def unit_distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
  """float64[n], cosine distances of rows, exactly 0 for equal ones.

  Args:
    first, second: float64[n, D] or [1, D], rows of length 1, or of zeros.
  """
  found = 1.0 - (first * second).sum(axis=1)
  # |u - v|^2 = 2 - 2 u v.
  return np.where(found < ROUNDED, np.square(first - second).sum(axis=1) / 2, found)


def by_differences(
  found: np.ndarray, near: np.ndarray, first: np.ndarray, second: np.ndarray, distance: str
) -> None:
  """Replaces distances that products only round by those of `search.exact_distances`.

  Args:
    found: float64[n, m].
    near: bool[n, m], the ones to replace.
    first, second: float64[n, D] and float64[m, D]; for "cosine", rows of length 1.
    distance: "sqeuclidean" or "cosine".
  """
  i, j = np.nonzero(near)
  step = max(1, _VALUES_AT_A_TIME // first.shape[1])
  for at in range(0, len(i), step):
    here = i[at : at + step], j[at : at + step]
    ours, theirs = first[here[0]], second[here[1]]
    if distance == "cosine":
      found[here] = unit_distances(ours, theirs)
    else:
      found[here] = np.square(ours - theirs).sum(axis=1)


def unit_rows(vectors: np.ndarray) -> np.ndarray:
  """float64[n, D], rows of length 1; a zero row stays zero."""
  vectors = vectors.astype(np.float64)
  norms = np.linalg.norm(vectors, axis=1, keepdims=True)
  return vectors / np.where(norms > 0, norms, 1.0)
