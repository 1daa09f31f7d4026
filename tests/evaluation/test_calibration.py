"""What a calibration answers about a distance, against loops over all pairs."""

import dataclasses

import labelled
import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.evaluation.calibration import Wishes, calibrate
from cosam_jax.evaluation.identification import open_set_searches

QUICK = Wishes(fmr=(0.1, 0.02), rank=3, resamples=200)


@pytest.fixture(scope="module")
def drawing():
  return labelled.drawn()


@pytest.fixture(scope="module")
def calibration(drawing):
  return calibrate(labelled.embeddings(drawing), "sqeuclidean", QUICK)


def test_a_distance_has_the_rate_of_the_pairs_at_least_as_near(calibration, drawing):
  every = labelled.pairs(*drawing)
  non_mated = np.array([far for *_, far, mated in every if not mated])
  least = 3 / (12 * 11 / 2)
  assert calibration.comparisons["smallest_fmr"] == pytest.approx(least)
  for far in (0.1, 2.0, 5.0, 11.0, 1e9):
    rate = np.mean(non_mated <= far)
    found = calibration.false_match_rate(far)
    # Of the next point of a thinned curve: never too small, and not much too large.
    assert max(rate, least) <= found <= max(1.2 * rate + 0.01, least)


def test_a_threshold_has_its_own_rate(calibration):
  for point in calibration.points:
    least = calibration.comparisons["smallest_fmr"]
    assert calibration.false_match_rate(point.threshold) == max(point.fmr, least)


def test_the_first_wish_decides(calibration):
  at = calibration.points[0].threshold
  assert calibration.threshold == at
  assert calibration.is_same(at)
  assert not calibration.is_same(at * 1.001)
  assert calibration.points[1].threshold < at


def test_probabilities_fall_and_follow_the_prior(calibration, drawing):
  every = labelled.pairs(*drawing)
  share = np.mean([mated for *_, mated in every])
  assert calibration.prior == pytest.approx(share)
  found = [calibration.probability(far) for far in (0.1, 2.0, 5.0, 11.0, 50.0)]
  assert found == sorted(found, reverse=True)
  assert 0 < found[-1] < share < found[0] < 1
  assert calibration.probability(5.0, prior=0.9) > calibration.probability(5.0)
  # Over all pairs, the probabilities are as many as there are pairs of one person.
  mean = np.mean([calibration.probability(far) for *_, far, _ in every])
  assert mean == pytest.approx(share, rel=0.1)
  for prior in (0.0, 1.0, -1, np.nan):
    with pytest.raises(InputError, match="it must be more than 0 and less than 1"):
      calibration.probability(1.0, prior=prior)


def test_searches_are_measured_at_both_kinds_of_thresholds(calibration, drawing):
  from cosam_jax.evaluation.comparisons import Comparisons

  searches = open_set_searches(Comparisons(*drawing))
  found = calibration.identification
  assert [row["wished_fmr"] for row in found["at_fmr"]] == [0.1, 0.02]
  for row in (*found["at_fmr"], *found["at_fpir"]):
    assert row["fpir"] == searches.fpir(row["threshold"])
    assert row["fnir_rank_1"] == searches.fnir(row["threshold"], 1)
    assert row["fnir_rank_r"] == searches.fnir(row["threshold"], 3)
    assert row["dir_rank_1"] == 1 - row["fnir_rank_1"]
  assert all(row["fpir"] <= row["wished_fpir"] for row in found["at_fpir"])


def test_a_wished_prior_and_all_pairs(drawing):
  wishes = dataclasses.replace(QUICK, prior=0.5, compared="all")
  found = calibrate(labelled.embeddings(drawing), "cosine", wishes)
  assert found.prior == 0.5
  assert found.comparisons["mated"] == 12 * (5 * 4 // 2)
  assert found.network["distance"] == "cosine"


def test_those_who_are_nobody_are_left_out(drawing, capsys):
  vectors, people, cameras = drawing
  people, cameras = people.copy(), cameras.copy()
  people[[0, 1]], people[2], cameras[3] = 0, -1, -1  # In MARS 0 is a distractor.
  found = calibrate(labelled.embeddings((vectors, people, cameras)), "sqeuclidean", QUICK)
  assert found.data["tracklets"] == 56
  out = capsys.readouterr().out
  assert "left out: 3 tracklets of nobody who is known" in out
  assert "left out: 1 tracklets whose camera is not known" in out
  nobody = labelled.embeddings((vectors, np.full(len(people), -1), cameras))
  with pytest.raises(InputError, match="none of the tracklets has a known person"):
    calibrate(nobody, "sqeuclidean", QUICK)


def test_another_network_is_seen(calibration):
  same = dict(calibration.network)
  assert calibration.misfit(same) is None
  assert calibration.misfit({}) is None
  assert calibration.misfit(same | {"vectors_hash": None}) is None
  assert calibration.misfit(same | {"vectors_hash": "cc"}) == "it has other weights"
  assert (
    calibration.misfit({"distance": "cosine"}) == "distance is sqeuclidean there, and cosine here"
  )
  assert "flip is False there" in calibration.misfit({"flip": True})


def test_it_says_on_whom_it_was_made(calibration):
  assert calibration.calibrated_on == "12 people of mars (held out)"
