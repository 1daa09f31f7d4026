"""What is said about links: the expected number of wrong ones is the sum of their chances."""

import labelled
import numpy as np
import pytest

from cosam_jax.evaluation.average_linkage import Merge
from cosam_jax.evaluation.corrections import Corrections, applied
from cosam_jax.evaluation.embeddings import write_embeddings
from cosam_jax.evaluation.link_calibration import KindOfLink
from cosam_jax.evaluation.linking import Links
from cosam_jax.experiment.link_inputs import open_tracklets
from cosam_jax.experiment.link_notes import facts_of_links, notes_on_links
from cosam_jax.experiment.link_times import whereabouts
from cosam_jax.experiment.search_sides import Networks

KNOWN = KindOfLink(
  0.5, np.array([0.2, 0.6]), np.array([0.9, 0.4]),
  {"pairwise_precision": 0.75, "bcubed_f": 0.8}, {"pairwise_precision": [0.7, 0.8]},
)  # fmt: skip


@pytest.fixture
def found(tmp_path):
  write_embeddings(tmp_path / "e.npz", labelled.embeddings(labelled.drawn(people=2, tracklets=2)))
  return open_tracklets([tmp_path / "e.npz"], Networks())


def test_wrong_links_are_counted_by_their_chances(found):
  links = Links(np.array([0, 0, 0, 3]), [Merge(0, 1, 0.1), Merge(0, 2, 0.5)], 0)
  facts = facts_of_links(found, links, 0, KNOWN)
  assert (facts["people"], facts["links"], facts["links_by_distance"]) == (2, 2, 2)
  assert facts["expected_false_links"] == pytest.approx(0.1 + 0.6)
  assert facts["agreement"]["people"] == 2
  assert facts_of_links(found, links, 0, None)["expected_false_links"] is None


def test_what_was_measured_holds_for_the_calibrations_cut_alone(found):
  seen = whereabouts(found)
  start = applied(Corrections(((found.names[0], "gone"),)), found.names, np.arange(4))
  about = {"expected": {**KNOWN.numbers, "intervals": KNOWN.intervals}}
  notes = notes_on_links(found, seen, start, about, chosen=True)
  assert "25% (95% interval 20 to 30) of the pairs" in notes[0]
  assert "for whom the cut was chosen" in notes[0]
  assert "times are known of 0 of 4 tracklets" in notes[1]
  assert "1 name of the corrections, such as 'gone', is no tracklet's here" in notes[2]
  assert "of the pairs" not in " ".join(notes_on_links(found, seen, start, about, chosen=False))
  nothing = notes_on_links(found, seen, start, {"expected": None}, chosen=True)
  assert nothing[0] == "no calibration: nobody knows how many of these links are wrong"
