"""The places of each query's matches in its ranking, without sorting the gallery.

The place of a match is the number of entries that are nearer, or equally near and earlier in the
gallery; a query has few matches, so counting is cheaper than sorting, and exact with ties.

Notation: `Q` queries, `G` gallery entries, `B` queries in a block, `M` matches of a query (padded).
"""

import collections
import dataclasses
from collections.abc import Callable, Iterator

import chex
import jax
import jax.numpy as jnp
import numpy as np

from cosam_jax.data.identities import JUNK
from cosam_jax.errors import InputError

_LARGEST = np.iinfo(np.int64).max
MATCHES_AT_A_TIME = 8
BLOCKS_IN_FLIGHT = 2


@dataclasses.dataclass(frozen=True, eq=False)
class Labels:
  """Identities and cameras of both sides: int32[Q] and int32[G] arrays that fit together.

  Devices count in 32 bits. Identities and cameras are only compared, so larger numbers are replaced
  by small ones; equal numbers stay equal, and different ones different.
  """

  query_ids: np.ndarray
  query_cameras: np.ndarray
  gallery_ids: np.ndarray
  gallery_cameras: np.ndarray

  @property
  def num_queries(self) -> int:
    """Q."""
    return len(self.query_ids)

  @property
  def num_gallery(self) -> int:
    """G."""
    return len(self.gallery_ids)

  @classmethod
  def checked(cls, query_ids, gallery_ids, query_cameras, gallery_cameras) -> "Labels":
    """Raises InputError unless these are whole numbers in lists that fit together."""
    arrays = {}
    for kind, ids, cameras in (
      ("query", query_ids, query_cameras),
      ("gallery", gallery_ids, gallery_cameras),
    ):
      ids, cameras = np.asarray(ids), np.asarray(cameras)
      if ids.ndim != 1 or ids.shape != cameras.shape or not len(ids):
        raise InputError(
          f"The {kind} has identities of shape {ids.shape} and cameras of shape {cameras.shape}; "
          "give two lists of the same length, with at least one entry."
        )
      for array in (ids, cameras):
        if not np.issubdtype(array.dtype, np.integer) or int(array.max()) > _LARGEST:
          raise InputError(
            f"The {kind} identities and cameras must be whole numbers that fit 64 bits; "
            f"these are {array.dtype}, {array.min()} to {array.max()}."
          )
      arrays[f"{kind}_ids"], arrays[f"{kind}_cameras"] = (
        array.astype(np.int64) for array in (ids, cameras)
      )
    for what in ("ids", "cameras"):
      small = _small(arrays[f"query_{what}"], arrays[f"gallery_{what}"])
      arrays[f"query_{what}"], arrays[f"gallery_{what}"] = small
    return cls(**arrays)

  def matches(self) -> list[np.ndarray]:
    """For each query, the gallery rows of its identity under other cameras, ascending."""
    order = np.argsort(self.gallery_ids, kind="stable")
    ids = self.gallery_ids[order]
    starts = np.searchsorted(ids, self.query_ids, side="left")
    stops = np.searchsorted(ids, self.query_ids, side="right")
    stops = np.where(self.query_ids == JUNK, starts, stops)
    found = []
    for start, stop, camera in zip(starts, stops, self.query_cameras, strict=True):
      rows = order[start:stop]
      found.append(rows[self.gallery_cameras[rows] != camera].astype(np.int32))
    return found


def _small(query: np.ndarray, gallery: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """int32[Q] and int32[G], equal if and only if the given numbers are; `JUNK` stays."""
  both = np.concatenate([query, gallery])
  codes = np.unique(both, return_inverse=True)[1].reshape(-1).astype(np.int32)
  codes[both == JUNK] = JUNK
  return codes[: len(query)], codes[len(query) :]


@jax.jit
def match_positions(
  distance: chex.Array,
  query_ids: chex.Array,
  query_cameras: chex.Array,
  gallery_ids: chex.Array,
  gallery_cameras: chex.Array,
  matches: chex.Array,
  longest: chex.Array,
) -> chex.Array:
  """Counts the entries before each match in its query's ranking.

  Args:
    distance: float[B, G].
    query_ids: int32[B].
    query_cameras: int32[B].
    gallery_ids: int32[G].
    gallery_cameras: int32[G].
    matches: int32[B, M], gallery rows, M a multiple of `MATCHES_AT_A_TIME`; padding is ignored.
    longest: int32[], the largest number of matches of a query here. As it is data, not a shape,
      queries with few matches are cheap without another compilation.

  Returns:
    int32[B, M], places counted from 0; meaningless if `matches` is padding.
  """
  chex.assert_rank([distance, query_ids, gallery_ids, matches], [2, 1, 1, 2])
  chex.assert_is_divisible(matches.shape[1], MATCHES_AT_A_TIME)
  same = (query_ids[:, None] == gallery_ids) & (query_cameras[:, None] == gallery_cameras)
  # A NaN is neither below nor equal to anything, so removed entries are never counted.
  shown = jnp.where(same | (gallery_ids == JUNK), jnp.nan, distance)
  entry = jnp.arange(distance.shape[1], dtype=jnp.int32)

  def count(step, places):
    start = step * MATCHES_AT_A_TIME
    match = jax.lax.dynamic_slice_in_dim(matches, start, MATCHES_AT_A_TIME, axis=1)
    value = jnp.take_along_axis(shown, match, axis=1)[:, :, None]
    earlier = entry < match[:, :, None]
    before = jnp.where(earlier, shown[:, None] <= value, shown[:, None] < value)
    found = jnp.sum(before, axis=2, dtype=jnp.int32)
    return jax.lax.dynamic_update_slice_in_dim(places, found, start, axis=1)

  steps = (longest + MATCHES_AT_A_TIME - 1) // MATCHES_AT_A_TIME
  return jax.lax.fori_loop(0, steps, count, jnp.zeros(matches.shape, jnp.int32))


def places_by_block(
  labels: Labels, positions: Callable[..., jax.Array], query_block: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
  """Finds the places of all matches, block by block.

  Args:
    labels: identities and cameras.
    positions: (query rows int64[B], then the other arguments of `match_positions`) -> int32[B, M].
    query_block: B, at least 1.

  Yields:
    Query rows int64[b] and float64[b, M]: the places of their matches counted from 1, ascending,
    then infinity. Queries without a match never appear.

  Raises:
    InputError: no query has a match.
  """
  matches = labels.matches()
  counts = np.array([len(rows) for rows in matches])
  if not counts.any():
    raise InputError(
      f"None of the {labels.num_queries} queries has a match under another camera among the "
      f"{labels.num_gallery} gallery entries; nothing can be measured, so check identities, "
      "cameras and the gallery's protocol."
    )
  # Queries with similar numbers of matches share a block, so that its loop is short.
  order = np.argsort(counts, kind="stable")[np.count_nonzero(counts == 0) :]
  block = min(query_block, len(order))
  width = -(-counts.max() // MATCHES_AT_A_TIME) * MATCHES_AT_A_TIME
  pending: collections.deque[tuple[np.ndarray, jax.Array]] = collections.deque()

  def finished() -> tuple[np.ndarray, np.ndarray]:
    rows, places = pending.popleft()
    real = np.arange(width) < counts[rows, None]
    return rows, np.sort(np.where(real, np.asarray(places)[: len(rows)] + 1.0, np.inf), axis=1)

  for start in range(0, len(order), block):
    rows = order[start : start + block]
    padded = np.resize(rows, block)  # The last block repeats its queries, so all have one shape.
    table = np.zeros((block, width), np.int32)
    for line, row in zip(table, rows, strict=False):
      line[: counts[row]] = matches[row]
    places = positions(
      padded,
      labels.query_ids[padded],
      labels.query_cameras[padded],
      labels.gallery_ids,
      labels.gallery_cameras,
      table,
      np.int32(counts[rows].max()),
    )
    pending.append((rows, places))
    if len(pending) >= BLOCKS_IN_FLIGHT:
      yield finished()
  while pending:
    yield finished()
