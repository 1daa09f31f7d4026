"""Random labels of queries and gallery, and found metrics compared with the slow loop's."""

import numpy as np

import oracles


def labels(rng, num_queries, num_gallery, identities=6, cameras=3):
  """Random labels with distractors (0) and junk (-1) in the gallery."""
  return {
    "query_ids": rng.integers(1, identities, num_queries),
    "gallery_ids": rng.integers(-1, identities, num_gallery),
    "query_cameras": rng.integers(0, cameras, num_queries),
    "gallery_cameras": rng.integers(0, cameras, num_gallery),
  }


def assert_equals_oracle(found, distance, who, max_rank):
  wanted = oracles.ranking_metrics(distance, *who.values(), max_rank)
  assert found.cmc.shape == (max_rank,)
  for name, value in wanted.items():
    np.testing.assert_allclose(getattr(found, name), value, rtol=1e-12, err_msg=name)
  np.testing.assert_array_equal(found.valid, ~np.isnan(wanted["average_precision"]))
  assert found.num_valid_queries == found.valid.sum()
