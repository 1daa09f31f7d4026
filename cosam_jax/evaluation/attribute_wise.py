"""A protocol's evaluation restricted to people with one attribute.

There are two variants, since papers use both: queries with the attribute against the whole gallery,
and the same queries against the subset of the gallery that has the attribute too. The subset has no
distractors, since they are not annotated; it is smaller, but its people may look more alike.

Notation: `n` tracklets, `D` embedding size.
"""

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import chex
import numpy as np
import tqdm

from cosam_jax.data.attributes import (
  NOT_ANNOTATED,
  POSTERS,
  Attributes,
  parse_list,
  read_attributes,
)
from cosam_jax.errors import InputError
from cosam_jax.evaluation.cards import Result
from cosam_jax.evaluation.protocol import (
  Evaluation,
  Settings,
  evaluate_tables,
  has_match,
)


def with_attributes(
  evaluation: Evaluation, flat: Mapping[str, Any]
) -> tuple[list[Evaluation], list[str]]:
  """The evaluation of everybody, then those of the attributes in a flat configuration.

  Args:
    evaluation: of everybody.
    flat: dotted name -> value; without `evaluation.attributes_file` there are no attributes.

  Returns:
    As `attribute_evaluations`.

  Raises:
    InputError: the file cannot be read or lacks an attribute, or as `attribute_evaluations`.
  """
  path = flat.get("evaluation.attributes_file")
  if not path:
    return [evaluation], []
  attributes = read_attributes(path)
  wanted = parse_list(attributes, flat.get("evaluation.attributes") or POSTERS)
  found, left_out = attribute_evaluations(evaluation, attributes, wanted)
  return [evaluation, *found], left_out


def attribute_evaluations(
  evaluation: Evaluation, attributes: Attributes, wanted: Sequence[tuple[str, int]]
) -> tuple[list[Evaluation], list[str]]:
  """The evaluations of some attributes, over the same embedded tracklets.

  Args:
    evaluation: of everybody.
    attributes: the annotations.
    wanted: (attribute, value) pairs, from `Attributes.parse`.

  Returns:
    For each pair the evaluation on the whole gallery, then on the subset; and a sentence for each
    evaluation that was left out because no query has the attribute, or none has a match.

  Raises:
    InputError: the annotations belong to another data set, or no evaluation is left.
  """
  table = evaluation.table
  if attributes.dataset != evaluation.dataset:
    raise InputError(
      f"{attributes.source} annotates {attributes.dataset}, and the data set is "
      f"{evaluation.dataset}: give the attributes of the same data set"
    )
  found, left_out = [], []
  for attribute, value in wanted:
    text = attributes.describe(attribute, value)
    values = attributes.of(attribute, table.names, table.identities)
    unannotated = {
      "query identities": _nobody_annotated(evaluation, evaluation.query_rows, values),
      "gallery identities": _nobody_annotated(evaluation, evaluation.gallery_rows, values),
    }
    queries = evaluation.query_rows[values[evaluation.query_rows] == value]
    inside = evaluation.gallery_rows[values[evaluation.gallery_rows] == value]
    for variant, gallery in (("whole", evaluation.gallery_rows), ("subset", inside)):
      name = f"{text}, {variant} gallery"
      if not len(queries):
        left_out.append(f"{name}: none of the {len(evaluation.query_rows)} queries is annotated so")
      elif not has_match(table.select(queries), table.select(gallery)).any():
        left_out.append(f"{name}: none of the {len(queries)} queries has a match")
      else:
        found.append(
          dataclasses.replace(
            evaluation,
            query_rows=queries,
            gallery_rows=gallery,
            attribute=text,
            attribute_gallery=variant,
            unannotated=unannotated,
          )
        )
  if not found:
    raise InputError(f"nothing to evaluate by {attributes.source}: {'; '.join(left_out)}")
  return found, left_out


def evaluate_with_attributes(
  features: chex.Array, parts: Sequence[Evaluation], settings: Settings, **about: Any
) -> tuple[Result, ...]:
  """The results of everybody, also re-ranked, and of each attribute, not re-ranked.

  Re-ranking uses the other queries too, so re-ranking a few queries alone would give them other
  ranks than among all.

  Args:
    features: float[n, D], one vector for each tracklet.
    parts: from `with_attributes`.
    settings: see `protocol.evaluate_tables`.
    about: likewise.
  """
  as_ranked = dataclasses.replace(settings, reranking=False, listed=0)
  results: list[Result] = []
  hidden = len(parts) == 1 or not sys.stderr.isatty()
  for part in tqdm.tqdm(parts, desc="attributes", disable=hidden):
    asked = settings if part.attribute is None else as_ranked
    results += evaluate_tables(features, part, asked, **about)
  return tuple(results)


def _nobody_annotated(evaluation: Evaluation, rows: np.ndarray, values: np.ndarray) -> int:
  """The number of people in some rows without any annotation; distractors do not count."""
  identities = evaluation.table.identities[rows]
  people = evaluation.table.numbering.people(identities)
  known = identities[people & (values[rows] != NOT_ANNOTATED)]
  return len(np.setdiff1d(identities[people], known))
