"""The first entries of each query's ranking, for people to look at.

Notation: `Q` queries, `G` gallery entries, `B` queries in a block, `k` entries of a list.
"""

import dataclasses
import functools
from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp
import numpy as np

from cosam_jax.data.identities import JUNK
from cosam_jax.evaluation import distances
from cosam_jax.evaluation.ranks import Labels

QUERY_BLOCK = 64


@dataclasses.dataclass(frozen=True, eq=False)
class Shortlist:
  """The nearest entries that each query may see, nearest first; equal distances by gallery row.

  Attributes:
    rows: int32[Q, k], gallery rows; -1 if there are fewer.
    distances: float32[Q, k]; infinity if there is no entry.
  """

  rows: np.ndarray
  distances: np.ndarray


def list_features(
  query_features: np.ndarray,
  gallery_features: np.ndarray,
  labels: Labels,
  *,
  distance: str,
  length: int,
  query_block: int = QUERY_BLOCK,
) -> Shortlist:
  """The first entries by the distances of embeddings; see `list_distances`.

  Args:
    query_features: float32[Q, D].
    gallery_features: float32[G, D].
    labels: identities and cameras.
    distance: a name of `distances.DISTANCES`.
    length: k, cut to G.
    query_block: queries at a time, so that the Q x G matrix never exists.
  """
  measure = jax.jit(distances.distance_function(distance))
  copies = distances.first_copies(gallery_features)
  gallery = jax.device_put(gallery_features)

  def of_rows(rows: np.ndarray) -> chex.Array:
    values = measure(query_features[rows], gallery)
    return values if copies is None else values[:, copies]

  return _list(of_rows, labels, length, query_block)


def list_distances(
  distance: np.ndarray, labels: Labels, *, length: int, query_block: int = QUERY_BLOCK
) -> Shortlist:
  """The first entries by a distance matrix [Q, G].

  As in `evaluate_rankings`, entries of the query's own identity and camera are not shown, and
  neither is junk.
  """
  return _list(lambda rows: distance[rows], labels, length, query_block)


def _list(
  distance: Callable[[np.ndarray], chex.Array], labels: Labels, length: int, query_block: int
) -> Shortlist:
  length = min(length, labels.num_gallery)
  query_block = min(query_block, labels.num_queries)
  rows = np.empty((labels.num_queries, length), np.int32)
  nearest = np.empty((labels.num_queries, length), np.float32)
  for start in range(0, labels.num_queries, query_block):
    block = np.arange(start, min(start + query_block, labels.num_queries))
    padded = np.resize(block, query_block)  # All blocks have one compiled shape.
    found, values = _first_shown(
      distance(padded),
      labels.query_ids[padded],
      labels.query_cameras[padded],
      labels.gallery_ids,
      labels.gallery_cameras,
      length=length,
    )
    rows[block] = np.asarray(found)[: len(block)]
    nearest[block] = np.asarray(values)[: len(block)]
  return Shortlist(rows, nearest)


@functools.partial(jax.jit, static_argnames="length")
def _first_shown(
  distance: chex.Array,
  query_ids: chex.Array,
  query_cameras: chex.Array,
  gallery_ids: chex.Array,
  gallery_cameras: chex.Array,
  *,
  length: int,
) -> tuple[chex.Array, chex.Array]:
  own = (query_ids[:, None] == gallery_ids) & (query_cameras[:, None] == gallery_cameras)
  hidden = own | (gallery_ids == JUNK)
  # A distance that overflowed to infinity or NaN is the largest, and its entry is still shown.
  farthest = jnp.finfo(jnp.float32).max
  values = jnp.nan_to_num(jnp.asarray(distance, jnp.float32), nan=farthest, posinf=farthest)
  nearest, rows = jax.lax.top_k(-jnp.where(hidden, jnp.inf, values), length)
  return jnp.where(jnp.isneginf(nearest), -1, rows), -nearest
