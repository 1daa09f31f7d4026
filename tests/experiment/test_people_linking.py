"""Stitched pieces and the sides of the weakest link, as people see them."""

import dataclasses
import json

import labelled
import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.evaluation.average_linkage import Merge
from cosam_jax.evaluation.embeddings import write_embeddings
from cosam_jax.experiment.link_inputs import open_tracklets
from cosam_jax.experiment.people_linking import LinkSettings, _sides, link_people
from cosam_jax.experiment.search_sides import Networks

pytestmark = pytest.mark.usefixtures("hasty_compilation")


def test_the_sides_are_the_two_groups_of_the_last_merge():
  merges = [Merge(2, 5, 0.1), Merge(3, 8, 0.2), Merge(2, 3, 0.4)]
  assert _sides([2, 3, 5, 8], merges, np.arange(9)) == [0, 1, 0, 1]
  together = np.arange(9)
  together[7] = 8
  assert _sides([2, 3, 5, 7, 8], merges, together) == [0, 1, 0, 1, 1]
  assert _sides([4, 6], [], np.zeros(9)) == [0, 0]


def test_pieces_of_a_track_are_joined_first(tmp_path):
  """The vectors of two pieces are farther apart than the threshold of a link within the gap."""
  vectors = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1]], np.float32)
  made = labelled.embeddings((vectors, np.full(4, -1), np.full(4, -1)))
  made = dataclasses.replace(
    made, camera_names=np.array(["gate"] * 4), sources=np.array(["/v/gate.mp4"] * 4),
    first_times=np.array([0.0, 6, 0, 30]), last_times=np.array([5.0, 9, 5, 40]),
  )  # fmt: skip
  write_embeddings(tmp_path / "e.npz", made)
  found = open_tracklets([tmp_path / "e.npz"], Networks())
  for gap, stitched in ((0.0, 0), (2.0, 1), (60.0, 2)):
    people = link_people(found, tmp_path / "out", LinkSettings(threshold=0.02, gap=gap))
    about = json.loads((tmp_path / "out" / "people.json").read_text())
    assert (about["stitched"], len(people)) == (stitched, 2)
    assert about["links_by_distance"] == 2 - stitched


def test_vectors_that_say_nothing_are_refused_or_said(tmp_path, capsys):
  vectors = np.array([[1, 0], [1, 0.01], [1, 0]], np.float32)
  unknown = np.full(3, -1)
  for factor in (1, [[1], [0], [1]]):
    made = labelled.embeddings((np.float32(factor) * vectors, unknown, unknown))
    write_embeddings(tmp_path / f"{np.size(factor)}.npz", made)
  settings = LinkSettings(threshold=0.02)
  link_people(open_tracklets([tmp_path / "1.npz"], Networks()), tmp_path / "out", settings)
  assert "the vectors of 3 tracklets are nearly the same" in capsys.readouterr().out
  found = open_tracklets([tmp_path / "3.npz"], Networks())
  with pytest.raises(InputError, match="t1 has a vector of zeros, which has no direction"):
    link_people(found, tmp_path / "other", settings)
  assert not (tmp_path / "other").exists()
