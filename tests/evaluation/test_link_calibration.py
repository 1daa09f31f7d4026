"""The cut is the best on people who are new to the space; chances are shares of right merges."""

import labelled
import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.evaluation import link_calibration
from cosam_jax.evaluation.clustering_numbers import agreement
from cosam_jax.evaluation.link_calibration import all_kinds, calibrate_links
from cosam_jax.evaluation.linking import link
from cosam_jax.evaluation.linking_space import NEIGHBOURS_KIND, PLAIN_KIND, LinkDistances, fit_space

pytestmark = pytest.mark.usefixtures("hasty_compilation")
FACTS = {"network": {"label": "step 3"}, "data": {"dataset": "mars"}}


@pytest.fixture(scope="module")
def people():
  return labelled.drawn(people=40, width=12, spread=0.5)


@pytest.fixture(scope="module")
def found(people):
  return calibrate_links(*people, **FACTS, resamples=100)


def test_no_other_cut_is_better_on_average(people, found):
  vectors, who, cameras = people
  values = []
  for seed in range(link_calibration.DIVISIONS):
    order = np.random.default_rng(seed).permutation(np.unique(who))
    for half in (order[:20], order[20:]):
      linked = np.isin(who, half)
      space = fit_space(vectors[~linked], who[~linked], cameras[~linked])
      distances = LinkDistances(space.placed(vectors[linked], cameras[linked]))
      cuts = [found.kinds[PLAIN_KIND].cut + step for step in (-0.15, -0.05, 0, 0.05, 0.15)]
      values.append([agreement(who[linked], link(distances, cut).groups).bcubed_f for cut in cuts])
  means = np.mean(values, axis=0)
  assert means.argmax() == 2 or means.max() - means[2] < 1e-6
  assert 0.3 < means[2] < 1


def test_numbers_are_of_everybody_once(found):
  kind = found.kinds[PLAIN_KIND]
  assert kind.numbers["people"] == 40
  low, high = kind.intervals["bcubed_f"]
  assert low < kind.numbers["bcubed_f"] < high
  assert found.data["linked_people"] == 20
  assert found.data["dataset"] == "mars"


def test_chances_fall_and_are_never_certain(found):
  kind = found.kinds[PLAIN_KIND]
  assert (np.diff(kind.chances) <= 0).all()
  assert 0 < kind.chances[-1] <= kind.chances[0] < 1
  assert kind.chance(0.0) == kind.chances[0]
  assert kind.chance(9.0) == kind.chances[-1]


def test_a_least_chance_lowers_the_cut(found):
  kind = found.kinds[PLAIN_KIND]
  assert kind.cut_for(0.0) == kind.cut
  assert kind.cut_for(1.0) == -1
  middle = float(kind.chances[len(kind.chances) // 2])
  cut = kind.cut_for(middle)
  assert cut == kind.cut or (kind.chance(cut) >= middle > kind.chance(np.nextafter(cut, 9)))


def test_chances_are_shares():
  heights = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
  steps, chances = link_calibration._chances(heights, np.array([1, 1, 1, 0, 1, 0], bool))
  # 0 1 1 1 | 0 1 | 0 1: of the invented ones, the first is wrong and the last right.
  assert steps.tolist() == pytest.approx([0.3, 0.6])
  assert chances.tolist() == pytest.approx([0.75, 0.5])


def test_pieces_of_two_people_are_rarely_within_the_cut(found):
  assert found.stitch["fmr"] <= 0.001
  assert found.stitch["cut"] > 0


def test_few_tracklets_are_not_judged_by_neighbours(found, people, monkeypatch):
  assert found.kind_for(10_000) == PLAIN_KIND  # 100 tracklets a half had no use for neighbours.
  monkeypatch.setattr(link_calibration, "NEIGHBOURS_FROM", 50)
  both = calibrate_links(*people, **FACTS, resamples=100)
  assert both.kind_for(49) == PLAIN_KIND
  assert both.kind_for(50) == NEIGHBOURS_KIND
  assert all_kinds(both.kinds)


def test_too_few_people_are_refused():
  with pytest.raises(InputError, match="7 people have two tracklets or more"):
    calibrate_links(*labelled.drawn(people=7), **FACTS)


def test_of_many_people_some_are_drawn(people, monkeypatch):
  monkeypatch.setattr(link_calibration, "MOST_TRACKLETS", 120)
  found = calibrate_links(*people, **FACTS, resamples=100)
  assert found.data["identities"] == 24
