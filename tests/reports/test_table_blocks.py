"""Rows and columns of the poster's tables before they have a format."""

import pytest

from cosam_jax.reports.table_blocks import Block, Line


def line(comparable=True, published=(("mAP", 70.0), ("Rank-1", 80.5)), **ours):
  return Line("a row", ours, {}, dict(published), "", comparable)


@pytest.mark.parametrize(
  ("row", "metric", "wanted"),
  [
    (line(mAP=71.5), "mAP", 1.5),
    (line(mAP=71.5), "Rank-1", None),  # Ours is missing.
    (line(mINP=50.0), "mINP", None),  # The poster has none.
    (line(comparable=False, mAP=71.5), "mAP", None),
    (line(**{"Rank-1": 80.0}), "Rank-1", -0.5),
  ],
)
def test_a_difference_needs_both_numbers_and_that_they_can_be_compared(row, metric, wanted):
  assert row.difference(metric) == wanted


def test_a_block_has_a_title_and_knows_whether_the_poster_has_numbers():
  empty = line(published=())
  block = Block("temporal", "mars", ("mAP",), (empty,), (), ())
  assert block.title.endswith(": mars (%)")
  assert not block.has_published
  assert not Block("temporal", "mars", ("mAP",), (), (), ()).has_published
  assert Block("temporal", "mars", ("mAP",), (empty, line()), (), ()).has_published
