"""Comparisons between labelled tracklets: mated ones, of one person, and non-mated ones, of two.

The words are those of ISO/IEC 19795-1. Every comparison is made once. The matrix of all distances
never exists: distances come in blocks, and are counted in bins that are so narrow (13 binary digits
of a float32) that a threshold at the upper edge of a bin loses nothing. At such thresholds all
counts are exact.

Notation: `n` tracklets, `P` people, `C` cameras, `k` thresholds, `G` groups of people, `b` bins.
"""

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np

from cosam_jax.data.identities import UNKNOWN_CAMERA
from cosam_jax.errors import InputError
from cosam_jax.evaluation.calibration_names import ALL_PAIRS, COMPARED, OTHER_CAMERAS
from cosam_jax.evaluation.candidates import ROUNDED, by_differences, unit_rows
from cosam_jax.evaluation.distances import check_features, distance_function

MOST_GROUPS = 1024
"""Of more people than this, groups are drawn for intervals, since tables of all pairs are kept."""
_AT_A_TIME = 1 << 20  # Distances in memory at once.
_DROPPED_BITS = 10
_BINS = 1 << (31 - _DROPPED_BITS)
_LARGEST = np.finfo(np.float32).max


@dataclasses.dataclass(frozen=True, eq=False)
class Scores:
  """Distances of comparisons, counted in bins; only bins with a comparison are listed.

  Attributes:
    edges: float32[b], the largest number of each bin, ascending; a distance is at most an edge if
      its bin is that of the edge or one before.
    mated: int64[b], mated comparisons in each bin.
    non_mated: int64[b], likewise.
  """

  edges: np.ndarray
  mated: np.ndarray
  non_mated: np.ndarray

  @functools.cached_property
  def false_matches(self) -> np.ndarray:
    """int64[b], non-mated comparisons of at most each edge."""
    return np.cumsum(self.non_mated)

  @functools.cached_property
  def true_matches(self) -> np.ndarray:
    """int64[b], mated comparisons of at most each edge."""
    return np.cumsum(self.mated)


@dataclasses.dataclass(frozen=True, eq=False)
class Counts:
  """Numbers of comparisons at `k` thresholds, by people and by cameras.

  Attributes:
    false_matches: int64[k, G, G], non-mated comparisons of at most each threshold, by the groups of
      both people; a comparison is in one place, (g, h) or (h, g).
    non_mated: int64[G, G], all of them.
    false_non_matches: int64[k, G], mated comparisons above each threshold.
    mated: int64[G], all of them.
    camera_false_matches: int64[k, C, C], by the two cameras, the smaller number first.
    camera_non_mated: int64[C, C].
    camera_false_non_matches: int64[k, C, C].
    camera_mated: int64[C, C].
  """

  false_matches: np.ndarray
  non_mated: np.ndarray
  false_non_matches: np.ndarray
  mated: np.ndarray
  camera_false_matches: np.ndarray
  camera_non_mated: np.ndarray
  camera_false_non_matches: np.ndarray
  camera_mated: np.ndarray


def binned(distances: np.ndarray) -> np.ndarray:
  """int64, the bin of each float32 distance, which is not below zero."""
  # The bits of floats that are not negative are in the order of their values.
  return (np.ascontiguousarray(distances, np.float32).view(np.uint32) >> _DROPPED_BITS).astype(
    np.int64
  )


def edges_of(bins: np.ndarray) -> np.ndarray:
  """float32, the largest number of each bin."""
  bits = (np.asarray(bins, np.uint32) << np.uint32(_DROPPED_BITS)) | np.uint32(
    (1 << _DROPPED_BITS) - 1
  )
  return bits.view(np.float32)


def scores_of(mated: np.ndarray, non_mated: np.ndarray) -> Scores:
  """Counts the distances of two lists in bins.

  Args:
    mated, non_mated: float32 lists, not negative and finite.
  """
  bins = [binned(np.minimum(one, _LARGEST)) for one in (mated, non_mated)]
  listed = np.unique(np.concatenate(bins))
  found = [np.bincount(np.searchsorted(listed, one), minlength=len(listed)) for one in bins]
  return Scores(edges_of(listed), *found)


class Comparisons:
  """The comparisons between tracklets of known people.

  Attributes:
    vectors: float64[n, D], in the order of people; of length 1 for the cosine distance.
    people: int64[n], 0 .. P - 1, ascending.
    cameras: int64[n], 0 .. C - 1.
    camera_numbers: int64[C], the cameras' numbers in the data.
    num_people: P.
    compared: see `calibration_names.COMPARED`.
    left_out: number of tracklets whose camera is unknown, which are not compared with any.
  """

  def __init__(
    self,
    vectors: np.ndarray,
    identities: np.ndarray,
    cameras: np.ndarray,
    *,
    distance: str = "sqeuclidean",
    compared: str = OTHER_CAMERAS,
  ):
    """Compares nothing yet.

    Args:
      vectors: float[n, D].
      identities: int[n], the people.
      cameras: int[n]; unknown ones (-1) are left out if cameras matter.
      distance: "sqeuclidean" or "cosine", as in `distances`.
      compared: see `calibration_names.COMPARED`.

    Raises:
      InputError: there are not enough people or cameras for a mated and a non-mated comparison, or
        vectors are not finite.
    """
    distance_function(distance)
    if compared not in COMPARED:
      raise InputError(f"compared is {compared!r}: use one of {', '.join(COMPARED)}")
    checked = check_features(vectors, "labelled").astype(np.float64)
    self.compared, self._distance = compared, distance
    identities, cameras = np.asarray(identities), np.asarray(cameras)
    kept = np.ones(len(checked), bool)
    if compared == OTHER_CAMERAS:
      kept = cameras != UNKNOWN_CAMERA
    self.left_out = int((~kept).sum())
    rows = np.flatnonzero(kept)
    rows = rows[np.argsort(identities[rows], kind="stable")]
    self.vectors = unit_rows(checked[rows]) if distance == "cosine" else checked[rows]
    _, self.people = np.unique(identities[rows], return_inverse=True)
    self.camera_numbers, self.cameras = np.unique(cameras[rows], return_inverse=True)
    self.num_people = int(self.people[-1]) + 1 if len(rows) else 0
    if self.num_people < 2:
      raise InputError(
        f"there are {len(rows):,} labelled tracklets of {self.num_people:,} people"
        f"{' and a known camera' if compared == OTHER_CAMERAS else ''}: a calibration compares "
        "tracklets of at least 2 people"
      )
    self._squares = np.einsum("ij,ij->i", self.vectors, self.vectors)

  @functools.cached_property
  def people_pairs(self) -> int:
    """The number of pairs of two people of whom at least one comparison is made."""
    pairs = self.num_people * (self.num_people - 1) // 2
    if self.compared == ALL_PAIRS:
      return pairs
    seen = np.unique(np.stack([self.people, self.cameras]), axis=1)
    often = np.bincount(seen[0], minlength=self.num_people)
    alone = np.bincount(seen[1][often[seen[0]] == 1])  # People whom one camera saw, by camera.
    return pairs - int((alone * (alone - 1) // 2).sum())

  @functools.cached_property
  def groups(self) -> np.ndarray:
    """int64[P], the group in which each person is drawn: the person's own up to `MOST_GROUPS`."""
    if self.num_people <= MOST_GROUPS:
      return np.arange(self.num_people)
    return np.random.default_rng(0).permutation(self.num_people) % MOST_GROUPS

  def blocks(self, *, half: bool = False) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Yields (rows, float32[r, n] distances, bool[r, n] whether they are comparisons).

    Args:
      half: leave out columns before the first row; the mask then has each comparison once.
    """
    count = len(self.vectors)
    step = max(1, _AT_A_TIME // count)
    for start in range(0, count, step):
      rows = slice(start, min(start + step, count))
      columns = slice(start if half else 0, count)
      products = self.vectors[rows] @ self.vectors[columns].T
      squares = self._squares[rows, None] + self._squares[None, columns]
      found = 1.0 - products if self._distance == "cosine" else squares - 2.0 * products
      near = found < ROUNDED * squares
      by_differences(found, near, self.vectors[rows], self.vectors[columns], self._distance)
      distances = np.clip(found, 0.0, _LARGEST).astype(np.float32)
      own = np.arange(rows.start, rows.stop)[:, None]
      others = np.arange(columns.start, columns.stop)[None]
      made = others > own if half else others != own
      if self.compared == OTHER_CAMERAS:
        made &= self.cameras[rows, None] != self.cameras[None, columns]
      yield rows, distances, made

  @functools.cached_property
  def scores(self) -> Scores:
    """All comparisons in bins.

    Raises:
      InputError: there is no mated or no non-mated comparison.
    """
    counts, mated_bins = np.zeros((2, _BINS), np.int64), [np.zeros(0, np.int64)]
    for rows, distances, made in self.blocks(half=True):
      mated = self.people[rows, None] == self.people[None, rows.start :]
      mated_bins.append(binned(distances[made & mated]))
      counts[1] += np.bincount(binned(distances[made & ~mated]), minlength=_BINS)
    counts[0] = np.bincount(np.concatenate(mated_bins), minlength=_BINS)
    for kind, number in zip(("person", "two people"), counts.sum(axis=1)):
      if not number:
        where = "two cameras" if self.compared == OTHER_CAMERAS else "any two tracklets"
        raise InputError(
          f"no two labelled tracklets of {where} are of one {kind}: give more labelled tracklets"
          if kind == "person"
          else f"no two labelled tracklets of {where} are of {kind}: give more labelled tracklets"
        )
    listed = np.flatnonzero(counts.any(axis=0))
    return Scores(edges_of(listed), *counts[:, listed])

  def counts(self, thresholds: np.ndarray) -> Counts:
    """Numbers of comparisons at some thresholds, by people and by cameras.

    Args:
      thresholds: float32[k].
    """
    number, groups, cameras = len(thresholds), int(self.groups.max()) + 1, len(self.camera_numbers)
    wrong = np.zeros((number, groups, groups), np.int64)
    missed, mated = np.zeros((number, groups), np.int64), np.zeros(groups, np.int64)
    camera_wrong = np.zeros((number, cameras, cameras), np.int64)
    camera_missed, camera_mated = np.zeros_like(camera_wrong), np.zeros_like(camera_wrong[0])
    group, farthest = self.groups[self.people], np.max(thresholds)
    for rows, distances, made in self.blocks(half=True):
      same = self.people[rows, None] == self.people[None, rows.start :]
      # Of the non-mated ones only the few that any threshold takes are listed.
      i, j = np.nonzero(made & ~same & (distances <= farthest))
      far, i, j = distances[i, j], i + rows.start, j + rows.start
      for at, threshold in enumerate(thresholds):
        near = far <= threshold
        wrong[at] += _table(group[i[near]], group[j[near]], groups)
        camera_wrong[at] += self._by_cameras(i[near], j[near])
      i, j = np.nonzero(made & same)
      far, i, j = distances[i, j], i + rows.start, j + rows.start
      mated += np.bincount(group[i], minlength=groups)
      camera_mated += self._by_cameras(i, j)
      for at, threshold in enumerate(thresholds):
        beyond = far > threshold
        missed[at] += np.bincount(group[i[beyond]], minlength=groups)
        camera_missed[at] += self._by_cameras(i[beyond], j[beyond])
    every = self._made(_table(group, self.cameras, groups, cameras)) - np.diag(mated)
    seen = np.diag(np.bincount(self.cameras, minlength=cameras))
    camera_every = self._made(seen) - camera_mated
    return Counts(
      wrong, every, missed, mated, camera_wrong, camera_every, camera_missed, camera_mated
    )

  def _by_cameras(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """int64[C, C], the comparisons of rows i with rows j, the smaller camera first."""
    one, other = self.cameras[i], self.cameras[j]
    return _table(np.minimum(one, other), np.maximum(one, other), len(self.camera_numbers))

  def _made(self, tracklets: np.ndarray) -> np.ndarray:
    """int64[m, m], all comparisons within and between m sets of tracklets; none below the diagonal.

    Args:
      tracklets: int64[m, C], those of each set and camera.
    """
    sizes = tracklets.sum(axis=1)
    ordered = np.outer(sizes, sizes)
    if self.compared == OTHER_CAMERAS:
      ordered -= tracklets @ tracklets.T
    else:
      ordered -= np.diag(sizes)  # No tracklet is compared with itself.
    return np.triu(ordered, 1) + np.diag(np.diag(ordered) // 2)


def _table(
  first: np.ndarray, second: np.ndarray, rows: int, columns: int | None = None
) -> np.ndarray:
  """int64[rows, columns], how often each pair of numbers occurs; a square without `columns`."""
  columns = rows if columns is None else columns
  return np.bincount(first * columns + second, minlength=rows * columns).reshape(rows, columns)
