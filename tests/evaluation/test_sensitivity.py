"""Choices made after the network, against slow loops over the clips."""

import dataclasses

import numpy as np
import pytest
from evaluation_embeddings import made

import oracles
from cosam_jax.errors import InputError
from cosam_jax.evaluation import sensitivity as choices
from cosam_jax.evaluation.embeddings import Origin
from cosam_jax.reports.sensitivity_table import sensitivity_table


def uneven(seed=0):
  """Ten tracklets of one to six clips of two frames."""
  rng = np.random.default_rng(seed)
  counts = np.array([3, 1, 6, 2, 1, 4, 2, 5, 1, 3])
  owners = np.repeat(np.arange(10), counts)
  clips = rng.standard_normal((len(owners), 4)).astype(np.float32)
  means = np.stack([clips[owners == i].mean(axis=0) for i in range(10)])
  return made(vectors=means, clip_vectors=clips, clip_owners=owners, lengths=2 * counts - 1)


def slow_pool(embeddings, pooling, first_frames=None):
  result = []
  for tracklet in range(len(embeddings.vectors)):
    mine = [
      clip for clip, who in zip(embeddings.clip_vectors, embeddings.clip_owners) if who == tracklet
    ]
    mine = mine if first_frames is None else mine[: first_frames // 2]
    if pooling == "normalised":
      mine = [clip / np.sqrt(np.sum(clip**2)) for clip in mine]
    result.append(np.mean(mine, axis=0))
  return np.array(result)


@pytest.mark.parametrize("pooling", choices.POOLINGS)
@pytest.mark.parametrize("first_frames", [None, 2, 4, 100])
@pytest.mark.parametrize("at_a_time", [3, 4096])
def test_pooling_equals_a_slow_loop(pooling, first_frames, at_a_time, monkeypatch):
  monkeypatch.setattr(choices, "CLIPS_AT_A_TIME", at_a_time)
  embeddings = uneven()
  found = choices.pool_clips(embeddings, pooling, first_frames)
  assert found.dtype == np.float32
  np.testing.assert_allclose(
    found, slow_pool(embeddings, pooling, first_frames), rtol=1e-5, atol=1e-6
  )


def test_the_plain_mean_is_the_runs_own_vector():
  embeddings = uneven()
  np.testing.assert_allclose(choices.pool_clips(embeddings, "mean"), embeddings.vectors, rtol=1e-6)


def test_every_choice_is_ranked_as_a_slow_loop_ranks_it():
  embeddings = uneven(3)
  results = choices.sensitivity(embeddings, [2, 4])
  assert len({result.label for result in results}) == len(results) == 12
  assert results[0].label == "all, mean, sqeuclidean"
  evaluation = embeddings.evaluation()
  queries, gallery = evaluation.query_rows, evaluation.gallery_rows
  who = [
    getattr(embeddings, field)[rows]
    for field in ("identities", "cameras")
    for rows in (queries, gallery)
  ]
  for result in results:
    count = None if result.card.frames == "all" else int(result.card.frames.split()[1])
    vectors = slow_pool(embeddings, result.card.pooling, count)
    if result.card.distance == "cosine":
      vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    distance = oracles.squared_distances(vectors[queries], vectors[gallery])
    wanted = oracles.ranking_metrics(distance, *who, 50)
    assert result.metrics.mean_average_precision == pytest.approx(wanted["mean_average_precision"])
  first = next(result for result in results if result.card.frames == "first 2")
  assert first.card.frames_used == np.minimum(embeddings.lengths, 2).sum()


def test_numbers_of_frames_that_make_sense_where_nobody_says():
  assert choices.default_first_frames(uneven()) == [2, 8]  # The longest has 11.
  some = dataclasses.replace(uneven(), origin=Origin("toy", "reference_4f", num_frames=2))
  assert choices.default_first_frames(some) == []
  assert len(choices.sensitivity(some)) == 4


@pytest.mark.parametrize("count", [0, 3, -2])
def test_numbers_of_frames_that_cut_a_clip_are_refused(count):
  with pytest.raises(InputError, match=rf"--first_frames is {count}: the clips hold 2 frames each"):
    choices.sensitivity(uneven(), [count])


def test_embeddings_without_what_is_asked_are_refused():
  some = dataclasses.replace(uneven(), origin=Origin("toy", "reference_4f", num_frames=2))
  with pytest.raises(InputError, match="reference_4f, so a tracklet's first frames are not in"):
    choices.sensitivity(some, [2])
  none = made(clip_vectors=np.zeros((0, 4)), clip_owners=[])
  with pytest.raises(InputError, match="no clip vectors"):
    choices.sensitivity(none)


def test_the_table_fits():
  table = sensitivity_table(
    [result.record() for result in choices.sensitivity(uneven(), [2, 1000])]
  )
  lines = table.split("\n")
  assert max(map(len, lines)) < 80
  assert lines[2].split()[:3] == ["all", "mean", "sqeuclidean"]
  assert len([line for line in lines if "cosine" in line]) == 6
