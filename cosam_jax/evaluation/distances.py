"""Distances between embeddings, and the checks that embeddings must pass before they are ranked.

Notation: `Q` queries, `G` gallery entries, `D` embedding size.
"""

from collections.abc import Callable, Sequence

import chex
import jax
import jax.numpy as jnp
import numpy as np

from cosam_jax.errors import InputError, suggestion

ROWS_AT_A_TIME = 1024  # Bounds the memory of checks on the host.


def squared_euclidean(queries: chex.Array, gallery: chex.Array) -> chex.Array:
  """Squared Euclidean distances, the published code's choice.

  Args:
    queries: float32[Q, D].
    gallery: float32[G, D].

  Returns:
    float32[Q, G]; rounding can leave values slightly below zero for equal vectors.
  """
  products = jnp.matmul(queries, gallery.T, precision=jax.lax.Precision.HIGHEST)
  query_norms = jnp.sum(jnp.square(queries), axis=1, keepdims=True)
  return query_norms + jnp.sum(jnp.square(gallery), axis=1) - 2.0 * products


def cosine(queries: chex.Array, gallery: chex.Array) -> chex.Array:
  """Cosine distances, `1 - cos`; a zero vector is at distance 1 from everything.

  Args:
    queries: float32[Q, D].
    gallery: float32[G, D].

  Returns:
    float32[Q, G], in 0..2 up to rounding.
  """
  return 1.0 - jnp.matmul(unit(queries), unit(gallery).T, precision=jax.lax.Precision.HIGHEST)


def unit(vectors: chex.Array) -> chex.Array:
  """Scales each row of float32[n, D] to length 1; a zero row stays zero."""
  # Scaling by the largest entry first keeps the squares of tiny or huge vectors representable.
  largest = jnp.max(jnp.abs(vectors), axis=1, keepdims=True)
  vectors = vectors / jnp.where(largest > 0, largest, 1.0)
  norms = jnp.linalg.norm(vectors, axis=1, keepdims=True)
  return vectors / jnp.where(norms > 0, norms, 1.0)


DISTANCES: dict[str, Callable[[chex.Array, chex.Array], chex.Array]] = {
  "sqeuclidean": squared_euclidean,
  "cosine": cosine,
}


def distance_function(name: str) -> Callable[[chex.Array, chex.Array], chex.Array]:
  """The distance called `name`; if there is none, InputError lists the legal names."""
  if name not in DISTANCES:
    legal = ", ".join(DISTANCES)
    raise InputError(f"distance is {name!r}; use one of {legal}{suggestion(str(name), DISTANCES)}.")
  return DISTANCES[name]


def check_features(
  features: chex.Array, kind: str, names: Sequence[str] | np.ndarray | None = None
) -> np.ndarray:
  """Returns `features` as float32[n, D] on the host, or says which row cannot be ranked.

  Args:
    features: [n, D], any real type.
    kind: the side that the rows belong to ("query", "gallery"), for messages.
    names: tracklet names of the rows, for messages.

  Raises:
    InputError: the features are not a non-empty matrix, or a row holds NaN or infinity.
  """
  array = np.asarray(features)
  if array.ndim != 2 or not array.size:
    raise InputError(
      f"The {kind} features have shape {array.shape}; give a non-empty [{kind} entries, D] matrix."
    )
  array = np.ascontiguousarray(array, dtype=np.float32)
  for start in range(0, len(array), ROWS_AT_A_TIME):
    finite = np.isfinite(array[start : start + ROWS_AT_A_TIME]).all(axis=1)
    if not finite.all():
      row = start + int(np.argmin(finite))
      value = array[row][~np.isfinite(array[row])][0]
      name = f" (tracklet {names[row]})" if names is not None else ""
      raise InputError(
        f"The features of {kind} row {row}{name} hold {value}; features must be finite, "
        "so look at the frames of that tracklet and at the weights of the network."
      )
  return array


def check_same_width(query_features: np.ndarray, gallery_features: np.ndarray) -> None:
  """Raises InputError unless queries and gallery have the same embedding size."""
  if query_features.shape[1] != gallery_features.shape[1]:
    raise InputError(
      f"Query features have {query_features.shape[1]} dimensions and gallery features "
      f"{gallery_features.shape[1]}; both must come from the same network."
    )


def first_copies(features: np.ndarray) -> np.ndarray | None:
  """For each row, the first row with the same values; None if all rows differ.

  A matrix product may round equal columns differently, depending on their place in its tiles. Using
  the distance of the first copy for all of them keeps ties exact.

  Args:
    features: float32[n, D].

  Returns:
    int32[n] or None.
  """
  seen: dict[int, int] = {}
  first = np.arange(len(features), dtype=np.int32)
  for row, vector in enumerate(features):
    other = seen.setdefault(hash((vector + 0.0).tobytes()), row)  # + 0.0: -0.0 equals 0.0.
    if other != row and np.array_equal(features[other], vector):
      first[row] = other
  return first if np.any(first != np.arange(len(features))) else None
