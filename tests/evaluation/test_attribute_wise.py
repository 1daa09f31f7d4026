"""Attribute-wise evaluations: whom they ask, whom they search, and who is left out."""

import dataclasses

import numpy as np
import pytest
from evaluation_embeddings import made

from cosam_jax.data.attributes import Attributes
from cosam_jax.data.identities import Numbering
from cosam_jax.errors import InputError
from cosam_jax.evaluation.attribute_wise import (
  attribute_evaluations,
  evaluate_with_attributes,
  with_attributes,
)
from cosam_jax.evaluation.embeddings import Origin
from cosam_jax.evaluation.protocol import Settings, evaluate_tables
from cosam_jax.reports.results import terminal_table


def annotated(hats, dataset="toy"):
  """`hats`: tracklet name or identity -> value."""
  return Attributes(
    source="a.csv",
    dataset=dataset,
    rows={str(key): i for i, key in enumerate(hats)},
    columns={"hat": np.array(list(hats.values()))},
    words={"hat": {"no": 0, "yes": 1}},
  )


@pytest.fixture
def evaluation():
  found = made(origin=Origin("toy", num_frames=2)).evaluation()
  table = dataclasses.replace(found.table, numbering=Numbering(distractor=0))
  return dataclasses.replace(found, table=table)


def test_queries_with_the_attribute_and_the_two_galleries(evaluation):
  hats = annotated({1: 1, 2: 0})  # Person 3 is not annotated.
  (whole, subset), left_out = attribute_evaluations(evaluation, hats, [("hat", 1)])
  assert left_out == []
  for part in (whole, subset):
    np.testing.assert_array_equal(part.query_rows, [0])
    assert part.unannotated == {"query identities": 0, "gallery identities": 1}
  np.testing.assert_array_equal(whole.gallery_rows, evaluation.gallery_rows)
  np.testing.assert_array_equal(subset.gallery_rows, [2, 3])  # Nobody else, no distractors.
  assert [part.attribute for part in (whole, subset)] == ["hat=yes", "hat=yes"]
  assert [part.attribute_gallery for part in (whole, subset)] == ["whole", "subset"]
  vectors = made().vectors
  (everybody,) = evaluate_tables(vectors, evaluation, Settings())
  (result,) = evaluate_tables(vectors, whole, Settings())
  assert result.metrics.average_precision[0] == everybody.metrics.average_precision[0]
  assert (result.card.attribute, result.card.attribute_gallery) == ("hat=yes", "whole")
  assert result.card.unannotated["gallery identities"] == 1


def test_what_has_nothing_to_measure_is_told(evaluation):
  hats = annotated({1: 1, 2: 1})
  found, left_out = attribute_evaluations(evaluation, hats, [("hat", 1), ("hat", 0)])
  assert len(found) == 2
  assert left_out == [
    "hat=no, whole gallery: none of the 2 queries is annotated so",
    "hat=no, subset gallery: none of the 2 queries is annotated so",
  ]
  with pytest.raises(InputError, match=r"nothing to evaluate by a\.csv: hat=no"):
    attribute_evaluations(evaluation, hats, [("hat", 0)])


def test_by_tracklet_a_person_may_be_half_annotated():
  evaluation = made(origin=Origin("mars", num_frames=2)).evaluation()
  # Query t0 wears a hat. Of its matches, t2 wears none, and t3 is not annotated.
  hats = annotated({"t0": 1, "t2": 0, "t4": 1}, "mars")
  found, left_out = attribute_evaluations(evaluation, hats, [("hat", 1)])
  (whole,) = found
  assert whole.unannotated == {"query identities": 1, "gallery identities": 1}
  assert left_out == ["hat=yes, subset gallery: none of the 1 queries has a match"]


def test_annotations_of_another_data_set_are_refused(evaluation):
  with pytest.raises(InputError, match=r"a\.csv annotates mars, and the data set is toy"):
    attribute_evaluations(evaluation, annotated({1: 1}, "mars"), [("hat", 1)])


def test_attributes_by_configuration(tmp_path):
  evaluation = made(origin=Origin("mars", num_frames=2)).evaluation()
  path = tmp_path / "a.csv"
  path.write_text("person-id,camera,tracklet,hat,handbag,backpack\n1,1,1,1,0,0\n")
  fields = {"evaluation.attributes_file": str(path), "evaluation.attributes": ""}
  assert with_attributes(evaluation, {}) == ([evaluation], [])
  assert with_attributes(evaluation, fields | {"evaluation.attributes_file": ""})[0] == [evaluation]
  names = np.array(["0001C1T0001", *(f"t{i}" for i in range(1, 10))])
  evaluation = made(origin=Origin("mars", num_frames=2), names=names).evaluation()
  parts, left_out = with_attributes(evaluation, fields)
  no_attributes_named = {"evaluation.attributes_file": str(path)}
  assert len(with_attributes(evaluation, no_attributes_named)[0]) == len(parts)
  assert [(part.attribute, part.attribute_gallery) for part in parts] == [
    (None, None), ("hat=yes", "whole")
  ]  # fmt: skip
  assert [sentence.partition(":")[0] for sentence in left_out] == [
    "handbag=yes, whole gallery", "handbag=yes, subset gallery", "hat=yes, subset gallery",
    "backpack=yes, whole gallery", "backpack=yes, subset gallery",
  ]  # fmt: skip
  results = evaluate_with_attributes(
    made().vectors, parts, Settings(reranking=True, k1=3, k2=2), label="x"
  )
  assert [(r.card.attribute, r.card.reranking is None) for r in results] == [
    (None, True), (None, False), ("hat=yes", True)
  ]  # fmt: skip
  everybody, _, hats = results
  assert hats.metrics.average_precision[0] == everybody.metrics.average_precision[0]
  table = terminal_table(results)
  assert max(map(len, table.split("\n"))) < 80
  (row,) = [line.split() for line in table.split("\n") if line.startswith("hat=yes")]
  assert row[:4] == ["hat=yes", "whole", "1", f"{100 * hats.metrics.mean_average_precision:.2f}"]
  assert "1 query identities, 3 gallery identities without annotation" in table
