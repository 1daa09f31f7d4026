"""Digests of test sets: the same wherever a set lies, and another for other people or pictures."""

import dataclasses
import pathlib
import shutil

import numpy as np
import pytest

from cosam_jax.data.sets.mars import read_mars
from cosam_jax.experiment.evaluated_set import SAMPLED, digest_of, is_whole, may_be_same


def read(directory):
  return read_mars(directory, name="mars")


def test_a_set_has_its_digest_wherever_it_lies(tiny_synthetic, tmp_path):
  moved = shutil.copytree(tiny_synthetic, tmp_path / "moved")
  assert digest_of(read(moved), "reference") == digest_of(read(tiny_synthetic), "reference")
  # The protocols rank the same tracklets.
  assert digest_of(read(moved), "reference") == digest_of(read(moved), "official")


def test_other_pictures_have_another_digest(tiny_synthetic, tmp_path):
  """Each tracklet's middle frame counts; there are fewer tracklets than are looked at."""
  tables = read(tiny_synthetic)
  digest = digest_of(tables, "reference")
  moved = shutil.copytree(tiny_synthetic, tmp_path / "moved")
  tested = read(moved)
  assert len(tested.query) + len(tested.gallery) <= SAMPLED
  for table in (tested.query, tested.gallery):
    path = pathlib.Path(table.frames.path(int(table.starts[-1] + table.lengths[-1] // 2)))
    data = path.read_bytes()
    path.write_bytes(data + b" ")
    found = digest_of(tested, "reference")
    assert found.split("-")[0] == digest.split("-")[0]
    assert not may_be_same(found, digest)
    path.write_bytes(data)
  assert digest_of(tested, "reference") == digest


def test_a_frame_that_cannot_be_read_makes_no_other_set(tiny_synthetic, tmp_path):
  tested = read(shutil.copytree(tiny_synthetic, tmp_path / "moved"))
  digest = digest_of(tested, "reference")
  table = tested.query
  pathlib.Path(table.frames.path(int(table.starts[0] + table.lengths[0] // 2))).unlink()
  assert digest_of(tested, "reference") == digest.split("-")[0]
  assert may_be_same(digest_of(tested, "reference"), digest)


@pytest.mark.parametrize("column", ["identities", "cameras"])
def test_other_people_have_another_digest(tiny_synthetic, column):
  tables = read(tiny_synthetic)
  numbers = getattr(tables.gallery, column).copy()
  numbers[np.argmax(numbers)] += 1
  gallery = dataclasses.replace(tables.gallery, **{column: numbers})
  other = dataclasses.replace(tables, gallery=gallery)
  assert not may_be_same(digest_of(other, "reference"), digest_of(tables, "reference"))


def test_digests_of_earlier_versions_say_less():
  for first, second, same in (
    ("12-34", "12-34", True),
    ("12-34", "12-35", False),
    ("12", "12-34", True),
    ("13", "12-34", False),
    (None, "12-34", True),
    (7, "12-34", True),
  ):
    assert may_be_same(first, second) is may_be_same(second, first) is same


def test_a_drawn_set_is_not_the_whole_of_the_published_one(tiny_synthetic):
  assert not is_whole(read(tiny_synthetic))
