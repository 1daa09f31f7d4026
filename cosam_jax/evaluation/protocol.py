"""The protocol of an evaluation, its card, and its result.

Published numbers on MARS come from protocols that cannot be compared. `reference` (the poster's)
takes the queries out of the gallery, `official` leaves them in; `reference_4f` and `official_4f`
use 4 evenly drawn frames of each tracklet (or any other number), the others all frames.

Notation: `Q` queries, `G` gallery entries, `n` tracklets to embed, `D` embedding size.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import chex
import numpy as np

from cosam_jax.data.identities import JUNK, UNKNOWN_CAMERA
from cosam_jax.data.tracklets import Tables, TrackletTable, concatenate
from cosam_jax.errors import InputError
from cosam_jax.evaluation import distances, rerank
from cosam_jax.evaluation.cards import Card, Result
from cosam_jax.evaluation.protocol_names import parse_protocol
from cosam_jax.evaluation.ranks import Labels
from cosam_jax.evaluation.retrieval import RetrievalMetrics, evaluate_features, evaluate_rankings
from cosam_jax.evaluation.shortlists import list_distances, list_features

TAIL = "cyclic: the last clip repeats its own frames until it is full, and weighs as any other"


@dataclasses.dataclass(frozen=True)
class Settings:
  """How to evaluate.

  Attributes:
    protocol: "reference" or "official", with all frames; or with "_<N>f" for N frames a tracklet.
    distance: "sqeuclidean" or "cosine".
    reranking: whether to report k-reciprocal re-ranking too.
    k1: see `rerank.k_reciprocal_distance`.
    k2: likewise.
    lambda_value: likewise.
    max_rank: length of the CMC curve, at least 1.
    listed: number of first entries of each ranking that the results hold; 0 for none.
  """

  protocol: str = "reference"
  distance: str = "sqeuclidean"
  reranking: bool = False
  k1: int = 20
  k2: int = 6
  lambda_value: float = 0.3
  max_rank: int = 50
  listed: int = 0

  def __post_init__(self):
    parse_protocol(self.protocol)
    distances.distance_function(self.distance)
    rerank.check_settings(self.k1, self.k2, self.lambda_value)


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
  """The tracklets of a protocol, each of which is embedded once.

  Attributes:
    dataset: the data set's name.
    protocol: the protocol's name.
    table: the n tracklets.
    query_rows: int64[Q], the rows of the queries in `table`.
    gallery_rows: int64[G], the rows of the gallery in `table`, in gallery order.
    warnings: the reader's sentences about the directory, such as that it is a subset.
    attribute: for the card: which queries these are; None: all.
    attribute_gallery: for the card.
    unannotated: for the card.
  """

  dataset: str
  protocol: str
  table: TrackletTable
  query_rows: np.ndarray
  gallery_rows: np.ndarray
  warnings: tuple[str, ...] = ()
  attribute: str | None = None
  attribute_gallery: str | None = None
  unannotated: Mapping[str, int] = dataclasses.field(default_factory=dict)

  @property
  def frames_per_tracklet(self) -> int | None:
    """The number of evenly drawn frames of a tracklet that are used; None: all."""
    return parse_protocol(self.protocol)[1]


def evaluation_of(tables: Tables, protocol: str = "reference") -> Evaluation:
  """Lists the tracklets that a protocol needs, each once.

  Args:
    tables: a data set.
    protocol: see `Settings`.

  Raises:
    InputError: the protocol is unknown, there is no query or no gallery, or no query has a match.
  """
  kind, _ = parse_protocol(protocol)
  gallery = tables.gallery if kind == "reference" else tables.gallery_with_queries()
  check_searchable(tables.name, tables.query, gallery)
  table, (query_rows, gallery_rows) = listed_once(tables.query, gallery)
  return Evaluation(
    dataset=tables.name,
    protocol=protocol,
    table=table,
    query_rows=query_rows,
    gallery_rows=gallery_rows,
    warnings=tuple(tables.warnings),
  )


def listed_once(*parts: TrackletTable) -> tuple[TrackletTable, list[np.ndarray]]:
  """Every tracklet of some tables once, and for each table the rows of its tracklets."""
  together = functools.reduce(concatenate, parts)
  # A tracklet is identified by its first frame; queries that are in the gallery too come twice.
  _, first, inverse = np.unique(together.starts, return_index=True, return_inverse=True)
  kept = np.sort(first)
  rows = np.searchsorted(kept, first[inverse])
  return together.select(kept), np.split(rows, np.cumsum([len(part) for part in parts])[:-1])


def check_searchable(dataset: str, query: TrackletTable, gallery: TrackletTable) -> None:
  """Raises InputError if there is no query, no gallery or no query with a match.

  It also raises it if a camera is unknown, since a match must not be of the query's own camera.
  """
  for part, table in (("query", query), ("gallery", gallery)):
    if not len(table):
      raise InputError(f"{dataset} has no {part} tracklets; evaluation needs at least one.")
    asked = table.numbering.people(table.identities) & np.isin(table.identities, query.identities)
    unknown = np.flatnonzero(asked & (table.cameras == UNKNOWN_CAMERA))
    if len(unknown):
      raise InputError(
        f"the camera of {len(unknown):,} {part} tracklets of {dataset}, such as "
        f"{str(table.names[unknown[0]])!r}, is not known ({UNKNOWN_CAMERA}): name their cameras or "
        "leave them out"
      )
  if not has_match(query, gallery).any():
    raise InputError(
      f"none of the {len(query)} queries of {dataset} has a match under another camera "
      "in the gallery, so there is nothing to measure; add gallery tracklets of the same people"
    )


def has_match(query: TrackletTable, gallery: TrackletTable) -> np.ndarray:
  """bool[Q]: whether the gallery has the query's identity under another camera."""
  seen: dict[int, set[int]] = {}
  for identity, camera in zip(gallery.identities.tolist(), gallery.cameras.tolist()):
    seen.setdefault(identity, set()).add(camera)
  somebody = query.numbering.people(query.identities)
  return np.array(
    [
      person and bool(seen.get(identity, set()) - {camera})
      for person, identity, camera in zip(
        somebody.tolist(), query.identities.tolist(), query.cameras.tolist()
      )
    ]
  )


def evaluate_tables(
  features: chex.Array,
  evaluation: Evaluation,
  settings: Settings,
  *,
  num_frames: int | None = None,
  split: int | None = None,
  flip: bool = False,
  checkpoint: str | None = None,
  checkpoint_hash: str | None = None,
  foreign: Mapping[str, Any] | None = None,
  label: str = "",
) -> tuple[Result, ...]:
  """Ranks the gallery for every query; the results' cards say how.

  Args:
    features: float[n, D], one vector for each tracklet of `evaluation.table`.
    evaluation: from `evaluation_of`, with the same protocol as `settings`.
    settings: how to evaluate.
    num_frames: for the card.
    split: for the card.
    flip: for the card.
    checkpoint: for the card.
    checkpoint_hash: for the card.
    foreign: for the card; None: the network is ours.
    label: for the result.

  Returns:
    The result; with `settings.reranking`, then the re-ranked one.

  Raises:
    InputError: features cannot be ranked (the error names the tracklet), or no query counts.
  """
  if settings.protocol != evaluation.protocol:
    raise InputError(
      f"The settings ask for protocol {settings.protocol!r}, but the tracklets were listed for "
      f"{evaluation.protocol!r}; list them again with evaluation_of."
    )
  table, queries, gallery = evaluation.table, evaluation.query_rows, evaluation.gallery_rows
  vectors = distances.check_features(features, "embedded", table.names)
  if len(vectors) != len(table):
    raise InputError(
      f"There are {len(vectors)} vectors for the {len(table)} tracklets of {evaluation.dataset}; "
      "give one for each."
    )
  identities = table.identities[queries]
  who = {
    # A query that is a distractor or junk is nobody in particular: nothing may match it.
    "query_ids": np.where(table.numbering.people(identities), identities, JUNK),
    "gallery_ids": table.identities[gallery],
    "query_cameras": table.cameras[queries],
    "gallery_cameras": table.cameras[gallery],
  }
  labels = Labels.checked(**who)
  both = (vectors[queries], vectors[gallery])
  metrics = evaluate_features(*both, distance=settings.distance, max_rank=settings.max_rank, **who)
  card = dataclasses.replace(
    _card(evaluation, settings, metrics),
    num_frames=num_frames,
    split=split,
    flip=flip,
    checkpoint=checkpoint,
    checkpoint_hash=checkpoint_hash,
    foreign=dict(foreign or {}),
  )
  names = table.names[queries]
  first = None
  if settings.listed:
    first = list_features(*both, labels, distance=settings.distance, length=settings.listed)
  results = [Result(card, metrics, names, identities, label, first, table.numbering)]
  if settings.reranking:
    # Squared distances of unit vectors are twice their cosine distances, and the factor cancels.
    base = vectors if settings.distance == "sqeuclidean" else np.asarray(distances.unit(vectors))
    k1, k2, lambda_value = settings.k1, settings.k2, settings.lambda_value
    distance = rerank.k_reciprocal_distance(base[queries], base[gallery], k1, k2, lambda_value)
    constants = {"k1": k1, "k2": k2, "lambda": lambda_value}
    reranked = dataclasses.replace(card, reranking=constants)
    metrics = evaluate_rankings(distance, max_rank=settings.max_rank, **who)
    if settings.listed:
      first = list_distances(distance, labels, length=settings.listed)
    results.append(Result(reranked, metrics, names, identities, label, first, table.numbering))
  return tuple(results)


def _card(
  evaluation: Evaluation,
  settings: Settings,
  metrics: RetrievalMetrics,
) -> Card:
  table, queries, gallery = evaluation.table, evaluation.query_rows, evaluation.gallery_rows
  gallery_ids = table.identities[gallery]
  frames, lengths = evaluation.frames_per_tracklet, table.lengths.astype(np.int64)
  return Card(
    dataset=evaluation.dataset,
    protocol=evaluation.protocol,
    split=None,
    gallery_size=int((gallery_ids != JUNK).sum()),
    queries_in_gallery=int(np.isin(queries, gallery).sum()),
    distractors=int(table.numbering.distractors(gallery_ids).sum()),
    junk=int((gallery_ids == JUNK).sum()),
    queries=len(queries),
    valid_queries=metrics.num_valid_queries,
    not_counted=_not_counted(
      table.numbering.people(table.identities[queries]),
      np.isin(table.identities[queries], gallery_ids),
      metrics.valid,
    ),
    frames="all" if frames is None else f"{frames} evenly drawn",
    frames_used=int(lengths.sum() if frames is None else np.minimum(lengths, frames).sum()),
    num_frames=None,
    tail=TAIL,
    distance=settings.distance,
    reranking=None,
    checkpoint=None,
    attribute=evaluation.attribute,
    attribute_gallery=evaluation.attribute_gallery,
    unannotated=evaluation.unannotated,
    warnings=evaluation.warnings,
  )


def _not_counted(somebody: np.ndarray, present: np.ndarray, valid: np.ndarray) -> dict[str, int]:
  nobody, absent = ~somebody, somebody & ~present
  reasons = {
    "a distractor or junk as a query": nobody,
    "identity not in the gallery": absent,
    "identity seen by the query's camera only": ~valid & ~nobody & ~absent,
  }
  return {reason: int(which.sum()) for reason, which in reasons.items() if which.any()}
