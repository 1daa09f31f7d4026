"""Hashes of weights and of configurations."""

import numpy as np

from cosam_jax.evaluation.fingerprints import config_hash, rows_hash, vectors_hash, weights_hash


def test_hashes_know_weights_and_settings_by_their_values():
  weights = {"params": {"a": np.ones((2, 3), np.float32), "b": np.zeros(3, np.float32)}}
  same = {"params": {"b": np.zeros(3, np.float32), "a": np.ones((2, 3), np.float32)}}
  assert weights_hash(weights) == weights_hash(same)
  others = [
    {"params": {"a": np.ones((3, 2), np.float32), "b": np.zeros(3, np.float32)}},
    {"params": {"a": np.ones((2, 3), np.float64), "b": np.zeros(3, np.float32)}},
    {"params": {"b": np.ones((2, 3), np.float32), "a": np.zeros(3, np.float32)}},
    {"params": {"a": np.full((2, 3), 1 + 2**-23, np.float32), "b": np.zeros(3, np.float32)}},
  ]
  assert len({weights_hash(tree) for tree in [weights, *others]}) == 5
  flat = {"seed": 0, "clips.image_size": (8, 4), "data.dir": "/a"}

  def hashed(flat):
    return config_hash(flat, lambda name, value: name != "data.dir")

  assert hashed(flat) == hashed({"data.dir": "/b", "clips.image_size": [8, 4], "seed": 0})
  assert hashed(flat) != hashed(flat | {"seed": 1})


def test_vectors_do_not_depend_on_the_classifier():
  stem = {"kernel": np.arange(3.0)}
  without = {"params": {"stem": stem}, "batch_stats": {}}
  classes = {"params": {"stem": stem, "classifier": {"kernel": np.ones(4)}}, "batch_stats": {}}
  other = {"params": {"stem": {"kernel": np.arange(3.0) + 1}}, "batch_stats": {}}
  assert vectors_hash(without) == vectors_hash(classes) != vectors_hash(other)
  assert weights_hash(without) != weights_hash(classes)


def test_labelled_rows_have_one_hash_in_any_order():
  vectors, people = np.arange(12, dtype=np.float32).reshape(4, 3), np.arange(4)
  found = rows_hash(vectors, people)
  assert rows_hash(vectors[::-1], people[::-1]) == found
  assert rows_hash(vectors[::-1], people) != found
  assert rows_hash(vectors[:3], people[:3]) != found
