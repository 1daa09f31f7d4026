"""k-reciprocal re-ranking, in float32 and without any N x N matrix.

Source: Zhong, Zheng, Cao, Li, "Re-ranking Person Re-identification with k-reciprocal Encoding",
CVPR 2017, and the published code, which rounds distances to float16 and so differs a little.

Distances and nearest neighbours come from the device in blocks of rows. Everything after that is
sparse, since a vector is described by a few dozen others: the sets are sparse matrices on the host,
and unions and overlaps of neighbourhoods are products of such matrices.

Notation: `Q` queries, `G` gallery entries, `N = Q + G`, `D` embedding size.
"""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
import tqdm

from cosam_jax.errors import InputError
from cosam_jax.evaluation import distances

ROW_BLOCK = 256


def k_reciprocal_distance(
  query_features: chex.Array,
  gallery_features: chex.Array,
  k1: int = 20,
  k2: int = 6,
  lambda_value: float = 0.3,
  *,
  row_block: int = ROW_BLOCK,
) -> np.ndarray:
  """Distances that take into account whether two vectors have the same neighbours.

  Args:
    query_features: [Q, D], used as float32.
    gallery_features: [G, D], used as float32.
    k1: number of neighbours in a set, at least 1; cut to N - 1 in a small gallery, as in the
      published code.
    k2: number of neighbours (the vector itself among them) whose descriptions are averaged, at
      least 1.
    lambda_value: share of the original distance in the result, 0..1.
    row_block: number of rows whose distances to all N are in memory at a time.

  Returns:
    float32[Q, G], in 0..1 up to rounding: (1 - lambda) * Jaccard distance + lambda * squared
    Euclidean distance over the query's largest one.

  Raises:
    InputError: the features are not finite or do not fit, or a setting is out of its range.
  """
  check_settings(k1, k2, lambda_value)
  queries = distances.check_features(query_features, "query")
  gallery = distances.check_features(gallery_features, "gallery")
  distances.check_same_width(queries, gallery)
  weights, largest = _described(np.concatenate([queries, gallery]), k1, k2, row_block)
  jaccard = jaccard_distances(weights[: len(queries)], weights[len(queries) :].tocsc())

  # From here on the Jaccard distances are turned into the result, in place.
  on_device = jax.device_put(gallery)
  for rows in _row_blocks(len(queries), row_block):
    padded = np.resize(rows, row_block)
    original = np.asarray(_distances(queries[padded], on_device))[: len(rows)]
    jaccard[rows] *= 1.0 - lambda_value
    jaccard[rows] += lambda_value * original / largest[rows, None]
  return jaccard


def neighbour_weights(
  features: np.ndarray, k1: int = 20, k2: int = 6, *, row_block: int = ROW_BLOCK
) -> scipy.sparse.csr_array:
  """Describes each vector by its k-reciprocal neighbours among all of them.

  Args:
    features: float32[N, D], finite.
    k1, k2, row_block: as for `k_reciprocal_distance`.

  Returns:
    float32[N, N], rows summing to one; see `jaccard_distances`.

  Raises:
    InputError: a setting is out of its range.
  """
  check_settings(k1, k2, 0.0)
  return _described(features, k1, k2, row_block)[0]


def check_settings(k1: int, k2: int, lambda_value: float) -> None:
  """Raises InputError unless `k1`, `k2` and `lambda_value` can be used for re-ranking."""
  for name, value in (("k1", k1), ("k2", k2)):
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
      raise InputError(
        f"Re-ranking's {name} is {value!r}; it counts neighbours, so use a whole number from 1 "
        "(usual: k1 20, k2 6)."
      )
  if not isinstance(lambda_value, (int, float, np.number)) or not 0 <= lambda_value <= 1:
    raise InputError(
      f"Re-ranking's lambda is {lambda_value!r}; it is the share of the original distance, "
      "so use a number from 0 to 1 (usual: 0.3)."
    )


def _described(
  features: np.ndarray, k1: int, k2: int, row_block: int
) -> tuple[scipy.sparse.csr_array, np.ndarray]:
  """The weights of `neighbour_weights`, and float32[N], each row's largest distance."""
  neighbours, largest = _nearest(features, max(k1 + 1, k2), row_block)
  members = _reciprocal(neighbours[:, : k1 + 1])
  members = _expanded(members, _reciprocal(neighbours[:, : round(k1 / 2) + 1]))
  weights = _weights(features, members, largest, row_block)
  if k2 > 1:
    weights = _adjacency(neighbours[:, :k2]) @ weights / np.float32(min(k2, len(features)))
  return weights.tocsr(), largest


def _row_blocks(count: int, block: int) -> list[np.ndarray]:
  return [np.arange(start, min(start + block, count)) for start in range(0, count, block)]


@jax.jit
def _distances(rows: chex.Array, others: chex.Array) -> chex.Array:
  return jnp.maximum(distances.squared_euclidean(rows, others), 0.0)


@functools.partial(jax.jit, static_argnames="k")
def _nearest_of_block(
  rows: chex.Array, features: chex.Array, copies: chex.Array | None, *, k: int
) -> tuple[chex.Array, chex.Array]:
  values = _distances(rows, features)
  values = values if copies is None else values[:, copies]
  return jax.lax.top_k(-values, k)[1], jnp.max(values, axis=1)


def _nearest(features: np.ndarray, k: int, row_block: int) -> tuple[np.ndarray, np.ndarray]:
  """The k nearest of each row, itself among them, and each row's largest distance.

  Args:
    features: float32[N, D].
    k: cut to N.
    row_block: rows at a time.

  Returns:
    int32[N, k], nearest first, equal distances by row; float32[N], never zero.
  """
  k = min(k, len(features))
  neighbours = np.empty((len(features), k), np.int32)
  largest = np.empty(len(features), np.float32)
  on_device = jax.device_put((features, distances.first_copies(features)))
  blocks = _row_blocks(len(features), row_block)
  for rows in tqdm.tqdm(blocks, desc="neighbours", unit="block", leave=False, disable=None):
    # The last block repeats its rows, so that all have one compiled shape.
    nearest, farthest = _nearest_of_block(features[np.resize(rows, row_block)], *on_device, k=k)
    neighbours[rows] = np.asarray(nearest)[: len(rows)]
    largest[rows] = np.asarray(farthest)[: len(rows)]
  return neighbours, np.where(largest > 0, largest, np.float32(1))


def _adjacency(neighbours: np.ndarray) -> scipy.sparse.csr_array:
  """float32[N, N], one if the column is among the row's `neighbours` int32[N, k], else zero."""
  count, k = neighbours.shape
  ones = np.ones(count * k, np.float32)
  starts = np.arange(0, count * k + 1, k)
  return scipy.sparse.csr_array((ones, neighbours.ravel(), starts), shape=(count, count))


def _reciprocal(neighbours: np.ndarray) -> scipy.sparse.csr_array:
  """The pairs that are neighbours in both directions: symmetric, zeros and ones."""
  adjacency = _adjacency(neighbours)
  return adjacency.multiply(adjacency.T).tocsr()


def _expanded(
  members: scipy.sparse.csr_array, halves: scipy.sparse.csr_array
) -> scipy.sparse.csr_array:
  """Adds the half-size set of each member if over two thirds of it are in the row's set.

  Args:
    members: the k1-reciprocal sets, zeros and ones.
    halves: the same for half of k1.

  Returns:
    The union as a pattern: stored entries are members, and their values have no meaning.
  """
  shared = members.multiply(members @ halves).tocoo()  # halves is symmetric.
  sizes = halves.sum(axis=1)
  take = shared.data > 2.0 / 3.0 * sizes[shared.col]
  joining = scipy.sparse.csr_array(
    (np.ones(take.sum(), np.float32), (shared.row[take], shared.col[take])), shape=members.shape
  )
  return (members + joining @ halves).tocsr()


def _weights(
  features: np.ndarray, members: scipy.sparse.csr_array, largest: np.ndarray, row_block: int
) -> scipy.sparse.csr_array:
  """Describes each vector by its set: exp(-scaled distance), each row summing to one."""
  pairs = members.tocoo()
  weights = np.empty(pairs.nnz, np.float32)
  # Takes as many pairs at a time as fit in the memory of one block of distances.
  step = max(1, row_block * len(features) // (2 * features.shape[1]))
  for start in range(0, pairs.nnz, step):
    part = slice(start, start + step)
    difference = features[pairs.row[part]] - features[pairs.col[part]]
    squared = np.einsum("pd,pd->p", difference, difference)
    weights[part] = np.exp(-squared / largest[pairs.row[part]])
  sums = np.bincount(pairs.row, weights=weights, minlength=len(features))
  weights /= sums[pairs.row].astype(np.float32)
  return scipy.sparse.csr_array((weights, (pairs.row, pairs.col)), shape=members.shape)


def jaccard_distances(first: scipy.sparse.csr_array, second: scipy.sparse.csc_array) -> np.ndarray:
  """Jaccard distances, 1 - sum of minima / sum of maxima, between described vectors.

  Args:
    first: float32[Q, N], some rows of `neighbour_weights`.
    second: float32[G, N], the others.

  Returns:
    float32[Q, G].
  """
  num_queries, num_gallery = first.shape[0], second.shape[0]
  result = np.empty((num_queries, num_gallery), np.float32)
  for query in tqdm.trange(num_queries, desc="re-ranking", leave=False, disable=None):
    own = slice(first.indptr[query], first.indptr[query + 1])
    used = first.indices[own]
    starts = second.indptr[used].astype(np.int64)
    counts = second.indptr[used + 1] - starts
    # Positions of all entries of the used columns, one column after the other.
    offsets = np.repeat(starts - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
    entries = offsets + np.arange(len(offsets))
    minima = np.minimum(np.repeat(first.data[own], counts), second.data[entries])
    shared = np.bincount(second.indices[entries], weights=minima, minlength=num_gallery)
    result[query] = 1.0 - shared / (2.0 - shared)  # Both rows sum to one.
  return result
