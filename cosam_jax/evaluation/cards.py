"""The result of an evaluation, and the card that explains its numbers.

Notation: `Q` queries.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from cosam_jax.data.identities import PLAIN, Numbering
from cosam_jax.evaluation.bootstrap import interval_record, query_scores
from cosam_jax.evaluation.retrieval import RetrievalMetrics
from cosam_jax.evaluation.shortlists import Shortlist

RANKS = (1, 5, 10, 20)


@dataclasses.dataclass(frozen=True)
class Card:
  """Facts that must agree before two results may be compared.

  Attributes:
    dataset: the data set's name.
    protocol: the protocol's name, see `protocol.Settings`.
    split: number of the split, if a data set has several, else None.
    gallery_size: number of entries, with distractors and without junk.
    queries_in_gallery: number of queries that are in the gallery too.
    distractors: number of gallery entries of the data set's distractor identity, which match
      nobody.
    junk: number of gallery entries without an identity (-1), which were dropped.
    queries: number of all queries.
    valid_queries: number of queries that count.
    not_counted: reason -> number of queries that do not count because of it.
    frames: "all", or "<N> evenly drawn".
    frames_used: frames of all embedded tracklets together.
    num_frames: frames of a clip; None if the vectors come from elsewhere.
    tail: how the last clip is filled if a tracklet is not a whole number of clips.
    distance: the distance's name.
    reranking: None, or {"k1", "k2", "lambda"}.
    checkpoint: names the weights, for people, such as "step 240"; None if unknown.
    checkpoint_hash: of the weights' names and bytes, see `fingerprints`; None if unknown.
    pooling: how the vectors of clips became one.
    flip: whether a clip's vector is the mean of its own and its mirror image's.
    foreign: of a network of another program: its file and digests, the preprocessing of its frames,
      and who may compare, see `models.foreign`; empty for a network of ours.
    attribute: the attribute of the queries, such as "hat=yes"; None: all queries.
    attribute_gallery: with an attribute, "whole", or "subset" if it holds only people who have it.
    unannotated: with an attribute, the numbers of people without annotation, among queries and
      gallery.
    warnings: reasons against comparing these numbers, such as a subset of the data.
  """

  dataset: str
  protocol: str
  split: int | None
  gallery_size: int
  queries_in_gallery: int
  distractors: int
  junk: int
  queries: int
  valid_queries: int
  not_counted: Mapping[str, int]
  frames: str
  frames_used: int
  num_frames: int | None
  tail: str
  distance: str
  reranking: Mapping[str, float] | None
  checkpoint: str | None
  checkpoint_hash: str | None = None
  pooling: str = "mean"
  flip: bool = False
  foreign: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  attribute: str | None = None
  attribute_gallery: str | None = None
  unannotated: Mapping[str, int] = dataclasses.field(default_factory=dict)
  warnings: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class Result:
  """Metrics with the card that explains them.

  Attributes:
    card: the protocol.
    metrics: the numbers, also those of each query.
    query_names: str[Q].
    query_identities: int32[Q].
    label: names the evaluated weights, for people, such as "before training"; may be empty.
    first: the first entries of each query's ranking, if they were asked for.
    numbering: names of the identities.
  """

  card: Card
  metrics: RetrievalMetrics
  query_names: np.ndarray
  query_identities: np.ndarray
  label: str = ""
  first: Shortlist | None = None
  numbering: Numbering = PLAIN

  @functools.cached_property
  def _scores(self) -> dict[str, np.ndarray]:
    """Scores of each query, by metric."""
    found = self.metrics
    return query_scores(
      found.average_precision, found.first_match, found.inverse_negative_penalty, RANKS
    )

  @functools.cached_property
  def _uncertainty(self) -> dict[str, Any]:
    """The intervals; drawn once, for the file and for the terminal."""
    return interval_record(self._scores, self.query_identities)

  def record(self) -> dict[str, Any]:
    """Plain values for `reports`: label, card, metrics with intervals and cmc (all fractions), and
    every query's own numbers.
    """
    metrics = self.metrics
    return {
      "label": self.label,
      "card": dataclasses.asdict(self.card),
      "metrics": {name: float(np.nanmean(values)) for name, values in self._scores.items()},
      "uncertainty": self._uncertainty,
      "cmc": metrics.cmc.tolist(),
      "queries": {
        "name": [str(name) for name in self.query_names],
        "identity": [self.numbering.identity(number) for number in self.query_identities],
        "average_precision": _without_nan(metrics.average_precision),
        "inverse_negative_penalty": _without_nan(metrics.inverse_negative_penalty),
        "first_match": metrics.first_match.tolist(),
      },
    }


def _without_nan(values: np.ndarray) -> list[float | None]:
  return [None if np.isnan(value) else float(value) for value in values]
