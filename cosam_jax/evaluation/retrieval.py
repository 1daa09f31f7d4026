"""CMC, mAP and mINP of a retrieval experiment, exact, in blocks of queries.

A query's metrics need one thing only: the places of its few matches among the entries that it may
see (`ranks.py`). Places are whole numbers, so the metrics are exact to double precision.

Notation: `Q` queries, `G` gallery entries, `B` queries in a block, `D` embedding size.
"""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Sequence

import chex
import jax
import jax.numpy as jnp
import numpy as np

from cosam_jax.errors import InputError
from cosam_jax.evaluation import distances, ranks

QUERY_BLOCK = 64


@dataclasses.dataclass(frozen=True, eq=False)
class RetrievalMetrics:
  """Metrics of a ranking. All shares are fractions in 0..1, not percent.

  Attributes:
    cmc: float64[max_rank]; entry r is the share of valid queries with a match in the first r + 1.
    mean_average_precision: mean over valid queries of `average_precision`.
    mean_inverse_negative_penalty: mINP, mean over valid queries of matches / place of the last one.
    average_precision: float64[Q]; precision at each match, averaged; nan if not valid.
    inverse_negative_penalty: float64[Q]; nan if not valid.
    first_match: int64[Q]; the place of the first match, counted from 1; 0 if not valid.
    valid: bool[Q]; whether the query has any match that it may see, and so counts.
  """

  cmc: np.ndarray
  mean_average_precision: float
  mean_inverse_negative_penalty: float
  average_precision: np.ndarray
  inverse_negative_penalty: np.ndarray
  first_match: np.ndarray
  valid: np.ndarray

  @property
  def num_valid_queries(self) -> int:
    """The number of queries that count."""
    return int(self.valid.sum())


def evaluate_rankings(
  distance: chex.Array,
  *,
  query_ids: chex.Array,
  gallery_ids: chex.Array,
  query_cameras: chex.Array,
  gallery_cameras: chex.Array,
  max_rank: int = 50,
  query_block: int = QUERY_BLOCK,
) -> RetrievalMetrics:
  """Ranks by a given distance matrix. The rules are the published code's, without its crash.

  An entry of the query's own identity *and* camera is not shown to that query. Entries of identity
  -1 (junk) are ignored. Distractors are identities that no query has; they stay. Equal distances
  are ranked in gallery order. A query without a match does not count. If the gallery is shorter
  than `max_rank`, the CMC continues with its last value.

  Args:
    distance: [Q, G], floating point; compared at its own precision (float16 as float32).
    query_ids: int[Q].
    gallery_ids: int[G].
    query_cameras: int[Q].
    gallery_cameras: int[G].
    max_rank: length of the CMC curve, at least 1.
    query_block: queries ranked together; bounds the memory.

  Raises:
    InputError: shapes do not fit, a distance is NaN, or no query has a match.
  """
  _check_settings(max_rank, query_block)
  if not hasattr(distance, "dtype"):
    distance = np.asarray(distance)
  labels = ranks.Labels.checked(query_ids, gallery_ids, query_cameras, gallery_cameras)
  expected = (labels.num_queries, labels.num_gallery)
  if distance.shape != expected:
    raise InputError(
      f"The distance matrix has shape {tuple(distance.shape)}; with {expected[0]} query and "
      f"{expected[1]} gallery identities it must be {expected}."
    )
  # Distances in double precision must not be rounded, which would turn near equals into ties.
  kind = np.float32 if distance.dtype in (np.float16, np.float32, jnp.bfloat16) else np.float64

  for start in range(0, len(distance), query_block):
    nan = np.isnan(np.asarray(distance[start : start + query_block], dtype=kind))
    if nan.any():
      row, column = np.argwhere(nan)[0]
      raise InputError(
        f"The distance between query row {start + row} and gallery row {column} is NaN; "
        "distances must be numbers."
      )

  def positions(rows: np.ndarray, *labels_and_matches: np.ndarray) -> jax.Array:
    return ranks.match_positions(np.asarray(distance[rows], dtype=kind), *labels_and_matches)

  with jax.enable_x64(True) if kind is np.float64 else contextlib.nullcontext():
    return _evaluate(labels, positions, max_rank, query_block)


def evaluate_features(
  query_features: chex.Array,
  gallery_features: chex.Array,
  *,
  query_ids: chex.Array,
  gallery_ids: chex.Array,
  query_cameras: chex.Array,
  gallery_cameras: chex.Array,
  distance: str = "sqeuclidean",
  max_rank: int = 50,
  query_block: int = QUERY_BLOCK,
  query_names: Sequence[str] | np.ndarray | None = None,
  gallery_names: Sequence[str] | np.ndarray | None = None,
) -> RetrievalMetrics:
  """Ranks by the distances of embeddings, block by block, without the Q x G matrix.

  Args:
    query_features: [Q, D], used as float32.
    gallery_features: [G, D], used as float32.
    query_ids: int[Q]. The rules are those of `evaluate_rankings`.
    gallery_ids: int[G].
    query_cameras: int[Q].
    gallery_cameras: int[G].
    distance: "sqeuclidean" or "cosine".
    max_rank: length of the CMC curve, at least 1.
    query_block: queries ranked together; bounds the memory.
    query_names: tracklet names, for messages.
    gallery_names: tracklet names, for messages.

  Raises:
    InputError: shapes do not fit, features are not finite, or no query has a match.
  """
  _check_settings(max_rank, query_block)
  measure = distances.distance_function(distance)
  queries = distances.check_features(query_features, "query", query_names)
  gallery = distances.check_features(gallery_features, "gallery", gallery_names)
  distances.check_same_width(queries, gallery)
  labels = ranks.Labels.checked(query_ids, gallery_ids, query_cameras, gallery_cameras)
  if (len(queries), len(gallery)) != (labels.num_queries, labels.num_gallery):
    raise InputError(
      f"There are {len(queries)} query and {len(gallery)} gallery features for "
      f"{labels.num_queries} query and {labels.num_gallery} gallery identities; give one each."
    )
  on_device = jax.device_put((gallery, distances.first_copies(gallery)))

  def positions(rows: np.ndarray, *labels_and_matches: np.ndarray) -> jax.Array:
    return feature_positions(queries[rows], *on_device, *labels_and_matches, measure=measure)

  return _evaluate(labels, positions, max_rank, query_block)


@functools.partial(jax.jit, static_argnames="measure")
def feature_positions(
  queries: chex.Array,
  gallery: chex.Array,
  copies: chex.Array | None,
  *labels_and_matches: chex.Array,
  measure: Callable[[chex.Array, chex.Array], chex.Array],
) -> chex.Array:
  """Distances, then `ranks.match_positions`: the one compiled step of `evaluate_features`.

  Args:
    queries: float32[B, D].
    gallery: float32[G, D].
    copies: int32[G], for each entry the column that holds its distance; None: each its own.
    *labels_and_matches: the other arguments of `ranks.match_positions`.
    measure: a function of `distances.DISTANCES`.

  Returns:
    int32[B, M], places counted from 0.
  """
  values = measure(queries, gallery)
  # NaN would mean "not shown" below, so an overflow becomes the largest distance instead.
  values = jnp.where(jnp.isnan(values), jnp.inf, values)
  values = values if copies is None else values[:, copies]
  return ranks.match_positions(values, *labels_and_matches)


def _check_settings(max_rank: int, query_block: int) -> None:
  if max_rank < 1 or query_block < 1:
    raise InputError(
      f"max_rank is {max_rank} and query_block {query_block}; both must be at least 1."
    )


def _evaluate(
  labels: ranks.Labels, positions: Callable[..., jax.Array], max_rank: int, query_block: int
) -> RetrievalMetrics:
  """Runs `positions` over blocks of queries and turns places into metrics."""
  average_precision = np.full(labels.num_queries, np.nan)
  penalty = np.full(labels.num_queries, np.nan)
  first_match = np.zeros(labels.num_queries, np.int64)
  for rows, places in ranks.places_by_block(labels, positions, query_block):
    hits = np.arange(1, places.shape[1] + 1)
    found = np.isfinite(places)
    counts = found.sum(axis=1)
    average_precision[rows] = np.sum(hits / places, axis=1) / counts  # hits / inf adds nothing.
    penalty[rows] = counts / np.max(places, axis=1, where=found, initial=0.0)
    first_match[rows] = places[:, 0]

  valid = first_match > 0
  reached = np.bincount(np.minimum(first_match[valid] - 1, max_rank), minlength=max_rank)
  return RetrievalMetrics(
    cmc=np.cumsum(reached[:max_rank]) / valid.sum(),
    mean_average_precision=float(np.mean(average_precision[valid])),
    mean_inverse_negative_penalty=float(np.mean(penalty[valid])),
    average_precision=average_precision,
    inverse_negative_penalty=penalty,
    first_match=first_match,
    valid=valid,
  )
