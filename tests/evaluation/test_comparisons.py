"""Comparisons in bins and blocks, against a loop over all pairs."""

import itertools

import labelled
import numpy as np
import pytest

from cosam_jax.errors import InputError
from cosam_jax.evaluation import comparisons as module
from cosam_jax.evaluation.comparisons import Comparisons, binned, edges_of, scores_of
from cosam_jax.evaluation.error_rates import rates_at, threshold_for
from cosam_jax.evaluation.search import exact_distances

CASES = [
  (kind, compared) for kind in ("sqeuclidean", "cosine") for compared in ("other_cameras", "all")
]


@pytest.fixture(params=[1 << 22, 7])
def few_at_a_time(request, monkeypatch):
  """All distances in one block, and a row a block."""
  monkeypatch.setattr(module, "_AT_A_TIME", request.param)


def test_a_distance_is_in_the_bin_of_the_next_edge():
  values = np.array([0, 1e-30, 0.1, 0.5, 1, 1.0001, 3.3e38], np.float32)
  edges = edges_of(binned(values))
  assert (values <= edges).all()
  # The next bin begins above the edge, and an edge is off by less than a part in 8,000.
  assert (binned(np.nextafter(edges, np.float32(np.inf))) == binned(values) + 1).all()
  np.testing.assert_allclose(edges[1:], values[1:], rtol=1 / 8000)


@pytest.mark.parametrize(("kind", "compared"), CASES)
@pytest.mark.usefixtures("few_at_a_time")
def test_scores_are_the_distances_of_all_pairs(kind, compared):
  vectors, people, cameras = labelled.drawn()
  cameras[[3, 9]] = -1
  made = Comparisons(vectors, people, cameras, distance=kind, compared=compared)
  assert made.left_out == (2 if compared == "other_cameras" else 0)
  every = labelled.pairs(vectors, people, cameras, kind, compared)
  lists = [[far for _, _, far, mated in every if mated is wanted] for wanted in (True, False)]
  wanted = scores_of(*(np.maximum(np.array(one), 0) for one in lists))
  for name in ("edges", "mated", "non_mated"):
    np.testing.assert_array_equal(getattr(made.scores, name), getattr(wanted, name))
  assert made.scores.true_matches[-1] == len(lists[0])
  assert made.scores.false_matches[-1] == len(lists[1])


@pytest.mark.parametrize("compared", ["other_cameras", "all"])
@pytest.mark.parametrize("most_groups", [1024, 5])
@pytest.mark.usefixtures("few_at_a_time")
def test_counts_are_those_of_a_loop(most_groups, compared, monkeypatch):
  monkeypatch.setattr(module, "MOST_GROUPS", most_groups)
  vectors, people, cameras = labelled.drawn()
  made = Comparisons(vectors, people, cameras, compared=compared)
  thresholds = made.scores.edges[[5, 100, 400]]
  counts = made.counts(thresholds)
  names, numbers = sorted(set(people)), sorted(set(cameras))
  groups = made.groups
  assert len(groups) == len(names)
  assert len(set(groups)) == min(most_groups, len(names))
  wrong = np.zeros((3, groups.max() + 1, groups.max() + 1))
  every = np.zeros(wrong.shape[1:])
  missed, mated = np.zeros((3, groups.max() + 1)), np.zeros(groups.max() + 1)
  by_camera = np.zeros((4, 4, 3, 3))
  for i, j, far, same in labelled.pairs(vectors, people, cameras, compared=compared):
    g, h = (groups[names.index(people[row])] for row in (i, j))
    c, d = sorted(numbers.index(cameras[row]) for row in (i, j))
    by_camera[2 * same, 3, c, d] += 1
    for at, threshold in enumerate(thresholds):
      if same:
        missed[at, g] += far > threshold
        by_camera[2, at, c, d] += far > threshold
      else:
        wrong[at, g, h] += far <= threshold
        by_camera[0, at, c, d] += far <= threshold
    if same:
      mated[g] += 1
    else:
      every[g, h] += 1
  # The place above or below the diagonal has no meaning.
  for found, wanted in ((counts.non_mated, every), *zip(counts.false_matches, wrong)):
    np.testing.assert_array_equal(found + found.T, wanted + wanted.T)
  np.testing.assert_array_equal(counts.false_non_matches, missed)
  np.testing.assert_array_equal(counts.mated, mated)
  np.testing.assert_array_equal(counts.camera_false_matches, by_camera[0, :3])
  np.testing.assert_array_equal(counts.camera_non_mated, by_camera[0, 3])
  np.testing.assert_array_equal(counts.camera_false_non_matches, by_camera[2, :3])
  np.testing.assert_array_equal(counts.camera_mated, by_camera[2, 3])


@pytest.mark.parametrize("compared", ["other_cameras", "all"])
def test_pairs_of_people_are_those_that_are_compared(compared):
  vectors, people, cameras = labelled.drawn(people=15, tracklets=2, cameras=2, seed=3)
  made = Comparisons(vectors, people, cameras, compared=compared)
  every = labelled.pairs(vectors, people, cameras, compared=compared)
  met = {frozenset((people[i], people[j])) for i, j, _, mated in every if not mated}
  assert made.people_pairs == len(met)
  assert (len(met) == len(list(itertools.combinations(set(people), 2)))) == (compared == "all")


def test_huge_distances_are_finite():
  vectors = np.array([[1e38, 0], [-1e38, 0], [1e38, 1], [-1e38, 1]], np.float32)
  made = Comparisons(vectors, np.array([1, 2, 1, 2]), np.array([1, 1, 2, 2]))
  assert np.isfinite(made.scores.edges).all()


@pytest.mark.parametrize(
  ("change", "words"),
  [
    ({"people": 7}, "60 labelled tracklets of 1 people and a known camera"),
    ({"cameras": 2}, "no two labelled tracklets of two cameras are of one person"),
    ({"cameras": -1}, "0 labelled tracklets of 0 people and a known camera"),
    ({"alone": True}, "no two labelled tracklets of two cameras are of one person"),
  ],
)
def test_too_little_to_compare_is_refused(change, words):
  vectors, people, cameras = labelled.drawn()
  if "people" in change:
    people = np.full(len(people), 7)
  if "cameras" in change:
    cameras = np.full(len(cameras), change["cameras"])
  if "alone" in change:
    people = np.arange(len(people))
  with pytest.raises(InputError, match=words):
    _ = Comparisons(vectors, people, cameras).scores


def test_other_names_and_vectors_are_refused():
  vectors, people, cameras = labelled.drawn()
  with pytest.raises(InputError, match="compared is 'some'"):
    Comparisons(vectors, people, cameras, compared="some")
  with pytest.raises(InputError, match=r"distance is 'cosin'.*did you mean 'cosine'"):
    Comparisons(vectors, people, cameras, distance="cosin")
  vectors[4, 2] = np.nan
  with pytest.raises(InputError, match="labelled row 4 hold nan"):
    Comparisons(vectors, people, cameras)


def test_a_pair_exactly_at_the_threshold_is_taken_for_one_person():
  vectors = np.array([[0.0], [1], [3], [5]], np.float32)  # Mated at 1 and 4, non-mated from 4 on.
  made = Comparisons(vectors, np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
  found = made.counts(np.array([1, 4], np.float32))
  np.testing.assert_array_equal(found.false_non_matches.sum(axis=1), [1, 0])
  np.testing.assert_array_equal(found.camera_false_non_matches.sum(axis=(1, 2)), [1, 0])
  np.testing.assert_array_equal(found.false_matches.sum(axis=(1, 2)), [0, 1])


@pytest.mark.parametrize("kind", ["sqeuclidean", "cosine"])
@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e4])
def test_the_threshold_and_the_decision_agree_on_copies(kind, scale):
  vectors, people, cameras = labelled.drawn(people=20, width=64)
  rng = np.random.default_rng(1)
  for copy in range(0, 12, 2):  # Of another person's tracklet, in another camera.
    other = next(
      row for row in range(12, 100)
      if cameras[row] != cameras[copy] and people[row] != people[copy]
    )  # fmt: skip
    # Some differ by a rounding, or a little more.
    noise = 1 + (copy % 3) * 10.0 ** -(copy + 1) * rng.standard_normal(64)
    vectors[copy] = vectors[other] * noise
  vectors = (scale * vectors).astype(np.float32)
  made = Comparisons(vectors, people, cameras, distance=kind)
  exact, mated = [], []
  for i, j, _, same in labelled.pairs(vectors, people, cameras, kind):
    exact.append(np.float32(exact_distances(vectors[i], vectors[j : j + 1], kind)[0]))
    mated.append(same)
  exact, mated = np.array(exact), np.array(mated)
  assert (exact == 0).sum() >= 2
  for wished in (1e-6, 1.5 / (~mated).sum(), 0.003, 0.01, 0.1):
    threshold = threshold_for(made.scores, wished)
    decided = np.mean(exact[~mated] <= np.float32(threshold))
    assert decided == rates_at(made.scores, np.array([threshold]))[0][0] <= wished
