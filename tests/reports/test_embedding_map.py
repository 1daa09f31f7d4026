"""The picture of embeddings: the people in it and the numbers in its sentence, by loops."""

import csv

import numpy as np
import pytest

from cosam_jax.reports.embedding_map import MOST_OTHERS, choose_rows, embedding_chart, project


def test_an_embeddings_picture_says_how_often_the_nearest_is_the_same_person(tmp_path):
  rng = np.random.default_rng(1)
  identities = np.array([3, 3, 3, 5, 5, 8, -1, 4, 4])
  vectors = rng.standard_normal((9, 4)).astype(np.float32)
  real = identities > 0
  near = total = 0
  for i in range(9):
    if real[i] and (identities == identities[i]).sum() > 1:
      others = [j for j in range(9) if j != i]
      nearest = min(others, key=lambda j, i=i: ((vectors[i] - vectors[j]) ** 2).sum())
      near, total = near + (identities[nearest] == identities[i]), total + 1
  names = np.array([f"t{i}" for i in range(9)])
  chart = embedding_chart(tmp_path, vectors, identities, np.zeros(9, int), names)
  assert f"For {near} of {total} tracklets of people with several" in chart.description
  with (tmp_path / chart.files["csv"]).open() as file:
    rows = list(csv.DictReader(file))
  assert [row["tracklet"] for row in rows] == names.tolist()
  places = np.array([[row["x"], row["y"]] for row in rows], float)
  # Nine are too few for t-SNE; the two main components keep as much variance as any two can.
  variances = np.sort(np.linalg.eigvalsh(np.cov(vectors.T.astype(np.float64))))[::-1]
  assert places.var(0, ddof=1) == pytest.approx(variances[:2], rel=1e-3)
  assert project(np.zeros((1, 4)))[0].tolist() == [[0, 0]]


def test_the_most_seen_people_are_pictured_and_a_share_of_the_others():
  identities = np.concatenate([np.repeat(np.arange(1, 13), np.arange(2, 14)), [-1] * 5])
  identities = np.concatenate([identities, np.arange(100, 1000)])
  rows = choose_rows(identities)
  shown = identities[rows].tolist()
  assert rows.tolist() == sorted(set(rows.tolist()))
  for person in range(3, 13):  # The ten with the most.
    assert shown.count(person) == person + 1
  assert -1 not in shown
  assert len(shown) == sum(range(4, 14)) + MOST_OTHERS
